import { createHash } from 'node:crypto';
import type { DocumentInfo } from '../../contract/documents.ts';
import { LonghandError, type StoredError } from '../../contract/errors.ts';
import type { ExtractionEvent, ExtractionNote, OutlineEntry, Part, TableRows } from '../../contract/extraction.ts';
import { durably, fromJson, toJson, type ReadableDb, type WritableDb } from './db.ts';
import { newId } from './ids.ts';
import { indexText } from './search-text.ts';
import { packBlocks, packBoxes, unpackBlocks, unpackBoxes } from './packed-part.ts';

export type ContentState = 'queued' | 'parsing' | 'parsed' | 'failed';

/** A document with what is known of its content. `embedded` is of the embedder that the content was indexed with last. */
export type StoredDocument = Omit<DocumentInfo, 'state' | 'jobId'> & {
  state: ContentState;
  contentId: number;
  hash: string;
  /** Put on the shelf by the user, not only found in a folder that is watched. */
  isKept: boolean;
  embedderId: number | null;
};

/** How long a slice of destroying holds up everything else, and pieces of tables that go at once. */
const SLICE_MS = 15;
const PIECES = 100;

/** [start, end) of a passage in its part, and the heading that it stands under, '' where there is none. */
export type NewPassage = { start: number; end: number; context: string };

export type NewDocument = {
  hash: string;
  sizeBytes: number;
  name: string;
  origin: string | null;
  /** False for what only came with a folder. */
  isKept?: boolean;
};

/** A part as models and readers are shown it, without its places on the page. */
export type PartText = { number: number; kind: Part['kind']; label: string; text: string };

/** What a question has to know of a document before any of it is read. */
export type AskedDocument = { id: string; name: string; state: ContentState; characters: number; hasTables: boolean };

type Row = {
  id: string;
  content_id: number;
  hash: string;
  name: string;
  origin: string | null;
  added_ms: number;
  kept: 0 | 1;
  folder: string | null;
  tags: string;
  size_bytes: number;
  state: ContentState;
  format: string | null;
  title: string | null;
  part_kind: Part['kind'] | null;
  parts: number;
  parts_total: number | null;
  characters: number;
  passages: number;
  embedded: number;
  embedder_id: number | null;
  notes: string;
  error: string | null;
};

type PartRow = {
  kind: Part['kind'];
  label: string;
  text: string;
  blocks: string;
  width: number | null;
  height: number | null;
  boxes: Uint8Array;
  recognised: 0 | 1;
};

const DOCUMENTS = /* sql */ `
  SELECT d.id, d.content_id, c.hash, d.name, d.origin, d.added_ms, c.size_bytes, c.state, c.format, c.title, c.part_kind,
         c.parts, c.parts_total, c.characters, c.passages, c.embedded, c.embedder_id, c.notes, c.error, d.kept,
         (SELECT json_object('id', f.folder_id, 'path', f.path)
          FROM watched_documents AS w JOIN watched_files AS f ON f.id = w.file_id
          WHERE w.document_id = d.id ORDER BY f.id LIMIT 1) AS folder,
         (SELECT json_group_array(tag) FROM document_tags WHERE document_id = d.id) AS tags
  FROM documents AS d JOIN contents AS c ON c.id = d.content_id`;

export const GET_DOCUMENT = `${DOCUMENTS} WHERE d.id = :id`;
export const GET_ASKED = /* sql */ `
  SELECT d.id, d.name, c.state, c.characters,
         EXISTS (SELECT 1 FROM document_tables WHERE content_id = d.content_id) AS has_tables
  FROM json_each(:ids) AS named CROSS JOIN documents AS d ON d.id = named.value
  JOIN contents AS c ON c.id = d.content_id ORDER BY named.key`;
export const LIST_DOCUMENTS = `${DOCUMENTS} ORDER BY d.added_ms DESC, d.id DESC`;
export const GET_PART = /* sql */ `
  SELECT kind, label, text, blocks, width, height, boxes, recognised FROM parts
  WHERE content_id = :contentId AND number = :number`;

