import { durably, type ReadableDb, type WritableDb } from './db.ts';

type Row = { key: string; value: string };

export function settingsReader(db: ReadableDb) {
  const getValue = db.prepare<{ key: string }, string>('SELECT value FROM settings WHERE key = :key').pluck();
  const getAll = db.prepare<[], Row>('SELECT key, value FROM settings ORDER BY key');

  return {
    /** Undefined when it was never set. Defaults and shapes are the caller's: an older app may have written it. */
    get(key: string): unknown {
      const value = getValue.get({ key });
      return value === undefined ? undefined : JSON.parse(value);
    },
    all: (): Record<string, unknown> =>
      Object.fromEntries(getAll.all().map(({ key, value }) => [key, JSON.parse(value) as unknown])),
  };
}

export function settingsWriter(db: WritableDb) {
  const put = db.prepare(/* sql */ `
    INSERT INTO settings (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value`);
  const remove = db.prepare('DELETE FROM settings WHERE key = :key');

  return {
    ...settingsReader(db),

    /** Sets all of them or none. A value is anything JSON can hold, null included; undefined forgets the key. */
    set: (values: Record<string, unknown>): void =>
      durably(db, () => {
        for (const [key, value] of Object.entries(values)) {
          if (value === undefined) remove.run({ key });
          else put.run({ key, value: JSON.stringify(value) });
        }
      }),
  };
}
