import type { Conversation } from '../../contract/chat.ts';
import type { SamplingChanges } from '../../contract/engine.ts';
import { LonghandError } from '../../contract/errors.ts';
import { durably, fromJson, toJson, type ReadableDb, type WritableDb } from './db.ts';
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

export type NewConversation = Partial<
  Pick<StoredConversation, 'title' | 'titleSource' | 'systemPrompt' | 'sampling' | 'folderId'>
>;

/** Which conversations: all, or those of a folder (null: of none), pinned ones, ones that are not pinned. */
export type ListFilter = { folderId?: string | null; pinned?: boolean };

type Row = {
  id: string;
  title: string;
  title_source: TitleSource;
  system_prompt: string | null;
  sampling: string | null;
  leaf_id: string | null;
  folder_id: string | null;
  pinned: 0 | 1;
  created_ms: number;
  updated_ms: number;
  deleted_ms: number | null;
};

type PageParameters = { ms: number; id: string; limit: number; folderId?: string | null };

const COLUMNS =
  'id, title, title_source, system_prompt, sampling, leaf_id, folder_id, pinned, created_ms, updated_ms, deleted_ms';

export const GET_CONVERSATION = `SELECT ${COLUMNS} FROM conversations WHERE id = :id`;

/** The six lists of `ListFilter`. Each has an index in its own order, so that a page costs what is in it. */
export function listConversations({ folder, pinned }: { folder: boolean; pinned?: boolean }): string {
  return /* sql */ `
    SELECT ${COLUMNS} FROM conversations
    WHERE deleted_ms IS NULL AND (updated_ms, id) < (:ms, :id)
      ${folder ? 'AND folder_id IS :folderId' : ''} ${pinned === undefined ? '' : `AND pinned = ${pinned ? 1 : 0}`}
    ORDER BY updated_ms DESC, id DESC LIMIT :limit`;
}

export const LIST_BIN = /* sql */ `
  SELECT ${COLUMNS} FROM conversations
  WHERE deleted_ms IS NOT NULL AND (deleted_ms, id) < (:ms, :id)
  ORDER BY deleted_ms DESC, id DESC LIMIT :limit`;

export const LIST_EXPIRED = /* sql */ `
  SELECT id FROM conversations WHERE deleted_ms IS NOT NULL AND deleted_ms < :ms ORDER BY deleted_ms, id`;

export function conversationReader(db: ReadableDb) {
  const getRow = db.prepare<{ id: string }, Row>(GET_CONVERSATION);
  const lists = [false, true].map((folder) =>
    [undefined, true, false].map((pinned) =>
      db.prepare<PageParameters, Row>(listConversations({ folder, ...(pinned === undefined ? {} : { pinned }) })),
    ),
  );
  const listBin = db.prepare<PageParameters, Row>(LIST_BIN);
  const listExpired = db.prepare<{ ms: number }, string>(LIST_EXPIRED).pluck();

  type PageWish = { limit: number; before?: string | null | undefined };
  const page = (
    rows: (parameters: PageParameters) => Row[],
    { limit, before }: PageWish,
    msOf: (item: StoredConversation) => number | null,
  ): ConversationPage => {
    const from = before ? parseCursor(before) : { ms: Number.MAX_SAFE_INTEGER, id: '' };
    const found = rows({ ...from, limit: limit + 1 });
    const items = found.slice(0, limit).map(fromRow);
    const last = items.at(-1);
    return { items, next: found.length > limit && last ? `${msOf(last)}.${last.id}` : null };
  };

  return {
    /** Deleted ones too, with `deletedMs` set. */
    get(id: string): StoredConversation | null {
      const row = getRow.get({ id });
      return row === undefined ? null : fromRow(row);
    },

    /**
     * Newest first, `limit` at a time. Conversations that move up while a caller pages are seen again or not at all,
     * never others in their place. @throws LonghandError `invalid-input` for a cursor that is none
     */
    list({ folderId, pinned, ...wish }: PageWish & ListFilter): ConversationPage {
      const query = lists[folderId === undefined ? 0 : 1]![pinned === undefined ? 0 : pinned ? 1 : 2]!;
      const filter = folderId === undefined ? {} : { folderId };
      return page(
        (parameters) => query.all({ ...parameters, ...filter }),
        wish,
        ({ updatedMs }) => updatedMs,
      );
    },

    /** What the bin holds, last deleted first, in pages as `list`. */
    bin: (wish: PageWish): ConversationPage =>
      page(
        (parameters) => listBin.all(parameters),
        wish,
        ({ deletedMs }) => deletedMs,
      ),

    /** Ids of what was deleted before `ms`, oldest first. */
    deletedBefore: (ms: number): string[] => listExpired.all({ ms }),
  };
}

