import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempFolder } from '../services/assistant-support.ts';
import { openDiary } from '../support/diary-thread.ts';

describe('a thread that is closed', () => {
  it('ends by itself after the call under way, and closes what it has open', async () => {
    const path = join(tempFolder(), 'diary');
    const { call, close } = openDiary(path);
    await call({ workMs: 0 });
    const busy = call({ workMs: 300 });
    const waiting = call({ workMs: 0 });
    const failures = Promise.allSettled([busy, waiting]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await close();
    expect(readFileSync(path, 'utf8')).toBe('opened, worked 0, worked 300, closed');
    expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('is ended where it is with `now`, and starts again with the next call', async () => {
    const path = join(tempFolder(), 'diary');
    const { call, close } = openDiary(path);
    onTestFinished(() => close());
    await call({ workMs: 0 });
    call({ workMs: 60_000 }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    await close({ now: true });
    expect(readFileSync(path, 'utf8')).toBe('opened, worked 0');
    await call({ workMs: 1 });
    expect(readFileSync(path, 'utf8')).toBe('opened, worked 0opened, worked 1');
  });

  it('is ended where it is when it does not end in time', { timeout: 20_000 }, async () => {
    const path = join(tempFolder(), 'diary');
    const { call, close } = openDiary(path);
    await call({ workMs: 0 });
    call({ workMs: 60_000 }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    const startedMs = performance.now();
    await close();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(readFileSync(path, 'utf8')).toBe('opened, worked 0');
  });
});
