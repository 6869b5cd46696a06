import { durably, type ReadableDb, type WritableDb } from './db.ts';
import { passageWords } from './documents.ts';
import { encodeVector } from './vector-code.ts';

/** Words that have no vector yet, named by their hash, and where they stand in their content. */
export type Unembedded = { hash: Uint8Array; words: string; at: PassagePlace };
export type PassagePlace = { part: number; start: number };

type PassageRow = { part: number; start_at: number; end_at: number; context: string; words_hash: Uint8Array };

export const LIST_UNEMBEDDED = /* sql */ `
  SELECT part, start_at, end_at, context, words_hash FROM passages AS p
  WHERE content_id = :contentId AND (part, start_at) > (:part, :start)
    AND NOT EXISTS (SELECT 1 FROM vectors AS v WHERE v.words_hash = p.words_hash AND v.embedder_id = :embedderId)
  ORDER BY part, start_at LIMIT :limit`;

export const COUNT_EMBEDDED = /* sql */ `
  SELECT count(*) FROM passages AS p
  WHERE content_id = :contentId
    AND EXISTS (SELECT 1 FROM vectors AS v WHERE v.words_hash = p.words_hash AND v.embedder_id = :embedderId)`;

/** Contents whose passages do not all have a vector of the embedder, as far as was counted. */
export const LIST_UNINDEXED = /* sql */ `
  SELECT id FROM contents
  WHERE passages > 0 AND (embedder_id IS NOT :embedderId OR embedded < passages)
    AND EXISTS (SELECT 1 FROM documents WHERE content_id = contents.id)
  ORDER BY id`;

export function vectorReader(db: ReadableDb) {
  const idOfKey = db.prepare<{ key: string }, number>('SELECT id FROM embedders WHERE key = :key').pluck();
  const hasEmbedded = db
    .prepare<{ embedderId: number }, 0 | 1>(
      'SELECT EXISTS (SELECT 1 FROM contents WHERE embedder_id = :embedderId AND embedded > 0)',
    )
    .pluck();
  const unindexed = db.prepare<{ embedderId: number }, number>(LIST_UNINDEXED).pluck();
  return {
    /** The number of an embedder, by a key that tells its weights; null where it has never embedded anything here. */
    embedder: (key: string): number | null => idOfKey.get({ key }) ?? null,
    /** Whether any passage can be found by it. */
    hasEmbedded: (embedderId: number): boolean => hasEmbedded.get({ embedderId }) === 1,
    /** Contents whose passages do not all have a vector of the embedder. */
    unindexed: (embedderId: number): number[] => unindexed.all({ embedderId }),
  };
}

export function vectorWriter(db: WritableDb) {
  const reader = vectorReader(db);
  const insertEmbedder = db.prepare('INSERT INTO embedders (key) VALUES (:key) ON CONFLICT (key) DO NOTHING');
  const listUnembedded = db.prepare<
    { contentId: number; embedderId: number; limit: number } & PassagePlace,
    PassageRow
  >(LIST_UNEMBEDDED);
  const getText = db
    .prepare<{ contentId: number; part: number }, string>(
      'SELECT text FROM parts WHERE content_id = :contentId AND number = :part',
    )
    .pluck();
  const insert = db.prepare(/* sql */ `
    INSERT INTO vectors (embedder_id, words_hash, bits, codes) VALUES (:embedderId, :hash, :bits, :codes)
    ON CONFLICT (words_hash, embedder_id) DO NOTHING`);
  const countEmbedded = db.prepare<{ contentId: number; embedderId: number }, number>(COUNT_EMBEDDED).pluck();
  const setEmbedded = db.prepare(
    `UPDATE contents
     SET embedded = :embedded, embedder_id = :embedderId,
         passages = (SELECT count(*) FROM passages WHERE content_id = :contentId)
     WHERE id = :contentId`,
  );
  const deleteOthers = db.prepare(/* sql */ `
    DELETE FROM vectors
    WHERE id IN (SELECT id FROM vectors WHERE embedder_id <> :embedderId LIMIT :limit)`);

  return {
    ...reader,

    /** The same, given a number where it has none. */
    enrol: (key: string): number =>
      durably(db, () => {
        insertEmbedder.run({ key });
        return reader.embedder(key)!;
      }),

    /**
     * Some passages of a content that have no vector of the embedder, in order, each of the same words once. `after` spares
     * looking again at all those before it.
     */
    unembedded(
      contentId: number,
      embedderId: number,
      limit: number,
      after: PassagePlace = { part: -1, start: 0 },
    ): Unembedded[] {
      const found = new Map<string, Unembedded>();
      let text = { part: -1, whole: '' };
      for (const row of listUnembedded.all({ contentId, embedderId, limit, ...after })) {
        if (row.part !== text.part) text = { part: row.part, whole: getText.get({ contentId, part: row.part }) ?? '' };
        const words = passageWords(row.context, text.whole.slice(row.start_at, row.end_at));
        found.set(Buffer.from(row.words_hash).toString('hex'), {
          hash: row.words_hash,
          words,
          at: { part: row.part, start: row.start_at },
        });
      }
      return [...found.values()];
    },

    /** Stores vectors by the hash of their words. They can be computed again, so a power cut may cost the last ones. */
    put: db.transaction((embedderId: number, vectors: readonly { hash: Uint8Array; vector: Float32Array }[]): void => {
      for (const { hash, vector } of vectors) insert.run({ embedderId, hash, ...encodeVector(vector) });
    }),

    /**
     * Counts anew the passages of a content, and how many have a vector of the embedder, which it returns. A count of passages
     * that are not there would be waited for without end.
     */
    count: db.transaction((contentId: number, embedderId: number): number => {
      const embedded = countEmbedded.get({ contentId, embedderId }) ?? 0;
      setEmbedded.run({ contentId, embedded, embedderId });
      return embedded;
    }),

    /** Deletes some vectors of other embedders; true when none is left. */
    dropOthers: (embedderId: number, limit = 1000): boolean =>
      durably(db, () => deleteOthers.run({ embedderId, limit }).changes < limit),
  };
}