export function conversationWriter(db: WritableDb, index: SearchIndex, now: () => number) {
  const reader = conversationReader(db);
  const insert = db.prepare(/* sql */ `
    INSERT INTO conversations (id, title, title_source, system_prompt, sampling, folder_id, created_ms, updated_ms)
    VALUES (:id, :title, :titleSource, :systemPrompt, :sampling, :folderId, :now, :now)`);
  // A title that the user chose is not replaced by one that the app made.
  const updateTitle = db.prepare(/* sql */ `
    UPDATE conversations SET title = :title, title_source = :source
    WHERE id = :id AND (:source = 'user' OR title_source = 'auto')`);
  const updatePrompt = db.prepare('UPDATE conversations SET system_prompt = :systemPrompt WHERE id = :id');
  const updateSampling = db.prepare('UPDATE conversations SET sampling = :sampling WHERE id = :id');
  const updatePinned = db.prepare('UPDATE conversations SET pinned = :pinned WHERE id = :id');
  const updateFolder = db.prepare('UPDATE conversations SET folder_id = :folderId WHERE id = :id');
  const folderExists = db.prepare<{ folderId: string }, 1>('SELECT 1 FROM folders WHERE id = :folderId').pluck();
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

    create(options: NewConversation = {}) {
      const { title, titleSource = title ? 'user' : 'auto', systemPrompt = null, sampling, folderId = null } = options;
      const nowMs = now();
      const id = newId(nowMs);
      return durably(db, () => {
        const values = { systemPrompt, sampling: toJson(sampling), folderId };
        insert.run({ id, title: title ?? '', titleSource, ...values, now: nowMs });
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

    setSampling: (id: string, sampling: SamplingChanges | null) =>
      change(id, () => updateSampling.run({ id, sampling: toJson(sampling) })),

    setPinned: (id: string, pinned: boolean) => change(id, () => updatePinned.run({ id, pinned: pinned ? 1 : 0 })),

    /** Into a folder, or with null out of any. */
    move: (id: string, folderId: string | null) =>
      change(id, () => {
        if (folderId !== null && folderExists.get({ folderId }) === undefined) {
          throw new LonghandError('not-found', `There is no folder ${folderId}.`, { id: folderId });
        }
        updateFolder.run({ id, folderId });
      }),

    /** The shown branch ends at `leafId`, which must be a message of this conversation. */
    setLeaf: (id: string, leafId: string | null) => change(id, () => updateLeaf.run({ id, leafId })),

    /** Into the bin: out of the list and of search, nothing lost. */
    softDelete: (id: string) => change(id, () => updateDeleted.run({ id, deletedMs: now() })),

    restore: (id: string) => change(id, () => updateDeleted.run({ id, deletedMs: null })),

    /**
     * Deletes the conversation for good and overwrites its bytes in the database; they leave the log, and with that the
     * disk, with the next checkpoint. Backups keep what they hold until they rotate. @throws LonghandError `not-found`
     */
    destroy: (id: string): void =>
      durably(db, () => {
        known(id);
        deleteRow.run({ id });
      }),
  };
}

function fromRow(row: Row): StoredConversation {
  return {
    id: row.id,
    title: row.title,
    titleSource: row.title_source,
    systemPrompt: row.system_prompt,
    sampling: fromJson(row.sampling),
    leafId: row.leaf_id,
    folderId: row.folder_id,
    pinned: row.pinned === 1,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    deletedMs: row.deleted_ms,
  };
}

function parseCursor(cursor: string): { ms: number; id: string } {
  const [, ms, id] = /^(\d+)\.(.+)$/.exec(cursor) ?? [];
  if (ms === undefined || id === undefined) {
    throw new LonghandError('invalid-input', 'That page of the list cannot be read.', { before: cursor });
  }
  return { ms: Number(ms), id };
}
