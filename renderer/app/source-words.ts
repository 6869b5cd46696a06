import type { Citation } from '../../main/contract/citations.ts';
import type { Documents } from '../state/documents.svelte.ts';
import { partName } from './document-words.ts';
import { t } from './i18n/index.svelte.ts';

/**
 * "Contract.pdf · Page iv", "Budget.xlsx · Sheet Costs": what the place of a citation is called; '' where it has none. Its
 * document may be on the shelf no more.
 */
export function placeWords(
  { span, part }: Pick<Citation, 'span' | 'part'>,
  documents: Documents,
  name?: string,
): string {
  if (span === null) return '';
  const called = documents.of(span.documentId)?.name ?? name ?? '?';
  return part === null || part.kind === 'text' ? called : `${called} · ${partName(part.kind, part.label)}`;
}

/** What of a stretch its source does not bear out; '' where there is no doubt. */
export function doubtWords({ doubts }: Citation): string {
  if (doubts.length === 0) return '';
  const { sources: words } = t();
  return words.doubt(words.list(doubts.map(({ kind, text }) => words.doubts[kind](text))));
}
