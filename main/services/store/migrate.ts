import { rmSync } from 'node:fs';
import { LonghandError } from '../../contract/errors.ts';
import { snapshotSync } from './backup.ts';
import { quotedName, type ReadableDb, type WritableDb } from './db.ts';
import { migrations as released } from './migrations/index.ts';
import type { Migration } from './migrations/migration.ts';

/** 'Lhnd': marks the file as ours, for `file(1)` and for refusing to write into someone else's database. */
export const APPLICATION_ID = 0x4c686e64;

/** What an update did, for "1,204 conversations checked after update, 0 missing". */
export type Migrated = { from: number; to: number; backup: string | null; rows: Record<string, number> };

type MigrateOptions = {
  /** Called with the old version before anything is changed: where to put the backup, or null for none (in memory). */
  backupPath: (version: number) => string | null;
  migrations?: readonly Migration[];
};

export function schemaVersion(db: ReadableDb): number {
  return db.pragma('user_version', { simple: true }) as number;
}

export function latestVersion(migrations: readonly Migration[] = released): number {
  return migrations.at(-1)?.version ?? 0;
}

/** True while nothing has been created in the file, as after a first start that was killed. */
export function isEmpty(db: ReadableDb): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

/**
 * Brings the schema up to date. An existing database is first copied to a backup; then all steps run in one
 * transaction, at whose end every foreign key must hold and every table must still have its rows. So the database is
 * either wholly new or exactly as it was. The backup is there for what nobody thought of; after a failure it would be a
 * copy of what is still there, and one more at every start, so it is removed.
 * Returns null when there was nothing to do or the database is new.
 * @throws LonghandError `migration-failed`, or what the disk made of the backup
 */
export function migrate(db: WritableDb, options: MigrateOptions): Migrated | null {
  const migrations = options.migrations ?? released;
  const from = schemaVersion(db);
  const to = latestVersion(migrations);
  if (from === to) return null;
  const isNew = isEmpty(db);
  const backup = isNew ? null : options.backupPath(from);
  if (backup !== null) snapshotSync(db, backup);

  // Rebuilding a table drops the old one, which must not cascade; the check at the end stands in. Inside a
  // transaction the switch has no effect.
  db.pragma('foreign_keys = OFF');
  db.pragma('synchronous = FULL');
  try {
    const rows = db
      .transaction(() => {
        const before = countRows(db);
        for (const { version, up } of migrations) {
          if (version <= from) continue;
          db.exec(up);
          db.pragma(`user_version = ${version}`);
        }
        db.pragma(`application_id = ${APPLICATION_ID}`);
        verify(db, before);
        return before;
      })
      .immediate();
    return isNew ? null : { from, to, backup, rows };
  } catch (error) {
    if (backup !== null) rmSync(backup, { force: true });
    if (!(error instanceof MigrationProblem) && isDiskError(error)) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    const message = `The database could not be brought from version ${from} to ${to}: ${problem}. It is unchanged.`;
    throw new LonghandError('migration-failed', message, { from, to, problem }, { cause: error });
  } finally {
    db.pragma('foreign_keys = ON');
    db.pragma('synchronous = NORMAL');
  }
}

class MigrationProblem extends Error {}

function verify(db: ReadableDb, before: Record<string, number>): void {
  const broken = db.pragma('foreign_key_check') as { table: string }[];
  if (broken[0] !== undefined) {
    throw new MigrationProblem(`${broken.length} rows point nowhere, the first in ${broken[0].table}`);
  }
  const after = countRows(db);
  for (const [table, count] of Object.entries(before)) {
    if ((after[table] ?? -1) >= count) continue; // a step may fill in what was missing
    const now = after[table] === undefined ? 'is gone' : `now has ${after[table]}`;
    throw new MigrationProblem(`${table} had ${count} rows and ${now}`);
  }
}

/** Rows of each ordinary table; the shadow tables of a full-text index merge and split by themselves. */
function countRows(db: ReadableDb): Record<string, number> {
  const tables = db
    .prepare<[], { name: string }>(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .all();
  return Object.fromEntries(
    tables.map(({ name }) => {
      return [
        name,
        db
          .prepare(`SELECT count(*) FROM ${quotedName(name)}`)
          .pluck()
          .get() as number,
      ];
    }),
  );
}

function isDiskError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|BUSY)/.test(code);
}
