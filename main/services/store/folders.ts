import type { Folder } from '../../contract/chat.ts';
import { LonghandError } from '../../contract/errors.ts';
import { durably, type ReadableDb, type WritableDb } from './db.ts';
import { newId } from './ids.ts';

type Row = { id: string; name: string; created_ms: number };

export const LIST_FOLDERS = 'SELECT id, name, created_ms FROM folders ORDER BY created_ms, id';

export function folderReader(db: ReadableDb) {
  const getRow = db.prepare<{ id: string }, Row>('SELECT id, name, created_ms FROM folders WHERE id = :id');
  const listRows = db.prepare<[], Row>(LIST_FOLDERS);
  return {
    get(id: string): Folder | null {
      const row = getRow.get({ id });
      return row === undefined ? null : fromRow(row);
    },

    /** All of them, oldest first. */
    list: (): Folder[] => listRows.all().map(fromRow),
  };
}

export function folderWriter(db: WritableDb, now: () => number) {
  const reader = folderReader(db);
  const insert = db.prepare('INSERT INTO folders (id, name, created_ms) VALUES (:id, :name, :now)');
  const update = db.prepare('UPDATE folders SET name = :name WHERE id = :id');
  const deleteRow = db.prepare('DELETE FROM folders WHERE id = :id');

  const known = (id: string): Folder => {
    const folder = reader.get(id);
    if (folder === null) throw new LonghandError('not-found', `There is no folder ${id}.`, { id });
    return folder;
  };

  return {
    ...reader,

    create(name: string): Folder {
      const nowMs = now();
      const id = newId(nowMs);
      durably(db, () => insert.run({ id, name, now: nowMs }));
      return { id, name, createdMs: nowMs };
    },

    /** @throws LonghandError `not-found`, as below */
    rename: (id: string, name: string): Folder =>
      durably(db, () => {
        known(id);
        update.run({ id, name });
        return known(id);
      }),

    /** Its conversations stay, in no folder. */
    remove: (id: string): void =>
      durably(db, () => {
        known(id);
        deleteRow.run({ id });
      }),
  };
}

const fromRow = ({ id, name, created_ms: createdMs }: Row): Folder => ({ id, name, createdMs });
