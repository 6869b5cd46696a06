import type { Conversation } from '../../contract/chat.ts';
import { LonghandError } from '../../contract/errors.ts';
import { checkpoint, durably, type ReadableDb, type WritableDb } from './db.ts';
import { newId } from './ids.ts';
import type { SearchIndex } from './search.ts';

/** 'auto': made from the first message, and may be made again; 'user': never touched by the app. */
export type TitleSource = 'auto' | 'user';

/** `updatedMs` is when a message last came or changed; renaming does not move a conversation up the list. */
export type StoredConversation = Conversation & { titleSource: TitleSource; deletedMs: number | null };

export type ConversationPage = {
  items: StoredConversation[];
  /** Give it as `before` for the page after this one; null on the last page. */
  next: string | null;
};

type Row = {
  id: string;
  title: string;
  title_source: TitleSource;
  system_prompt: string | null;
  leaf_id: string | null;
  created_ms: number;
  updated_ms: number;
  deleted_ms: number | null;
};

type PageParameters = { updatedMs: number; id: string; limit: number };

export const GET_CONVERSATION = /* sql */ `
  SELECT id, title, title_source, system_prompt, leaf_id, created_ms, updated_ms, deleted_ms
  FROM conversations WHERE id = :id`;

export const LIST_CONVERSATIONS = /* sql */ `
  SELECT id, title, title_source, system_prompt, leaf_id, created_ms, updated_ms, deleted_ms
  FROM conversations
  WHERE deleted_ms IS NULL AND (updated_ms, id) < (:updatedMs, :id)
  ORDER BY updated_ms DESC, id DESC LIMIT :limit`;

export const LIST_BIN = /* sql */ `
  SELECT id, title, title_source, system_prompt, leaf_id, created_ms, updated_ms, deleted_ms
  FROM conversations
  WHERE deleted_ms IS NOT NULL AND (updated_ms, id) < (:updatedMs, :id)
  ORDER BY updated_ms DESC, id DESC LIMIT :limit`;

export function conversationReader(db: ReadableDb) {
  const getRow = db.prepare<{ id: string }, Row>(GET_CONVERSATION);
  const listRows = db.prepare<PageParameters, Row>(LIST_CONVERSATIONS);
  const listBin = db.prepare<PageParameters, Row>(LIST_BIN);

  return {
    /** Deleted ones too, with `deletedMs` set. */
    get(id: string): StoredConversation | null {
      const row = getRow.get({ id });
      return row === undefined ? null : fromRow(row);
    },

    /** Newest first, `limit` at a time. `bin` lists the deleted ones instead. Conversations that move up while a
     * caller pages are seen again or not at all, never others in their place. */
    list(options: { limit: number; before?: string | null; bin?: boolean }): ConversationPage {
      const { limit, before, bin } = options;
      const from = before ? parseCursor(before) : { updatedMs: Number.MAX_SAFE_INTEGER, id: '' };
      const rows = (bin ? listBin : listRows).all({ ...from, limit: limit + 1 });
      const items = rows.slice(0, limit).map(fromRow);
      const last = items.at(-1);
      return { items, next: rows.length > limit && last ? `${last.updatedMs}.${last.id}` : null };
    },
  };
}

export function conversationWriter(db: WritableDb, index: SearchIndex, now: () => number) {
  const reader = conversationReader(db);
  const insert = db.prepare(/* sql */ `
    INSERT INTO conversations (id, title, title_source, system_prompt, created_ms, updated_ms)
    VALUES (:id, :title, :titleSource, :systemPrompt, :now, :now)`);
  // A title that the user chose is not replaced by one that the app made.
  const updateTitle = db.prepare(/* sql */ `
    UPDATE conversations SET title = :title, title_source = :source
    WHERE id = :id AND (:source = 'user' OR title_source = 'auto')`);
  const updatePrompt = db.prepare('UPDATE conversations SET system_prompt = :systemPrompt WHERE id = :id');
  const updateLeaf = db.prepare('UPDATE conversations SET leaf_id = :leafId WHERE id = :id');
  const updateDeleted = db.prepare('UPDATE conversations SET deleted_ms = :deletedMs WHERE id = :id');
  const deleteRow = db.prepare('DELETE FROM conversations WHERE id = :id');

  const known = (id: string): StoredConversation => {
    const conversation = reader.get(id);
    if (conversation === null) throw new LonghandError('not-found', `There is no conversation ${id}.`, { id });
    return conversation;
  };
  const change = (id: string, action: () => void): StoredConversation =>
    durably(db, () => {
      known(id);
      action();
      return known(id);
    });

  return {
    ...reader,

    create(options: { title?: string | null; titleSource?: TitleSource; systemPrompt?: string | null } = {}) {
      const { title, titleSource = title ? 'user' : 'auto', systemPrompt } = options;
      const nowMs = now();
      const id = newId(nowMs);
      return durably(db, () => {
        insert.run({ id, title: title ?? '', titleSource, systemPrompt: systemPrompt ?? null, now: nowMs });
        index.putTitle(id, title ?? '');
        return known(id);
      });
    },

    /** With source 'auto' a title that the user chose stays as it is. @throws LonghandError `not-found`, as all below */
    rename: (id: string, title: string, source: TitleSource) =>
      change(id, () => {
        if (updateTitle.run({ id, title, source }).changes > 0) index.putTitle(id, title);
      }),

    setSystemPrompt: (id: string, systemPrompt: string | null) =>
      change(id, () => updatePrompt.run({ id, systemPrompt })),

    /** The shown branch ends at `leafId`, which must be a message of this conversation. */
    setLeaf: (id: string, leafId: string | null) => change(id, () => updateLeaf.run({ id, leafId })),

    /** Into the bin: out of the list and of search, nothing lost. */
    softDelete: (id: string) => change(id, () => updateDeleted.run({ id, deletedMs: now() })),

    restore: (id: string) => change(id, () => updateDeleted.run({ id, deletedMs: null })),

    /**
     * Deletes the conversation for good and overwrites its bytes in the database and its log. `erased` is false when a
     * reader still needed the log: its old pages then leave with the next checkpoint, at the latest when the app quits.
     * Backups keep what they hold until they rotate. @throws LonghandError `not-found`
     */
    purge(id: string): { erased: boolean } {
      durably(db, () => {
        known(id);
        deleteRow.run({ id });
      });
      return { erased: checkpoint(db) };
    },
  };
}

function fromRow(row: Row): StoredConversation {
  return {
    id: row.id,
    title: row.title,
    titleSource: row.title_source,
    systemPrompt: row.system_prompt,
    leafId: row.leaf_id,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    deletedMs: row.deleted_ms,
  };
}

function parseCursor(cursor: string): { updatedMs: number; id: string } {
  const [, ms, id] = /^(\d+)\.(.+)$/.exec(cursor) ?? [];
  if (ms === undefined || id === undefined) {
    throw new LonghandError('invalid-input', 'That page of the list cannot be read.', { before: cursor });
  }
  return { updatedMs: Number(ms), id };
}