export function documentReader(db: ReadableDb) {
  const getRow = db.prepare<{ id: string }, Row>(GET_DOCUMENT);
  const getAsked = db.prepare<{ ids: string }, Omit<AskedDocument, 'hasTables'> & { has_tables: 0 | 1 }>(GET_ASKED);
  const listRows = db.prepare<[], Row>(LIST_DOCUMENTS);
  const ofContent = db.prepare<{ contentId: number }, Row>(
    `${DOCUMENTS} WHERE d.content_id = :contentId ORDER BY d.added_ms, d.id`,
  );
  const named = db.prepare<{ hash: string; name: string }, Row>(`${DOCUMENTS} WHERE c.hash = :hash AND d.name = :name`);
  const idOfHash = db.prepare<{ hash: string }, number>('SELECT id FROM contents WHERE hash = :hash').pluck();
  const getOutline = db
    .prepare<{ contentId: number }, string>('SELECT outline FROM contents WHERE id = :contentId')
    .pluck();
  const getPart = db.prepare<{ contentId: number; number: number }, PartRow>(GET_PART);
  const listTexts = db.prepare<{ contentId: number }, PartText>(
    'SELECT number, kind, label, text FROM parts WHERE content_id = :contentId ORDER BY number',
  );
  const listOrphans = db
    .prepare<[], number>(
      'SELECT id FROM contents WHERE NOT EXISTS (SELECT 1 FROM documents WHERE content_id = contents.id)',
    )
    .pluck();
  const listHashes = db.prepare<[], string>('SELECT hash FROM contents').pluck();

  return {
    get(id: string): StoredDocument | null {
      const row = getRow.get({ id });
      return row === undefined ? null : fromRow(row);
    },

    /** Those of them that are there, in their order: a folder has thousands. */
    asked: (ids: readonly string[]): AskedDocument[] =>
      getAsked
        .all({ ids: JSON.stringify(ids) })
        .map(({ has_tables: hasTables, ...document }) => ({ ...document, hasTables: hasTables === 1 })),

    /** Last added first. */
    list: (): StoredDocument[] => listRows.all().map(fromRow),

    /** The names that a content was added under, oldest first. */
    ofContent: (contentId: number): StoredDocument[] => ofContent.all({ contentId }).map(fromRow),

    /** By the SHA-256 of a file's bytes, in hex; null where no such content is here. */
    contentOf: (hash: string): number | null => idOfHash.get({ hash }) ?? null,

    named(hash: string, name: string): StoredDocument | null {
      const row = named.get({ hash, name });
      return row === undefined ? null : fromRow(row);
    },

    outline: (contentId: number): OutlineEntry[] => JSON.parse(getOutline.get({ contentId }) ?? '[]') as OutlineEntry[],

    /** Null where it is not stored, or not yet. */
    part(contentId: number, number: number): Part | null {
      const row = getPart.get({ contentId, number });
      if (row === undefined) return null;
      const { kind, label, text, width, height, recognised } = row;
      const size = width === null || height === null ? null : { width, height };
      const [blocks, boxes] = [unpackBlocks(row.blocks), unpackBoxes(row.boxes)];
      return { kind, label, text, blocks, size, boxes, recognised: recognised === 1 };
    },

    /** All parts that are stored, in order. */
    texts: (contentId: number): PartText[] => listTexts.all({ contentId }),

    /** Contents that nothing names any more: their removal was not finished. */
    orphans: (): number[] => listOrphans.all(),

    hashes: (): string[] => listHashes.all(),
  };
}

