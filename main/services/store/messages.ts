import type { Message, MessageState } from '../../contract/chat.ts';
import type { Sources } from '../../contract/citations.ts';
import type { Metrics, Sampling } from '../../contract/engine.ts';
import { LonghandError, type StoredError } from '../../contract/errors.ts';
import type { ToolCall } from '../../contract/tools.ts';
import { atOnce, durably, toJson, type ReadableDb, type WritableDb } from './db.ts';
import { newId } from './ids.ts';
import {
  fromRow,
  joinText,
  joinTokens,
  toBlob,
  type ChunkRow,
  type MessageRow,
  type StoredMessage,
  type TokenIds,
} from './message-rows.ts';
import type { SearchIndex } from './search.ts';

export type { StoredMessage, TokenIds } from './message-rows.ts';

export type NewMessage = Pick<Message, 'conversationId' | 'parentId' | 'role'> &
  Partial<Pick<Message, 'state' | 'text' | 'model' | 'sampling' | 'sources'>> & {
    tokens?: TokenIds | null;
    tokenizer?: string | null;
  };

/** How an answer ended. What is left out stays as it was. */
export type Ending = {
  state: Exclude<MessageState, 'waiting' | 'streaming'>;
  finishReason?: Message['finishReason'];
  model?: string | null;
  tokenizer?: string | null;
  omitted?: number;
  sampling?: Sampling | null;
  metrics?: Metrics | null;
  error?: StoredError | null;
  sources?: Sources | null;
};

type ById = { id: string };

/** What is read of a message: the fields of `MessageRow`. */
const COLUMNS = /* sql */ `
  m.id, m.conversation_id, m.parent_id, m.role, m.state, m.created_ms, m.updated_ms, m.model, m.finish_reason, m.metrics,
  m.sampling, m.error, m.text, m.tokens, m.tokenizer, m.left_out, m.omitted, m.sources, m.calls`;

export const GET_MESSAGE = /* sql */ `
  SELECT ${COLUMNS} FROM messages AS m WHERE m.id = :id`;

export const GET_PATH = /* sql */ `
  WITH RECURSIVE path (id, parent_id, depth) AS (
    SELECT id, parent_id, 0 FROM messages WHERE id = :id
    UNION ALL
    SELECT parent.id, parent.parent_id, path.depth + 1
    FROM path CROSS JOIN messages AS parent ON parent.id = path.parent_id
  )
  SELECT ${COLUMNS} FROM path CROSS JOIN messages AS m ON m.id = path.id
  ORDER BY path.depth DESC`;

/** A message and those above it, one after the other: nothing is sorted, so that reading can end at any of them. */
export const GET_UPWARDS = /* sql */ `
  WITH RECURSIVE path (id) AS (
    VALUES (:id)
    UNION ALL
    SELECT parent_id FROM path CROSS JOIN messages AS child ON child.id = path.id WHERE parent_id IS NOT NULL
    LIMIT :limit
  )
  SELECT ${COLUMNS} FROM path CROSS JOIN messages AS m ON m.id = path.id`;

export const GET_IDS_UPWARDS = /* sql */ `
  WITH RECURSIVE path (id) AS (
    VALUES (:id)
    UNION ALL
    SELECT parent_id FROM path CROSS JOIN messages AS child ON child.id = path.id WHERE parent_id IS NOT NULL
  )
  SELECT id FROM path`;

export const GET_ALL = /* sql */ `
  SELECT ${COLUMNS} FROM messages AS m WHERE m.conversation_id = :conversationId ORDER BY m.id`;

export const GET_CHILDREN = /* sql */ `
  SELECT id FROM messages WHERE conversation_id = :conversationId AND parent_id IS :parentId ORDER BY id`;

/** Every message that has a sibling, with its parent. */
export const GET_FORKS = /* sql */ `
  SELECT parent_id, json_group_array(id ORDER BY id) AS ids FROM messages
  WHERE conversation_id = :conversationId GROUP BY parent_id HAVING count(*) > 1`;

export const GET_NEWEST_LEAF = /* sql */ `
  WITH RECURSIVE descent (id, depth) AS (
    SELECT :id, 0
    UNION ALL
    SELECT (SELECT max(child.id) FROM messages AS child
            WHERE child.conversation_id = :conversationId AND child.parent_id = descent.id), depth + 1
    FROM descent WHERE descent.id IS NOT NULL
  )
  SELECT id FROM descent WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1`;

export const GET_MEASURED = /* sql */ `
  SELECT metrics FROM messages WHERE model = :model AND metrics IS NOT NULL ORDER BY id DESC LIMIT :limit`;

