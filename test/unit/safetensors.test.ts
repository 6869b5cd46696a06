import { mkdtempSync } from 'node:fs';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../native-models/checkpoint/errors.ts';
import { SafetensorsFiles } from '../../native-models/checkpoint/safetensors-files.ts';
import { describeTensors, writeSafetensors, writeSafetensorsFile } from '../support/safetensors-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'safetensors-'));
afterAll(() => rm(folder, { recursive: true }));
let files = 0;

const bytes = (length: number, first = 0) => Uint8Array.from({ length }, (_, i) => first + i);
const a = { name: 'a', type: 'F32', shape: [2, 3], data: bytes(24) };
const b = { name: 'b', type: 'BF16', shape: [4], data: bytes(8, 100) };

async function save(content: Uint8Array, name = `${files++}.safetensors`): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** The refusal of a file with this header. */
async function refusal(header: unknown, data = bytes(32)): Promise<CheckpointError> {
  return refusalOf(await save(writeSafetensorsFile(header, data)));
}

async function refusalOf(path: string): Promise<CheckpointError> {
  const error: unknown = await SafetensorsFiles.open([path]).then(
    (opened) => opened.close(),
    (cause: unknown) => cause,
  );
  if (error instanceof CheckpointError) return error;
  throw new Error('It was not refused', { cause: error });
}

describe('a safetensors file', () => {
  it('gives every tensor with its type, its shape and any range of its bytes', async () => {
    const opened = await SafetensorsFiles.open([await save(writeSafetensors([a, b]))]);
    expect([...opened.tensors.values()]).toMatchObject([
      { name: 'a', type: 'F32', shape: [2, 3], byteLength: 24 },
      { name: 'b', type: 'BF16', shape: [4], byteLength: 8 },
    ]);
    const range = new Uint8Array(5);
    await opened.read('b', 2, range);
    expect(range).toEqual(b.data.subarray(2, 7));
    await expect(opened.read('b', 4, range)).rejects.toThrow(RangeError);
    await opened.close();
  });

  it('may carry notes and list its tensors in any order', async () => {
    const header = { b: describeTensors([a, b]).b, __metadata__: { format: 'pt' }, a: describeTensors([a, b]).a };
    const opened = await SafetensorsFiles.open([await save(writeSafetensorsFile(header, bytes(32)))]);
    expect([...opened.tensors.keys()].sort()).toEqual(['a', 'b']);
    await opened.close();
  });

  const entries = describeTensors([a, b]);
  const entry = (change: object) => ({
    ...entries,
    b: { dtype: 'BF16', shape: [4], data_offsets: [24, 32], ...change },
  });

  it.each<[string, unknown, string]>([
    ['a gap', entry({ data_offsets: [25, 33] }), 'does not follow a, which ends at byte'],
    ['an overlap', entry({ data_offsets: [20, 28] }), 'overlaps a'],
    ['offsets in the wrong order', entry({ data_offsets: [32, 24] }), 'two offsets in order'],
    ['a negative offset', entry({ data_offsets: [-8, 0] }), 'two offsets in order'],
    ['fractions for offsets', entry({ data_offsets: [24.5, 32.5] }), 'two offsets in order'],
    ['one offset', entry({ data_offsets: [24] }), 'two offsets in order'],
    ['offsets beyond the file', entry({ shape: [40], data_offsets: [24, 104] }), 'but the file ends at byte'],
    ['offsets no file can have', entry({ data_offsets: [24, 2 ** 60] }), 'two offsets in order'],
    ['a shape that disagrees', entry({ shape: [5] }), 'needs 10 bytes'],
    ['a shape that overflows', entry({ shape: [2 ** 32, 2 ** 32] }), 'needs 36893488147419103000 bytes'],
    ['a shape with a negative size', entry({ shape: [-4] }), 'is not a list of up to 8 sizes'],
    ['a shape of words', entry({ shape: ['4'] }), 'is not a list of up to 8 sizes'],
    ['nine dimensions', entry({ shape: [4, 1, 1, 1, 1, 1, 1, 1, 1] }), 'is not a list of up to 8 sizes'],
    ['no shape', entry({ shape: undefined }), 'is not a list of up to 8 sizes'],
    ['an unknown type', entry({ dtype: 'F8_NEW' }), 'of type F8_NEW'],
    ['a type that every object has', entry({ dtype: 'constructor' }), 'of type constructor'],
    ['no type', entry({ dtype: 1 }), 'of type number'],
    ['a list for an entry', { ...entries, b: [] }, 'is not an object'],
    ['a list for a header', [], 'is not a JSON object'],
    ['text that is no JSON', '{"a": ', 'is not valid JSON'],
    ['a name without end', { ['x'.repeat(600)]: entries.a, b: entries.b }, 'has 600 characters'],
    ['data that no tensor has', { a: entries.a }, '8 bytes behind its last tensor'],
  ])('with %s is refused', async (_, header, message) => {
    const error = await refusal(header);
    expect(error.message).toContain(message);
    expect(error.details.path).toContain(folder);
  });

  it('of more tensors than any model has is refused', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 65_537 }, (_, i) => [i, { dtype: 'U8', shape: [0], data_offsets: [0, 0] }]),
    );
    expect(await refusal(many, bytes(0))).toMatchObject({ code: 'limit-exceeded', details: { limit: 65_536 } });
  });

  it.each([0n, 1n, 33n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n])(
    'with a header length of %s is refused',
    async (length) => {
      const file = writeSafetensors([a]);
      new DataView(file.buffer).setBigUint64(0, length, true);
      expect((await refusalOf(await save(file))).code).toMatch(/corrupt-checkpoint|limit-exceeded/);
    },
  );

  it('cut off at any byte is refused', async () => {
    const file = writeSafetensors([a, b]);
    const path = await save(file);
    for (let length = file.length - 1; length >= 0; length--) {
      await truncate(path, length);
      expect((await refusalOf(path)).code).toBe('corrupt-checkpoint');
    }
  });

  it('that shrinks after it was opened is found out when it is read', async () => {
    const path = await save(writeSafetensors([a, b]));
    const opened = await SafetensorsFiles.open([path]);
    await truncate(path, writeSafetensors([a, b]).length - 2);
    await expect(opened.read('b', 0, new Uint8Array(8))).rejects.toMatchObject({ code: 'corrupt-checkpoint' });
    await opened.close();
  });
});

