import type { Surprise, VerifiedCell } from '../../contract/models.ts';
import { durably, type ReadableDb, type WritableDb } from './db.ts';

type Row = { task: VerifiedCell['task']; tokens: number; depth: number; found: number; asked: number };

export function verificationReader(db: ReadableDb) {
  const list = db.prepare<{ conditions: string }, Row>(/* sql */ `
    SELECT task, tokens, depth, found, asked FROM verifications
    WHERE conditions = :conditions ORDER BY tokens, task, depth`);
  const surprises = db.prepare<{ conditions: string }, Surprise>(
    'SELECT tokens, surprise, count FROM perplexities WHERE conditions = :conditions ORDER BY tokens',
  );
  const other = db
    .prepare<{ model: string; conditions: string }, number>(
      'SELECT EXISTS (SELECT 1 FROM verifications WHERE model = :model AND conditions <> :conditions)',
    )
    .pluck();

  return {
    /** By length, task and depth. */
    list: (conditions: string): VerifiedCell[] => list.all({ conditions }),
    /** By where the stretch of the book ends. */
    surprises: (conditions: string): Surprise[] => surprises.all({ conditions }),
    /** Whether the model was tested under conditions that are no longer. */
    hasStale: (model: string, conditions: string): boolean => other.get({ model, conditions }) === 1,
  };
}

export function verificationWriter(db: WritableDb, now: () => number) {
  const put = db.prepare(/* sql */ `
    INSERT INTO verifications (conditions, task, tokens, depth, model, found, asked, created_ms)
    VALUES (:conditions, :task, :tokens, :depth, :model, :found, :asked, :now)
    ON CONFLICT (conditions, task, tokens, depth)
    DO UPDATE SET found = excluded.found, asked = excluded.asked, created_ms = excluded.created_ms`);
  const putSurprise = db.prepare(/* sql */ `
    INSERT INTO perplexities (conditions, tokens, model, surprise, count, created_ms)
    VALUES (:conditions, :tokens, :model, :surprise, :count, :now)
    ON CONFLICT (conditions, tokens)
    DO UPDATE SET surprise = excluded.surprise, count = excluded.count, created_ms = excluded.created_ms`);

  return {
    ...verificationReader(db),
    put: (model: string, conditions: string, cell: VerifiedCell): void =>
      durably(db, () => void put.run({ model, conditions, ...cell, now: now() })),
    putSurprise: (model: string, conditions: string, one: Surprise): void =>
      durably(db, () => void putSurprise.run({ model, conditions, ...one, now: now() })),
  };
}
