import { z } from 'zod';
import { storedError } from './common.ts';
import { tableCell } from './extraction.ts';

/** What a query gave; `truncated`: there are more rows. */
export const tableResult = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.array(tableCell)),
  truncated: z.boolean(),
  /** The one row that there is was too long to be kept: its cells are cut, and end in '…'. */
  isCut: z.boolean().optional(),
});
export type TableResult = z.infer<typeof tableResult>;
export type TableCell = z.infer<typeof tableCell>;

/** A call of a tool that the model wrote into its answer, and what came of it. */
export const toolCall = z.object({
  /** Both null where what was written cannot be read as a call. */
  name: z.string().nullable(),
  input: z.record(z.string(), z.json()).nullable(),
  /** What stood between the marks of a call. */
  written: z.string(),
  /** Where in the answer's text it was made, in UTF-16 units. */
  at: z.number().int(),
  /** Of the answer's generated tokens, how many there are up to its end. */
  tokens: z.number().int(),
  /** What the model was told; null while it runs, or where it was stopped; '' once a document that it read is removed. */
  response: z.string().nullable(),
  error: storedError.nullable(),
  /** What it found, where that is a table; more rows than the model was told. */
  table: tableResult.nullable(),
  /** Whose tables it read. */
  documentIds: z.array(z.string()),
});
export type ToolCall = z.infer<typeof toolCall>;