export function documentWriter(db: WritableDb, now: () => number) {
  const reader = documentReader(db);
  const insertContent = db.prepare(/* sql */ `
    INSERT INTO contents (hash, size_bytes, state) VALUES (:hash, :sizeBytes, 'queued') ON CONFLICT (hash) DO NOTHING`);
  const insertDocument = db.prepare(/* sql */ `
    INSERT INTO documents (id, content_id, name, origin, added_ms, kept)
    SELECT :id, id, :name, :origin, :now, :kept FROM contents WHERE hash = :hash`);
  const keep = db.prepare('UPDATE documents SET kept = 1 WHERE kept = 0 AND id IN (SELECT value FROM json_each(:ids))');
  const updateName = db.prepare('UPDATE OR IGNORE documents SET name = :name WHERE id = :id');
  const updateState = db.prepare('UPDATE contents SET state = :state, error = :error WHERE id = :contentId');
  const updateAbout = db.prepare(/* sql */ `
    UPDATE contents SET format = :format, title = :title, parts_total = :parts WHERE id = :contentId`);
  const updateEnd = db.prepare(/* sql */ `
    UPDATE contents SET state = 'parsed', error = NULL, parts_total = parts, outline = :outline, notes = :notes
    WHERE id = :contentId`);
  const insertPart = db.prepare(/* sql */ `
    INSERT INTO parts (content_id, number, kind, label, text, blocks, width, height, boxes, recognised)
    VALUES (:contentId, :number, :kind, :label, :text, :blocks, :width, :height, :boxes, :recognised)`);
  const countPart = db.prepare(/* sql */ `
    UPDATE contents
    SET parts = parts + 1, characters = characters + :characters, passages = passages + :passages,
        part_kind = coalesce(part_kind, :kind)
    WHERE id = :contentId`);
  const insertPassage = db.prepare(/* sql */ `
    INSERT INTO passages (content_id, part, start_at, end_at, context, words_hash)
    VALUES (:contentId, :part, :start, :end, :context, :wordsHash)`);
  const insertWords = db.prepare('INSERT INTO passages_fts (rowid, words, grams) VALUES (:id, :words, :grams)');
  const insertTable = db.prepare(/* sql */ `
    INSERT INTO document_tables (content_id, number, part, name, columns)
    VALUES (:contentId, :table, :part, :name, :columns)
    ON CONFLICT DO UPDATE SET columns = excluded.columns
    WHERE json_array_length(excluded.columns) > json_array_length(columns)`);
  const insertPiece = db.prepare(/* sql */ `
    INSERT INTO table_pieces (content_id, number, first_row, cells)
    VALUES (:contentId, :table, :firstRow, :cells) ON CONFLICT DO NOTHING`);
  const deleteDocument = db.prepare('DELETE FROM documents WHERE id = :id');
  const onePassage = db.prepare<{ contentId: number }, { id: number; words_hash: Uint8Array }>(
    'SELECT id, words_hash FROM passages WHERE content_id = :contentId LIMIT 1',
  );
  const deletePassage = db.prepare('DELETE FROM passages WHERE id = :id');
  const deleteVectors = db.prepare(/* sql */ `
    DELETE FROM vectors
    WHERE words_hash = :hash AND NOT EXISTS (SELECT 1 FROM passages WHERE words_hash = :hash)`);
  const deletePieces = db.prepare(/* sql */ `
    DELETE FROM table_pieces
    WHERE id IN (SELECT id FROM table_pieces WHERE content_id = :contentId LIMIT :limit)`);
  const deleteContent = db.prepare('DELETE FROM contents WHERE id = :contentId');

  const known = (id: string): StoredDocument => {
    const document = reader.get(id);
    if (document === null) throw new LonghandError('not-found', `There is no document ${id}.`, { id });
    return document;
  };

  const destroyUntil = (contentId: number, endMs: number): boolean => {
    do {
      const passage = onePassage.get({ contentId });
      if (passage === undefined) {
        if (deletePieces.run({ contentId, limit: PIECES }).changes === PIECES) return false;
        deleteContent.run({ contentId });
        return true;
      }
      deletePassage.run({ id: passage.id });
      deleteVectors.run({ hash: passage.words_hash });
    } while (performance.now() < endMs);
    return false;
  };

  return {
    ...reader,

    /** @throws LonghandError `not-found` */
    known,

    /**
     * A document of this content and name; the one that is there already, if there is. What the user adds is kept from
     * then on, also where a folder had brought it.
     */
    add: ({ hash, sizeBytes, name, origin, isKept = true }: NewDocument) =>
      durably(db, (): StoredDocument => {
        const there = reader.named(hash, name);
        if (there !== null) {
          if (isKept && !there.isKept) keep.run({ ids: JSON.stringify([there.id]) });
          return known(there.id);
        }
        const contentId = reader.contentOf(hash);
        if (contentId !== null && reader.ofContent(contentId).length === 0) {
          while (!destroyUntil(contentId, Infinity)); // what could not be destroyed is not whole
        }
        insertContent.run({ hash, sizeBytes });
        const nowMs = now();
        const id = newId(nowMs);
        insertDocument.run({ id, hash, name, origin, now: nowMs, kept: isKept ? 1 : 0 });
        return known(id);
      }),

    /** The user has put these on the shelf, those of them that are there. */
    keep: (ids: readonly string[]): void => durably(db, () => void keep.run({ ids: JSON.stringify(ids) })),

    /** Its file has another name now; one whose content is there under that name already keeps its own. */
    rename: (id: string, name: string): StoredDocument =>
      durably(db, () => {
        updateName.run({ id, name });
        return known(id);
      }),

    setState: (contentId: number, state: ContentState, error: StoredError | null = null): void =>
      durably(db, () => void updateState.run({ contentId, state, error: toJson(error) })),

    setAbout: (contentId: number, { format, title, parts }: Extract<ExtractionEvent, { type: 'about' }>): void =>
      durably(db, () => void updateAbout.run({ contentId, format, title, parts })),

    /**
     * Stores a part, the next one, with its passages: from now on they can be found. Survives the death of the process, not a
     * power cut, after which the part is read again.
     */
    addPart: db.transaction((contentId: number, number: number, part: Part, passages: readonly NewPassage[]): void => {
      const { kind, label, text, size, recognised } = part;
      insertPart.run({
        ...{ contentId, number, kind, label, text },
        blocks: packBlocks(part.blocks),
        width: size?.width ?? null,
        height: size?.height ?? null,
        boxes: packBoxes(part.boxes),
        recognised: recognised ? 1 : 0,
      });
      for (const { start, end, context } of passages) {
        const words = passageWords(context, text.slice(start, end));
        const passage = { contentId, part: number, start, end, context, wordsHash: wordsHash(words) };
        const id = insertPassage.run(passage).lastInsertRowid;
        insertWords.run({ id, ...indexText(words) });
      }
      countPart.run({ contentId, kind, characters: text.length, passages: passages.length });
    }),

    /** Stores a piece of a table, whose columns may be more than those of the pieces before. One that is stored already stays. */
    addRows: db.transaction((contentId: number, { table, part, name, columns, firstRow, rows }: TableRows): void => {
      insertTable.run({ contentId, table, part, name, columns: JSON.stringify(columns) });
      if (rows.length > 0) insertPiece.run({ contentId, table, firstRow, cells: JSON.stringify(rows) });
    }),

    /** All parts are stored. */
    finish: (contentId: number, { outline, notes }: { outline: OutlineEntry[]; notes: ExtractionNote[] }): void =>
      durably(
        db,
        () => void updateEnd.run({ contentId, outline: JSON.stringify(outline), notes: JSON.stringify(notes) }),
      ),

    /**
     * Takes a document off the shelf. `isStill`, asked within the same transaction, says whether it is still to go; null where
     * not. `isLast`: no other document has its content, which is left to `destroySome`.
     * @throws LonghandError `not-found`
     */
    remove: (id: string, isStill: () => boolean = () => true): { contentId: number; isLast: boolean } | null =>
      durably(db, () => {
        const { contentId } = known(id);
        if (!isStill()) return null;
        deleteDocument.run({ id });
        return { contentId, isLast: reader.ofContent(contentId).length === 0 };
      }),

    /**
     * Deletes some of what was made of a content, for about 15 ms, and overwrites its bytes in the database: taking the words of
     * one passage out of an index of 100,000 costs some 25 ms, and tokens wait behind it. Returns whether nothing is left;
     * the bytes have left the disk with the next checkpoint, as those of a destroyed conversation.
     */
    destroySome: (contentId: number): boolean =>
      durably(db, () => destroyUntil(contentId, performance.now() + SLICE_MS)),
  };
}

