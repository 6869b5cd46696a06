import { isErrorCode } from '../../main/contract/errors.ts';
import type { OutOfMemory } from '../../main/contract/shell.ts';
import { formatBytes, formatCount } from './format.ts';
import { UNKNOWN, WHY } from './i18n/en-errors.ts';
import { locale, t } from './i18n/index.svelte.ts';

/** An error as it is stored or sent. */
export type Problem = { code: string; message: string; details: Record<string, unknown> };

/** The sentence for the user: what happened, what it means, one next step. Unknown codes read as a fault of our own. */
export function describe(problem: Problem): string {
  return t().errors[isErrorCode(problem.code) ? problem.code : 'internal']((detail) => {
    if (detail === WHY) return typeof problem.details.isCertain === 'boolean' ? memoryWords(problem.details) : '';
    const value = problem.details[detail];
    if (typeof value === 'number') return detail.endsWith('Bytes') ? formatBytes(value) : formatCount(value);
    if (Array.isArray(value)) return new Intl.ListFormat(locale.language).format(value.map(String));
    return typeof value === 'string' ? value : UNKNOWN;
  });
}

/** " (perhaps out of memory, 7.8 GB of 8.2 GB in use)", as much of it as is known. */
export function memoryWords({ isCertain, usedBytes, totalBytes }: Partial<Record<keyof OutOfMemory, unknown>>): string {
  const isKnown = typeof usedBytes === 'number' && typeof totalBytes === 'number';
  const figures = isKnown ? t().model.doneOf(formatBytes(usedBytes), formatBytes(totalBytes)) : null;
  return t().notices.outOfMemory(isCertain === true, figures);
}

/** The code and its values, for whoever is asked for help: "disk-full, freeBytes: 1200". */
export function technical({ code, details }: Problem): string {
  const values = Object.entries(details).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return [code, ...values].join(', ');
}
