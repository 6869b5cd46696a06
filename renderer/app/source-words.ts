import type { Citation } from '../../main/contract/citations.ts';
import type { Span } from '../../main/contract/documents.ts';
import type { Documents } from '../state/documents.svelte.ts';
import { partName } from './document-words.ts';
import { formatCount } from './format.ts';
import { t } from './i18n/index.svelte.ts';

/** "Contract.pdf, page 12": what a span is called. Its document may be on the shelf no more. */
export function spanWords({ documentId, part }: Span, documents: Documents, name?: string): string {
  const document = documents.of(documentId);
  const called = document?.name ?? name ?? '?';
  const kind = document?.partKind ?? null;
  if (kind === null || kind === 'text') return called;
  return `${called} · ${t().pane.part[kind](formatCount(part + 1))}`;
}

/** "Contract.pdf · Page iv", "Budget.xlsx · Sheet Costs": what the place of a citation is called; '' where it has none. */
export function placeWords({ span, part }: Citation, documents: Documents, name?: string): string {
  if (span === null || part === null) return '';
  const called = documents.of(span.documentId)?.name ?? name ?? '?';
  return part.kind === 'text' ? called : `${called} · ${partName(part.kind, part.label)}`;
}

/** What of a stretch its source does not bear out; '' where there is no doubt. */
export function doubtWords({ doubts }: Citation): string {
  if (doubts.length === 0) return '';
  const { sources: words } = t();
  return words.doubt(words.list(doubts.map(({ kind, text }) => words.doubts[kind](text))));
}
