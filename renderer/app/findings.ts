import type { Finding } from '../../main/contract/system.ts';
import { formatBytes, formatCount } from './format.ts';
import { t } from './i18n/index.svelte.ts';
import { modelTitle } from './model-title.ts';

/** What the doctor found, in the language of the page. A code from a newer assistant reads as it sent it. */
export function findingWords({ code, values, summary, action }: Finding): { summary: string; action: string | null } {
  const dictionary: Record<string, FindingWords> = t().diagnostics.found;
  const words = dictionary[code];
  if (words === undefined) return { summary, action };
  const read = (name: string) => {
    const value = values[name];
    if (typeof value === 'number') return name.endsWith('Bytes') ? formatBytes(value) : formatCount(value);
    return name === 'name' && value !== undefined ? modelTitle(value) : (value ?? '?');
  };
  return { summary: words.says(read), action: words.action ?? null };
}

export type FindingWords = { says(value: (name: string) => string): string; action?: string };
