import { defineThread } from '../../contract/thread.ts';
import { openReadable } from './db.ts';

/** What a database holds: how many rows by table, and what is wrong with it. */
export type Census = { problems: string[]; rows: Record<string, number> };

const COUNTED = ['conversations', 'messages', 'jobs', 'settings'] as const;

const thread = defineThread('verify', import.meta.url, () => (path: string): Census => {
  const db = openReadable(path);
  try {
    const problems = db.prepare<[], string>('PRAGMA integrity_check(10)').pluck().all();
    const orphans = db.pragma('foreign_key_check') as unknown[];
    const counts = COUNTED.map((table) => [table, db.prepare(`SELECT COUNT(*) FROM ${table}`).pluck().get() as number]);
    return {
      problems: [
        ...problems.filter((line) => line !== 'ok'),
        ...(orphans.length > 0 ? ['rows without their parent'] : []),
      ],
      rows: Object.fromEntries(counts) as Record<string, number>,
    };
  } finally {
    db.close();
  }
});

/** Reads a whole database through `integrity_check`, in a thread, and counts what is in it. @throws LonghandError */
export async function takeCensus(path: string, signal?: AbortSignal): Promise<Census> {
  const { call, close } = thread.open(null);
  try {
    return await call(path, { signal });
  } finally {
    await close();
  }
}