export const GET_CHUNKS = 'SELECT text, tokens, created_ms FROM message_chunks WHERE message_id = :id ORDER BY seq';

export const GET_UNFINISHED = /* sql */ `SELECT id FROM messages WHERE state IN ('waiting', 'streaming') ORDER BY id`;

export function messageReader(db: ReadableDb) {
  const getRow = db.prepare<ById, MessageRow>(GET_MESSAGE);
  const getPath = db.prepare<ById, MessageRow>(GET_PATH);
  const getUpwards = db.prepare<{ id: string; limit: number }, MessageRow>(GET_UPWARDS);
  const getIdsUpwards = db.prepare<ById, string>(GET_IDS_UPWARDS).pluck();
  const getAll = db.prepare<{ conversationId: string }, MessageRow>(GET_ALL);
  const getChildren = db.prepare<{ conversationId: string; parentId: string | null }, string>(GET_CHILDREN).pluck();
  const getForks = db.prepare<{ conversationId: string }, { parent_id: string | null; ids: string }>(GET_FORKS);
  const getNewestLeaf = db.prepare<{ id: string; conversationId: string }, string>(GET_NEWEST_LEAF).pluck();
  const getChunks = db.prepare<ById, ChunkRow>(GET_CHUNKS);
  const getMeasured = db.prepare<{ model: string; limit: number }, string>(GET_MEASURED).pluck();

  const siblingsOf = ({ conversation_id: conversationId, parent_id: parentId }: MessageRow): string[] =>
    getChildren.all({ conversationId, parentId });
  /** A message that is still being written has its newest text in chunks. */
  const whole = (row: MessageRow, siblings: string[]): StoredMessage =>
    fromRow(row, row.state === 'streaming' ? getChunks.all({ id: row.id }) : [], siblings);
  const known = (id: string): MessageRow => {
    const row = getRow.get({ id });
    if (row === undefined) throw new LonghandError('not-found', `There is no message ${id}.`, { id });
    return row;
  };

  /** Only places with a choice. */
  const siblingsByParent = (conversationId = ''): Map<string | null, string[]> =>
    new Map(getForks.all({ conversationId }).map(({ parent_id, ids }) => [parent_id, JSON.parse(ids) as string[]]));

  // Row and chunks are read in one transaction: on a connection of its own, `finish` could fold them in between.
  return {
    get: (id: string): StoredMessage | null =>
      atOnce(db, () => {
        const row = getRow.get({ id });
        return row === undefined ? null : whole(row, siblingsOf(row));
      }),

    /** From the root to the message `leafId`, both included; empty when there is no such message. */
    path: (leafId: string): StoredMessage[] =>
      atOnce(db, () => {
        const rows = getPath.all({ id: leafId });
        const siblings = siblingsByParent(rows[0]?.conversation_id);
        return rows.map((row) => whole(row, siblings.get(row.parent_id) ?? []));
      }),

    /**
     * The end of the path to `id`: at most `most` messages, oldest first, and no more once they have `characters`; at
     * least one, if there is such a message. What is above never changes its place, so a path can be read part by part.
     */
    pathPart: (id: string, { most, characters = Infinity }: { most: number; characters?: number }): StoredMessage[] =>
      atOnce(db, () => {
        const rows: MessageRow[] = [];
        let read = 0;
        for (const row of getUpwards.iterate({ id, limit: most })) {
          rows.push(row);
          if ((read += row.text.length) >= characters) break;
        }
        return rows.reverse().map((row) => whole(row, siblingsOf(row)));
      }),

    /** Those of `ids` that the path from the root to `leafId` leads through. It is climbed until all are found. */
    onPath(leafId: string, ids: readonly string[]): string[] {
      const sought = new Set(ids);
      const found: string[] = [];
      if (sought.size === 0) return found;
      for (const id of getIdsUpwards.iterate({ id: leafId })) {
        if (!sought.delete(id)) continue;
        found.push(id);
        if (sought.size === 0) break;
      }
      return found;
    },

    /** Every message of a conversation, oldest first, whatever branch it is on. */
    all: (conversationId: string): StoredMessage[] =>
      atOnce(db, () => {
        const siblings = siblingsByParent(conversationId);
        return getAll.all({ conversationId }).map((row) => whole(row, siblings.get(row.parent_id) ?? []));
      }),

    /** Ids of the messages with the same parent, this one included, oldest first. @throws LonghandError `not-found` */
    siblings: (id: string): string[] => siblingsOf(known(id)),

    /** Ids of the messages that follow this one, oldest first. @throws LonghandError `not-found` */
    children: (id: string): string[] => getChildren.all({ conversationId: known(id).conversation_id, parentId: id }),

    /** The places where the conversation branches: a parent (null: the start) and its children, oldest first. */
    forks: (conversationId: string): { parentId: string | null; ids: string[] }[] =>
      [...siblingsByParent(conversationId)].map(([parentId, ids]) => ({ parentId, ids })),

    /** What was measured on the last answers of a model, the newest first. */
    measured: (model: string, limit: number): Metrics[] =>
      getMeasured.all({ model, limit }).map((metrics) => JSON.parse(metrics) as Metrics),

    /** The end of the branch below `id` that follows the newest child at each step. @throws LonghandError `not-found` */
    newestLeaf: (id: string): string => getNewestLeaf.get({ id, conversationId: known(id).conversation_id }) ?? id,
  };
}