describe('a checkpoint in several safetensors files', () => {
  const index = (places: unknown) =>
    save(new TextEncoder().encode(JSON.stringify({ weight_map: places })), 'index.json');
  const open = async (places: unknown) => SafetensorsFiles.openSharded(await index(places), folder);

  it('is read as one', async () => {
    await save(writeSafetensors([a]), 's-1.safetensors');
    await save(writeSafetensors([b]), 's-2.safetensors');
    const opened = await open({ a: 's-1.safetensors', b: 's-2.safetensors' });
    expect(opened.paths.map((path) => path.slice(folder.length + 1))).toEqual(['s-1.safetensors', 's-2.safetensors']);
    expect(opened.sizeBytes).toBe(writeSafetensors([a]).length + writeSafetensors([b]).length);
    const data = new Uint8Array(8);
    await opened.read('b', 0, data);
    expect(data).toEqual(b.data);
    await opened.close();
  });

  it.each<[string, unknown, string]>([
    ['a file that is not there', { a: 's-9.safetensors' }, 's-9.safetensors is missing'],
    [
      'a tensor that its file lacks',
      { a: 's-1.safetensors', c: 's-1.safetensors' },
      'tensor c is not in s-1.safetensors',
    ],
    ['the same tensor twice', { a: 's-1.safetensors', b: 's-3.safetensors' }, 'tensor a is in'],
    ['a path that leads elsewhere', { a: '../s-1.safetensors' }, 'is not the name of a safetensors file'],
    ['an absolute path', { a: '/etc/passwd' }, 'is not the name of a safetensors file'],
    ['no files', {}, 'lists 0 files'],
    ['places that are no names', { a: 1 }, 'weight_map.a'],
  ])('is refused with %s', async (_, places, message) => {
    await save(writeSafetensors([a]), 's-1.safetensors');
    await save(writeSafetensors([a, b]), 's-3.safetensors');
    await expect(open(places)).rejects.toThrow(message);
  });
});
