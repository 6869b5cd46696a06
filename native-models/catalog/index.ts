import type { CatalogEntry } from './entry.ts';
import { qwen25Instruct, smolLm2 } from './starters.ts';

export { fileName, type CatalogEntry, type HubFile, type PackagedFile } from './entry.ts';

export const catalog: readonly CatalogEntry[] = [...qwen25Instruct, smolLm2];

/** The name that stands for whatever suits this machine. */
export const STARTER = 'starter';

/**
 * The entries that `name` may mean, the preferred first. For 'starter': the largest Qwen2.5 that leaves half of the
 * machine's memory to everything else (the smallest, where none does), then the one that needs no hub.
 */
export function candidates(name: string, memoryBytes: number): CatalogEntry[] {
  if (name !== STARTER) return catalog.filter((entry) => entry.name === name);
  const fitting = qwen25Instruct.filter((entry) => entry.memoryBytes <= memoryBytes / 2);
  const preferred = fitting.at(-1) ?? qwen25Instruct[0];
  return preferred === undefined ? [smolLm2] : [preferred, smolLm2];
}
