import type { Verification } from '../contract/models.ts';
import { table } from './table.ts';

/** A row for each task and length, with what was found at each depth, and what that means. */
export function describeVerification({ name, cells, surprises, verifiedTokens }: Verification): string[] {
  const depths = [...new Set(cells.map(({ depth }) => depth))].toSorted((a, b) => a - b);
  const rows = [...new Map(cells.map((cell) => [`${cell.tokens} ${cell.task}`, cell])).values()].map((row) => [
    row.tokens.toLocaleString('en'),
    row.task,
    ...depths.map((depth) => {
      const cell = cells.find((one) => one.task === row.task && one.tokens === row.tokens && one.depth === depth);
      return cell === undefined ? '' : `${cell.found}/${cell.asked}`;
    }),
  ]);
  const verdict =
    verifiedTokens === null
      ? `${name} is not verified: it missed too much at the shortest length that was tried.`
      : `${name} is verified to ${verifiedTokens.toLocaleString('en')} tokens here: it found what was hidden in texts up to there.`;
  const perplexities = surprises.map(
    ({ tokens, surprise }) => `${Math.exp(surprise).toFixed(2)} up to ${tokens.toLocaleString('en')}`,
  );
  const book =
    perplexities.length === 0 ? [] : [`Perplexity of a book by position: ${perplexities.join(', ')} tokens.`];
  return [...table(['tokens', 'task', ...depths.map((depth) => `at ${depth * 100} %`)], rows), ...book, verdict];
}
