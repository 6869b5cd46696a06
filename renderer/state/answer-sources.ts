import type { Citation, Sources } from '../../main/contract/citations.ts';
import type { DocumentInfo, Span } from '../../main/contract/documents.ts';
import type { Place } from './source-pane.svelte.ts';

/** A citation with what stands in its mark: the same span has the same number; one that was not found has none. */
export type NumberedCitation = Citation & { number: number | null };

/** Numbers citations in the order in which their marks come in the text. The list keeps its own order. */
export function numberCitations(citations: readonly Citation[]): NumberedCitation[] {
  const numbers = new Map<string, number>();
  for (const { span } of citations.toSorted((a, b) => a.end - b.end)) {
    if (span !== null && !numbers.has(keyOf(span))) numbers.set(keyOf(span), numbers.size + 1);
  }
  return citations.map((citation) => ({
    ...citation,
    number: citation.span === null ? null : (numbers.get(keyOf(citation.span)) ?? null),
  }));
}

export type Tally = { claims: number } & Record<Citation['state'], number>;

export function tally(citations: readonly Citation[]): Tally {
  const count = (wanted: Citation['state']) => citations.filter(({ state }) => state === wanted).length;
  const [exact, close, computed, missing] = [count('exact'), count('close'), count('computed'), count('missing')];
  return { claims: citations.length, exact, close, computed, missing };
}

/** How much of its documents an answer was made from: parts there are, as far as the shelf knows, and parts it read. */
export function extentOf({ documents, passages }: Sources, of: (id: string) => DocumentInfo | null) {
  const known = documents.map(({ id }) => of(id)).filter((one) => one !== null);
  const read = new Set(passages.map(({ documentId, part }) => `${documentId} ${part}`));
  const arePages = known.length > 0 && known.every(({ partKind }) => partKind === 'page');
  return { searched: known.reduce((sum, { parts }) => sum + parts, 0), read: read.size, arePages };
}

const keyOf = ({ documentId, part, start, end }: Span) => [documentId, part, start, end].join(' ');

/** Where the words of a citation are shown; null where there are none. */
export const placeOf = ({ span }: Pick<Citation, 'span'>): Place | null =>
  span && { documentId: span.documentId, part: span.part, ranges: [[span.start, span.end]] };
