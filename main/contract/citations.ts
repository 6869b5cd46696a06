import { z } from 'zod';
import { readingWay, span } from './documents.ts';
import { part } from './extraction.ts';

/** What of a sentence its source does not bear out. */
export const doubt = z.object({ kind: z.enum(['number', 'name', 'negation']), text: z.string() });
export type Doubt = z.infer<typeof doubt>;

/**
 * What a stretch of an answer rests on, [start, end) in UTF-16 units of its text. `exact`: the cited words stand there, but
 * for white space, hyphens and width; `close`: much of them; `computed`: its numbers came out of a query, and `quote` has the
 * rows; `missing`: nothing like it was found. The last two have no span.
 */
export const citation = z.object({
  start: z.number(),
  end: z.number(),
  state: z.enum(['exact', 'close', 'computed', 'missing']),
  span: span.nullable(),
  /** What a reader calls the part of the span: 'iv' of a page, the name of a sheet. */
  part: part.pick({ kind: true, label: true }).nullable(),
  /** The words of the span, as stored, or the rows; '' once a document that they are from is removed. */
  quote: z.string(),
  doubts: z.array(doubt),
});
export type Citation = z.infer<typeof citation>;

/** Words that were read, and what a reader calls the part that they stand in; null where that was not kept. */
export const readPassage = span.extend({
  place: part.pick({ kind: true, label: true }).nullable().default(null),
});

/**
 * What stands before a question, and what its answer rests on. A question names what came into the prompt with it: whole
 * documents, or passages that were found; an answer all documents before it, and what of its text is borne out.
 */
export const sources = z.object({
  way: readingWay,
  documents: z.array(z.object({ id: z.string(), name: z.string() })),
  /**
   * Names of folders that were searched whole, and tags as `#tag`; '' for the whole shelf. Of their documents only those are
   * named that something was read of.
   */
  folders: z.array(z.string()).optional(),
  /** What was read of the documents, where that is not all. */
  passages: z.array(readPassage),
  /** Of a question: the number of its first paragraph, so that none stands for two in a conversation. */
  firstMark: z.number().int(),
  /**
   * Of a question, where the model may query tables: what it is told of those that came with it, a document each. Kept as it
   * was told, so that the next prompt begins with it. `names` are those of the tables in SQL, in their order, which stay
   * whatever else comes or goes.
   */
  tables: z
    .array(z.object({ documentId: z.string(), text: z.string(), names: z.array(z.string()).optional() }))
    .optional(),
  /** Of an answer. */
  citations: z.array(citation),
  /** A search found nothing that may be about the question: what it read is the least far from it. */
  nothingClose: z.boolean().optional(),
});
export type Sources = z.infer<typeof sources>;
