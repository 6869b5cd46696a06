import { LonghandError } from '../../contract/errors.ts';
import { durably, type ReadableDb, type WritableDb } from './db.ts';
import { newId } from './ids.ts';

export type StoredFolder = { id: string; path: string; addedMs: number };
/** A file as it was found: in bytes, and when it was written last, by its disk. */
export type FileLook = { sizeBytes: number; modifiedMs: number };
/** As it was when its documents were made; none where it is no document, or the user removed them. */
export type WatchedFile = FileLook & { path: string; documentIds: string[] };

type FileRow = { path: string; size_bytes: number; modified_ms: number; document_ids: string };

export const LIST_WATCHED_FILES = /* sql */ `
  SELECT path, size_bytes, modified_ms,
         (SELECT json_group_array(document_id) FROM watched_documents WHERE file_id = watched_files.id) AS document_ids
  FROM watched_files WHERE folder_id = :folderId`;

export const IS_STOOD_ON = /* sql */ `
  SELECT EXISTS (SELECT 1 FROM attachments WHERE document_id = :id)
      OR EXISTS (SELECT 1 FROM message_documents WHERE document_id = :id)`;

/** Documents may have been removed since the file was read: then it has those of them that are left. */
export const LINK_DOCUMENTS = /* sql */ `
  INSERT OR IGNORE INTO watched_documents (file_id, document_id)
  SELECT :fileId, d.id FROM json_each(:documentIds) AS given JOIN documents AS d ON d.id = given.value`;

export const COUNT_HOLDERS = 'SELECT count(*) FROM watched_documents WHERE document_id = :id';

export function watchedFolderReader(db: ReadableDb) {
  const getFolder = db.prepare<{ id: string }, StoredFolder>(
    'SELECT id, path, added_ms AS addedMs FROM watched_folders WHERE id = :id',
  );
  const listFolders = db.prepare<[], StoredFolder>(
    'SELECT id, path, added_ms AS addedMs FROM watched_folders ORDER BY added_ms, id',
  );
  const listFiles = db.prepare<{ folderId: string }, FileRow>(LIST_WATCHED_FILES);
  const listDocuments = db
    .prepare<{ folderId: string }, string>(
      /* sql */ `
      SELECT DISTINCT w.document_id FROM watched_files AS f JOIN watched_documents AS w ON w.file_id = f.id
      WHERE f.folder_id = :folderId ORDER BY f.path, w.document_id`,
    )
    .pluck();
  const countPassedOver = db
    .prepare<{ folderId: string }, number>(
      /* sql */ `
      SELECT count(*) FROM watched_files
      WHERE folder_id = :folderId AND NOT EXISTS (SELECT 1 FROM watched_documents WHERE file_id = watched_files.id)`,
    )
    .pluck();
  const isStoodOn = db.prepare<{ id: string }, 0 | 1>(IS_STOOD_ON).pluck();
  const countHolders = db.prepare<{ id: string }, number>(COUNT_HOLDERS).pluck();
  const listLeft = db
    .prepare<[], string>(
      /* sql */ `
      SELECT id FROM documents
      WHERE kept = 0 AND NOT EXISTS (SELECT 1 FROM watched_documents WHERE document_id = documents.id)`,
    )
    .pluck();

  return {
    get: (id: string): StoredFolder | null => getFolder.get({ id }) ?? null,

    /** Oldest first. */
    list: (): StoredFolder[] => listFolders.all(),

    /** What was found in a folder, by path. */
    files: (folderId: string): Map<string, WatchedFile> =>
      new Map(listFiles.all({ folderId }).map((row) => [row.path, fromRow(row)])),

    /** The documents of a folder, in the order of their paths. */
    documentsOf: (folderId: string): string[] => listDocuments.all({ folderId }),

    /** Files that no document is made of. */
    passedOver: (folderId: string): number => countPassedOver.get({ folderId }) ?? 0,

    /** Whether a conversation has a document, or had it read for one of its messages. */
    isStoodOn: (id: string): boolean => isStoodOn.get({ id }) === 1,

    /** How many files of watched folders a document stands for. */
    holders: (id: string): number => countHolders.get({ id }) ?? 0,

    /** Documents that came with a folder and lie in none any more. */
    left: (): string[] => listLeft.all(),
  };
}

