import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { openStore, type Store, type StoreOptions } from '../../main/services/store/open.ts';

/** An empty folder that is gone after the test. */
export function tempFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'longhand-store-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Opens a store that is closed after the test. */
export function open(path = ':memory:', options: StoreOptions = {}): Store {
  const store = openStore(path, options);
  onTestFinished(() => store.close());
  return store;
}

export const databaseIn = (dir: string) => join(dir, 'longhand.db');

/** The LonghandError that `action` throws; anything else, or nothing, fails the test. */
export function failure(action: () => unknown): LonghandError {
  try {
    action();
  } catch (error) {
    if (error instanceof LonghandError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A conversation with one question and an answer that is being written. */
export function startAnswer(store: Store) {
  const conversation = store.conversations.create();
  const conversationId = conversation.id;
  const question = store.messages.insert({
    conversationId,
    parentId: null,
    role: 'user',
    text: 'Why is the sky blue?',
  });
  const answer = store.messages.insert({ conversationId, parentId: question.id, role: 'assistant', state: 'waiting' });
  store.messages.startStreaming(answer.id);
  return { conversationId, question, answer };
}

/** All bytes below `dir`, to look for what should be gone; backups are left out. */
export function bytesIn(dir: string): Buffer {
  const names = readdirSync(dir).filter((name) => name !== 'backups');
  return Buffer.concat(names.map((name) => readFileSync(join(dir, name))));
}

export const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Mounts a disk of `bytes` on an empty folder. Null where the machine does not let us; the caller skips, saying so. */
export function tinyDisk(bytes: number): { dir: string; makeReadOnly(): void } | null {
  const dir = mkdtempSync(join(tmpdir(), 'longhand-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    rmSync(dir, { recursive: true });
    return null;
  }
  onTestFinished(() => {
    execFileSync('umount', [dir]);
    rmSync(dir, { recursive: true });
  });
  return { dir, makeReadOnly: () => void execFileSync('mount', ['-o', 'remount,ro', dir]) };
}

/** Runs `store-child.ts` and gives its output line by line. */
export function startChild(...args: string[]): { child: ChildProcess; firstLine: Promise<string>; lines: string[] } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'store-child.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let rest = '';
  const firstLine = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('the child ended before it said anything')));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).split('\n');
      rest = whole.pop() ?? '';
      lines.push(...whole);
      if (lines[0] !== undefined) resolve(lines[0]);
    });
  });
  return { child, firstLine, lines };
}

/** Kills as `kill -9` does, and waits until the process is gone and its output read. */
export function killHard(child: ChildProcess): Promise<void> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill('SIGKILL');
  return closed;
}
