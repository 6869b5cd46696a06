import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOURNAL_FILE } from '../../native-models/compile-journal.ts';
import { compile, DiskFullError } from '../../native-models/compile.ts';
import { parseManifest } from '../../native-models/manifest.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

let root: string;
let checkpoint: string;
let expected: Record<string, Buffer>;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longhand-resume-'));
  checkpoint = join(root, 'tiny.gguf');
  await writeFile(checkpoint, writeGguf(tinyCheckpoint({ type: 'Q8_0', layers: 6, seed: 9 })));
  await compile(checkpoint, join(root, 'whole'), { name: 'model', recipe: 'fast' });
  expected = await contents(join(root, 'whole'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** The files of a compiled folder; of the manifest, all but the time it was made at. */
async function contents(folder: string): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const name of (await readdir(folder)).sort()) files[name] = await readFile(join(folder, name));
  const { createdMs: _, ...manifest } = parseManifest(files['manifest.json']!.toString());
  return { ...files, 'manifest.json': Buffer.from(JSON.stringify(manifest)) };
}

/** Compiles in a process of its own and kills it as soon as `share` of the weights is done; null: lets it end. */
async function compileUntil(folder: string, share: number | null, threads = 0): Promise<{ firstDone: number }> {
  const script = join(import.meta.dirname, '../support/processes/compile.ts');
  const child = spawn(process.execPath, [script, checkpoint, folder, 'fast', String(threads)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let firstDone = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    const [done = 0, total = 0] = line.split('/').map(Number);
    if (firstDone === -1) firstDone = done;
    if (share !== null && done >= share * total) child.kill('SIGKILL');
  }
  const code = await new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.on('exit', resolve);
  });
  expect(code).toBe(share === null ? 0 : null);
  return { firstDone };
}

describe('a compile', () => {
  it.each([0, 2])(
    'that is killed again and again goes on where it was, to the same bytes (%i threads)',
    async (threads) => {
      const folder = join(root, `killed-${threads}`);
      for (const share of [0.2, 0.5, 0.9]) {
        await compileUntil(folder, share, threads);
        expect(existsSync(folder)).toBe(false);
      }
      const { firstDone } = await compileUntil(folder, null, threads);
      expect(firstDone).toBeGreaterThan(0);
      expect(await contents(folder)).toEqual(expected);
    },
  );

  it('begins anew when the checkpoint has changed meanwhile', async () => {
    const folder = join(root, 'changed');
    await compileUntil(folder, 0.5);
    await utimes(checkpoint, new Date(), new Date(Date.now() + 5000));
    const { firstDone } = await compileUntil(folder, null);
    expect(firstDone).toBe(0);
    expect(await contents(folder)).toEqual(expected);
  });

  it('does again what a torn journal does not tell', async () => {
    const folder = join(root, 'torn');
    await compileUntil(folder, 0.5);
    await appendFile(join(`${folder}.partial`, JOURNAL_FILE), '{"step":3,"squar');
    await compileUntil(folder, null);
    expect(await contents(folder)).toEqual(expected);
  });

  it('that is stopped leaves its unfinished folder, and one that fails leaves nothing', async () => {
    const folder = join(root, 'stopped');
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('enough'));
    const options = { name: 'model', recipe: 'fast', onProgress } as const;
    await expect(compile(checkpoint, folder, { ...options, signal: stop.signal })).rejects.toThrow('enough');
    expect(existsSync(`${folder}.partial`)).toBe(true);

    const openPackers = () => ({
      steps: [() => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))],
      close: () => Promise.resolve(),
    });
    const failing = compile(checkpoint, folder, { name: 'model', recipe: 'fast', openPackers });
    await expect(failing).rejects.toBeInstanceOf(DiskFullError);
    expect(existsSync(`${folder}.partial`)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });

  it('states the error of what it packed anew, of each matrix and of all', () => {
    const { quantizationErrors, quantizationError } = parseManifest(
      JSON.stringify({ ...JSON.parse(expected['manifest.json']!.toString()), createdMs: 0 }),
    );
    const each = Object.values(quantizationErrors);
    expect(each.length).toBeGreaterThan(20);
    expect(quantizationError).toBeGreaterThan(Math.min(...each));
    expect(quantizationError).toBeLessThan(Math.max(...each));
  });
});
