import type { Message, MessageState } from '../../contract/chat.ts';
import type { Sources } from '../../contract/citations.ts';
import type { Metrics, Sampling } from '../../contract/engine.ts';
import type { StoredError } from '../../contract/errors.ts';
import type { ToolCall } from '../../contract/tools.ts';
import { fromJson } from './db.ts';

/**
 * `tokens` are the ids that the model generated for `text`; null for what was typed or is not known. They are of the
 * vocabulary whose digest is `tokenizer`; null where they are of none that is known, or of two.
 */
export type StoredMessage = Message & { tokens: Int32Array | null; tokenizer: string | null };

export type TokenIds = readonly number[] | Int32Array;

export type MessageRow = {
  id: string;
  conversation_id: string;
  parent_id: string | null;
  role: Message['role'];
  state: MessageState;
  created_ms: number;
  updated_ms: number;
  model: string | null;
  finish_reason: Message['finishReason'];
  metrics: string | null;
  sampling: string | null;
  error: string | null;
  text: string;
  tokens: Buffer | null;
  tokenizer: string | null;
  left_out: 0 | 1;
  omitted: number;
  sources: string | null;
  calls: string | null;
};
export type ChunkRow = { text: string; tokens: Buffer; created_ms: number };

/** A message as others know it. One that is being written has its newest text in `chunks`. */
export function fromRow(row: MessageRow, chunks: ChunkRow[], siblings: string[]): StoredMessage {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    parentId: row.parent_id,
    role: row.role,
    state: row.state,
    text: joinText(row, chunks),
    tokens: fromBlob(joinTokens(row, chunks)),
    tokenizer: row.tokenizer,
    model: row.model,
    finishReason: row.finish_reason,
    metrics: fromJson(row.metrics) as Metrics | null,
    sampling: fromJson(row.sampling) as Sampling | null,
    error: fromJson(row.error) as StoredError | null,
    siblings: siblings.length > 1 ? siblings : [],
    leftOut: row.left_out === 1,
    omitted: row.omitted,
    sources: fromJson(row.sources) as Sources | null,
    calls: row.calls === null ? [] : (JSON.parse(row.calls) as ToolCall[]),
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  };
}

export function joinText(row: MessageRow, chunks: ChunkRow[]): string {
  return chunks.length === 0 ? row.text : row.text + chunks.map(({ text }) => text).join('');
}

/** Null stays null until the first id comes. */
export function joinTokens(row: MessageRow, chunks: ChunkRow[]): Buffer | null {
  if (chunks.length === 0) return row.tokens;
  const joined = Buffer.concat([row.tokens ?? Buffer.alloc(0), ...chunks.map(({ tokens }) => tokens)]);
  return row.tokens === null && joined.length === 0 ? null : joined;
}

/** Int32, little-endian: the byte order of every platform that we run on. */
export function toBlob(tokens: TokenIds): Buffer {
  const ids = tokens instanceof Int32Array ? tokens : Int32Array.from(tokens);
  return Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
}

/** Copies, because a blob may start at any address and an Int32Array may not. */
function fromBlob(blob: Buffer | null): Int32Array | null {
  return blob === null ? null : new Int32Array(Uint8Array.from(blob).buffer);
}
