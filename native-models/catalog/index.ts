import type { CatalogEntry } from './entry.ts';
import { qwen25Coder, qwen25Instruct, qwen25Math, qwen25Million, qwenMoe, qwq, smolLm2 } from './qwen.ts';

export {
  needsAcknowledgement,
  type CatalogEntry,
  type HubSource,
  type PackagedFile,
  type Published,
  type Source,
} from './entry.ts';
export { embedders, type EmbedderEntry } from './embedders.ts';
export { search } from './search.ts';

export const catalog: readonly CatalogEntry[] = [
  ...qwen25Instruct,
  ...qwen25Coder,
  ...qwen25Math,
  qwq,
  ...qwen25Million,
  ...qwenMoe,
  smolLm2,
];

/** For whoever has no purpose in mind yet. */
export const general: readonly CatalogEntry[] = [...qwen25Instruct, smolLm2];

/** The name that stands for whatever suits this machine. */
export const STARTER = 'starter';

/** Memory of the machine below which the larger starter is too much: it should leave half of it to everything else. */
const ROOMY_BYTES = 6.4e9;

/**
 * The entries that `name` may mean, the preferred first. For 'starter': a small Qwen2.5 that leaves half of the
 * machine's memory to everything else, then the one that needs no hub.
 */
export function candidates(name: string, memoryBytes: number): CatalogEntry[] {
  if (name !== STARTER) return catalog.filter((entry) => entry.name === name);
  const preferred = qwen25Instruct[memoryBytes >= ROOMY_BYTES ? 1 : 0];
  return preferred === undefined ? [smolLm2] : [preferred, smolLm2];
}