export function watchedFolderWriter(db: WritableDb, now: () => number) {
  const reader = watchedFolderReader(db);
  const insertFolder = db.prepare(
    'INSERT INTO watched_folders (id, path, added_ms) VALUES (:id, :path, :now) ON CONFLICT (path) DO NOTHING',
  );
  const getByPath = db.prepare<{ path: string }, StoredFolder>(
    'SELECT id, path, added_ms AS addedMs FROM watched_folders WHERE path = :path',
  );
  const deleteFolder = db.prepare('DELETE FROM watched_folders WHERE id = :id');
  const keepDocuments = db.prepare(/* sql */ `
    UPDATE documents SET kept = 1
    WHERE id IN (SELECT w.document_id FROM watched_files AS f JOIN watched_documents AS w ON w.file_id = f.id
                 WHERE f.folder_id = :id)`);
  const putFile = db.prepare<{ folderId: string; path: string } & FileLook, { id: number }>(/* sql */ `
    INSERT INTO watched_files (folder_id, path, size_bytes, modified_ms)
    VALUES (:folderId, :path, :sizeBytes, :modifiedMs)
    ON CONFLICT (folder_id, path) DO UPDATE SET size_bytes = excluded.size_bytes, modified_ms = excluded.modified_ms
    RETURNING id`);
  const unlink = db.prepare('DELETE FROM watched_documents WHERE file_id = :fileId');
  const link = db.prepare(LINK_DOCUMENTS);
  const carryTags = db.prepare(/* sql */ `
    INSERT OR IGNORE INTO document_tags (tag, document_id)
    SELECT t.tag, new.id FROM watched_documents AS w
    JOIN documents AS old ON old.id = w.document_id
    JOIN documents AS new ON new.name = old.name AND new.id = :documentId
    JOIN document_tags AS t ON t.document_id = old.id
    WHERE w.file_id = :fileId`);
  const deleteFile = db.prepare('DELETE FROM watched_files WHERE folder_id = :folderId AND path = :path');

  return {
    ...reader,

    /** A folder that is watched from now on; the one that is there already, if there is. */
    add: (path: string): StoredFolder =>
      durably(db, () => {
        const nowMs = now();
        insertFolder.run({ id: newId(nowMs), path, now: nowMs });
        return getByPath.get({ path })!;
      }),

    /** It is not watched any more. With `keep` its documents stay for good, else as `left`. @throws LonghandError `not-found` */
    remove: (id: string, { keep }: { keep: boolean }): void =>
      durably(db, () => {
        if (reader.get(id) === null) {
          throw new LonghandError('not-found', `There is no watched folder ${id}.`, { id });
        }
        if (keep) keepDocuments.run({ id });
        deleteFolder.run({ id });
      }),

    /**
     * A file is so now, and these documents were made of it; those that were removed since are not. They carry the tags of those
     * before them that had their names.
     */
    putFile: (folderId: string, path: string, look: FileLook, documentIds: readonly string[]): void =>
      durably(db, () => {
        const { sizeBytes, modifiedMs } = look;
        const { id: fileId } = putFile.get({ folderId, path, sizeBytes, modifiedMs })!;
        for (const documentId of documentIds) carryTags.run({ fileId, documentId });
        unlink.run({ fileId });
        link.run({ fileId, documentIds: JSON.stringify(documentIds) });
      }),

    /** A file is in the folder no more. */
    removeFile: (folderId: string, path: string): void => durably(db, () => void deleteFile.run({ folderId, path })),
  };
}

const fromRow = ({
  path,
  size_bytes: sizeBytes,
  modified_ms: modifiedMs,
  document_ids: ids,
}: FileRow): WatchedFile => ({
  path,
  sizeBytes,
  modifiedMs,
  documentIds: JSON.parse(ids) as string[],
});