export function messageWriter(db: WritableDb, index: SearchIndex, now: () => number) {
  const reader = messageReader(db);
  const getRow = db.prepare<ById, MessageRow>(GET_MESSAGE);
  const getPath = db.prepare<ById, MessageRow>(GET_PATH);
  const getChunks = db.prepare<ById, ChunkRow>(GET_CHUNKS);
  const getUnfinished = db.prepare<[], string>(GET_UNFINISHED).pluck();
  const insert = db.prepare(/* sql */ `
    INSERT INTO messages (id, conversation_id, parent_id, role, state, created_ms, updated_ms,
                          model, sampling, text, tokens, tokenizer, sources)
    VALUES (:id, :conversationId, :parentId, :role, :state, :now, :now, :model, :sampling, :text, :tokens,
            :tokenizer, :sources)`);
  const touch = db.prepare('UPDATE conversations SET updated_ms = :now WHERE id = :conversationId');
  const begin = db.prepare(/* sql */ `
    UPDATE messages SET state = 'streaming', finish_reason = NULL, error = NULL, updated_ms = :now WHERE id = :id`);
  const nextSeq = db
    .prepare<ById, number>(
      /* sql */ `SELECT (SELECT coalesce(max(seq) + 1, 0) FROM message_chunks WHERE message_id = :id)
                 FROM messages WHERE id = :id AND state = 'streaming'`,
    )
    .pluck();
  const append = db.prepare(
    'INSERT INTO message_chunks (message_id, seq, created_ms, text, tokens) VALUES (?, ?, ?, ?, ?)',
  );
  const fold = db.prepare(/* sql */ `
    UPDATE messages
    SET state = :state, text = :text, tokens = :tokens, updated_ms = :updatedMs, model = :model,
        finish_reason = :finishReason, metrics = :metrics, sampling = :sampling, error = :error,
        tokenizer = :tokenizer, omitted = :omitted, sources = :sources
    WHERE id = :id`);
  const setCalls = db.prepare('UPDATE messages SET calls = :calls WHERE id = :id');
  const setLeftOut = db.prepare(
    'UPDATE messages SET left_out = :leftOut WHERE id = :id AND conversation_id = :conversationId',
  );
  const copy = db.prepare(/* sql */ `
    INSERT INTO messages (id, conversation_id, parent_id, role, state, created_ms, updated_ms, model, finish_reason,
                          metrics, sampling, error, text, tokens, tokenizer, left_out, omitted, sources, calls)
    SELECT :id, :conversationId, :parentId, role, :state, created_ms, updated_ms, model, finish_reason,
           metrics, sampling, error, :text, :tokens, tokenizer, left_out, omitted, sources, calls
    FROM messages WHERE id = :from`);
  const deleteChunks = db.prepare('DELETE FROM message_chunks WHERE message_id = :id');

  // The next `seq` of each message being written. Asking SQLite for it at every token doubled the cost of a commit.
  const sequences = new Map<string, number>();

  const known = (id: string): MessageRow => {
    const row = getRow.get({ id });
    if (row === undefined) throw new LonghandError('not-found', `There is no message ${id}.`, { id });
    return row;
  };

  const appendChunk = (id: string, text: string, tokens: TokenIds): void => {
    const seq = sequences.get(id) ?? nextSeq.get({ id });
    if (seq === undefined) throw new Error(`message ${id} is not streaming`);
    append.run(id, seq, now(), text, toBlob(tokens));
    sequences.set(id, seq + 1);
  };

  const end = (row: MessageRow, ending: Ending, updatedMs?: number): StoredMessage => {
    const { id } = row;
    const chunks = getChunks.all({ id });
    const text = joinText(row, chunks);
    fold.run({
      id,
      text,
      tokens: joinTokens(row, chunks),
      state: ending.state,
      updatedMs: updatedMs ?? chunks.at(-1)?.created_ms ?? row.updated_ms,
      finishReason: ending.finishReason === undefined ? row.finish_reason : ending.finishReason,
      model: ending.model === undefined ? row.model : ending.model,
      tokenizer: ending.tokenizer === undefined ? row.tokenizer : ending.tokenizer,
      omitted: ending.omitted ?? row.omitted,
      metrics: ending.metrics === undefined ? row.metrics : toJson(ending.metrics),
      sampling: ending.sampling === undefined ? row.sampling : toJson(ending.sampling),
      error: ending.error === undefined ? row.error : toJson(ending.error),
      sources: ending.sources === undefined ? row.sources : toJson(ending.sources),
    });
    deleteChunks.run({ id });
    sequences.delete(id);
    index.putMessage(id, row.role, text);
    return shown(id);
  };
  const shown = (id: string): StoredMessage => reader.get(id)!; // in the transaction that has just written it

  return {
    ...reader,

    /**
     * Adds a message below `parentId` (null: at the start). It does not become the shown leaf by itself.
     * `state` is 'complete' unless said otherwise.
     */
    insert(message: NewMessage): StoredMessage {
      const { conversationId, parentId, role, state = 'complete', text = '' } = message;
      const nowMs = now();
      const id = newId(nowMs);
      return durably(db, () => {
        insert.run({
          id,
          conversationId,
          parentId,
          role,
          state,
          text,
          now: nowMs,
          model: message.model ?? null,
          sampling: toJson(message.sampling),
          tokens: message.tokens ? toBlob(message.tokens) : null,
          tokenizer: message.tokenizer ?? null,
          sources: toJson(message.sources),
        });
        touch.run({ conversationId, now: nowMs });
        if (state === 'complete') index.putMessage(id, role, text);
        return shown(id);
      });
    },

    /** The first token is about to come, or the answer goes on after a stop: text and tokens so far stay. */
    startStreaming: (id: string): StoredMessage =>
      durably(db, () => {
        known(id);
        begin.run({ id, now: now() });
        return shown(id);
      }),

    /**
     * Commits a piece of a streaming answer, before anybody sees it. It survives the death of the process; `finish`
     * makes it survive a power cut. Either part may be empty: an id may complete no character yet.
     */
    appendChunk,

    /** What an answer has called so far; with a new call come the tokens that it was written in. Kept as `appendChunk` does. */
    setCalls: db.transaction((id: string, calls: readonly ToolCall[], written?: { text: string; tokens: TokenIds }) => {
      if (written !== undefined) appendChunk(id, written.text, written.tokens);
      setCalls.run({ id, calls: toJson(calls) });
    }),

    /** Ends an answer: chunks become its text and tokens, and search finds it. @throws LonghandError `not-found` */
    finish: (id: string, ending: Ending): StoredMessage =>
      durably(db, () => {
        const nowMs = now();
        const row = known(id);
        touch.run({ conversationId: row.conversation_id, now: nowMs });
        return end(row, ending, nowMs);
      }),

    /** Whether the model reads these messages from now on. @throws LonghandError `not-found`, with nothing changed */
    leaveOut: (conversationId: string, ids: readonly string[], leftOut: boolean): void =>
      durably(db, () => {
        for (const id of ids) {
          if (setLeftOut.run({ id, conversationId, leftOut: leftOut ? 1 : 0 }).changes === 1) continue;
          const message = `There is no message ${id} in the conversation ${conversationId}.`;
          throw new LonghandError('not-found', message, { id, conversationId });
        }
      }),

    /**
     * Copies the messages from the root to `leafId` into another conversation, with the tokens of its answers and the
     * times at which they were written. Returns the copy of the last one. What is being written is copied as stopped.
     */
    copyPath: (leafId: string, conversationId: string): string | null =>
      durably(db, () => {
        let parentId: string | null = null;
        for (const row of getPath.all({ id: leafId })) {
          const id = newId(now());
          const chunks = row.state === 'streaming' ? getChunks.all({ id: row.id }) : [];
          const text = joinText(row, chunks);
          const state = row.state === 'streaming' || row.state === 'waiting' ? 'stopped' : row.state;
          copy.run({ id, from: row.id, conversationId, parentId, state, text, tokens: joinTokens(row, chunks) });
          index.putMessage(id, row.role, text);
          parentId = id;
        }
        touch.run({ conversationId, now: now() });
        return parentId;
      }),

    /**
     * For the start of the app: whatever was being written or waited for when the process died becomes 'interrupted',
     * with the text that was reached and the time of its last piece as `updatedMs`. Returns the ids.
     */
    recoverInterrupted: (): string[] =>
      durably(db, () => {
        const ids = getUnfinished.all();
        for (const id of ids) end(known(id), { state: 'interrupted' });
        return ids;
      }),
  };
}
