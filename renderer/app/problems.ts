import { isErrorCode } from '../../main/contract/errors.ts';
import { formatCount } from './format.ts';
import { t } from './i18n/index.svelte.ts';

/** An error as it is stored or sent. */
export type Problem = { code: string; message: string; details: Record<string, unknown> };

/** The sentence for the user: what happened, what it means, one next step. Unknown codes read as a fault of our own. */
export function describe(problem: Problem): string {
  return t().errors[isErrorCode(problem.code) ? problem.code : 'internal']((detail) => {
    const value = problem.details[detail];
    if (typeof value === 'number') return formatCount(value);
    return typeof value === 'string' ? value : '?';
  });
}
