import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { openSocketPort } from './socket-port.ts';

const STARTING_MS = 3000;

const token = z.string().regex(/^[\w-]{43}$/);
const instance = z.object({
  pid: z.number().int().positive(),
  address: z.string().regex(/^http:\/\/127\.0\.0\.1:\d+$/),
  /** For the page, which has it in its address. */
  token,
  /** For the command line, which may name any file of the user's. */
  commandToken: token,
});

/** A Longhand that serves a data folder, and how to reach it. Whoever may read the folder may speak to it. */
export type Instance = z.infer<typeof instance>;

export const newToken = (): string => randomBytes(32).toString('base64url');

/** The address of its page: the token is in the fragment, which browsers send to nobody. */
export const pageUrl = ({ address, token }: Pick<Instance, 'address' | 'token'>): string => `${address}/#${token}`;

/** Lets a second start and the command line find this one. Returns how to take the notice away again. */
export function announceInstance(dataFolder: string, own: Instance): () => void {
  const file = instanceFile(dataFolder);
  const draft = `${file}.${own.pid}`;
  writeFileSync(draft, `${JSON.stringify(own)}\n`, { mode: 0o600, flush: true });
  renameSync(draft, file);
  return () => {
    if (readInstance(dataFolder)?.token === own.token) rmSync(file, { force: true });
  };
}

/** The Longhand that serves this data folder now: one that has ended without a word is not taken for it. */
export async function findInstance(dataFolder: string): Promise<Instance | null> {
  const found = readInstance(dataFolder);
  if (found === null || !isAlive(found.pid)) return null;
  try {
    const port = await openSocketPort(found.address, found.commandToken);
    port.close?.();
    return found;
  } catch {
    return null; // its pid and its port belong to others by now
  }
}

/** The Longhand that took the data folder a moment ago, once it has announced itself; null when none does in time. */
export async function awaitInstance(dataFolder: string): Promise<Instance | null> {
  for (const until = Date.now() + STARTING_MS; Date.now() < until; await sleep(200)) {
    const found = await findInstance(dataFolder);
    if (found) return found;
  }
  return null;
}

const instanceFile = (dataFolder: string) => join(dataFolder, 'instance.json');

function readInstance(dataFolder: string): Instance | null {
  try {
    return instance.parse(JSON.parse(readFileSync(instanceFile(dataFolder), 'utf8')));
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