/** What is searched and embedded of a passage: its heading tells what it is about. */
export function passageWords(context: string, text: string): string {
  return context === '' ? text : `${context}\n${text}`;
}

/** Sixteen bytes of the SHA-256: of two passages with the same words, one vector is enough. */
function wordsHash(words: string): Uint8Array {
  return createHash('sha256').update(words).digest().subarray(0, 16);
}

function fromRow(row: Row): StoredDocument {
  const isKept = row.kept === 1;
  const folder = row.folder === null ? null : (JSON.parse(row.folder) as DocumentInfo['folder']);
  return {
    id: row.id,
    contentId: row.content_id,
    hash: row.hash,
    name: row.name,
    origin: row.origin,
    isKept,
    folder,
    tags: (JSON.parse(row.tags) as string[]).toSorted(),
    isGone: !isKept && folder === null,
    addedMs: row.added_ms,
    sizeBytes: row.size_bytes,
    state: row.state,
    format: row.format,
    title: row.title,
    partKind: row.part_kind,
    parts: row.parts,
    partsTotal: row.parts_total,
    characters: row.characters,
    passages: row.passages,
    embedded: row.embedded,
    embedderId: row.embedder_id,
    notes: JSON.parse(row.notes) as ExtractionNote[],
    error: fromJson(row.error) as StoredError | null,
  };
}
