import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, openCheckpoint } from '../../native-models/checkpoint/index.ts';
import { writeGguf, type MetadataValue } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const PARTS = 3;
const whole = tinyCheckpoint({ seed: 5 });
let root = '';
let made = 0;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-split-'))));
afterAll(() => rm(root, { recursive: true }));

type Change = { number: number; metadata?: Record<string, MetadataValue>; missing?: boolean; name?: string };

/** Writes the tiny model in three parts, as llama.cpp's gguf-split does, with one of them changed; returns their paths. */
async function writeParts(change?: Change): Promise<string[]> {
  const folder = await mkdtemp(join(root, `${made++}-`));
  const share = Math.ceil(whole.tensors.length / PARTS);
  const paths: string[] = [];
  for (let number = 0; number < PARTS; number++) {
    const own = change?.number === number ? change : undefined;
    const place: Record<string, MetadataValue> = {
      'split.no': { type: 'u16', value: number },
      'split.count': { type: 'u16', value: PARTS },
      'split.tensors.count': { type: 'i32', value: whole.tensors.length },
    };
    const metadata = { ...(number === 0 ? whole.metadata : {}), ...place, ...own?.metadata };
    const tensors = whole.tensors.slice(number * share, (number + 1) * share);
    const path = join(folder, own?.name ?? `tiny-0000${number + 1}-of-00003.gguf`);
    if (!own?.missing) await writeFile(path, writeGguf({ metadata, tensors }));
    paths.push(path);
  }
  return paths;
}

async function refusal(path: string): Promise<CheckpointError> {
  const outcome: unknown = await openCheckpoint(path).catch((error: unknown) => error);
  if (outcome instanceof CheckpointError) return outcome;
  throw new Error('not refused', { cause: outcome });
}

describe('a model in several GGUF files', () => {
  it.each([0, 1, 2])('opens whole by part %i, with the rows of every part', async (chosen) => {
    const paths = await writeParts();
    const checkpoint = await openCheckpoint(paths[chosen]!);
    expect(checkpoint.files).toEqual(paths);
    expect(checkpoint.path).toBe(paths[0]);
    for (const [stored, name] of [
      ['token_embd.weight', 'model.embed_tokens.weight'],
      ['output_norm.weight', 'model.norm.weight'],
      ['blk.1.ffn_down.weight', 'model.layers.1.mlp.down_proj.weight'],
    ]) {
      const info = checkpoint.tensors.get(name!)!;
      const bytes = new Uint8Array(info.byteLength);
      await checkpoint.readRows(name!, 0, info.rows, bytes);
      expect(bytes).toEqual(whole.tensors.find((tensor) => tensor.name === stored)!.data);
    }
    await checkpoint.close();
  });

  it('names the part that is missing', async () => {
    const paths = await writeParts({ number: 1, missing: true });
    const error = await refusal(paths[0]!);
    expect(error.message).toContain(`its part ${paths[1]} is missing`);
  });

  it('tells a part that lies in the place of another', async () => {
    const paths = await writeParts({ number: 1, metadata: { 'split.no': { type: 'u16', value: 2 } } });
    expect((await refusal(paths[0]!)).message).toContain('this is part 3 of 3, where part 2 of 3 belongs');
  });

  it('is refused when a part was renamed, since the others cannot be found by it', async () => {
    const paths = await writeParts({ number: 0, name: 'mine.gguf' });
    const error = await refusal(paths[0]!);
    expect(error.code).toBe('unsupported-setting');
    expect(error.message).toContain('NAME-00001-of-00003.gguf');
  });

  it('is refused when tensors are missing from its parts', async () => {
    const paths = await writeParts({ number: 0, metadata: { 'split.tensors.count': { type: 'i32', value: 999 } } });
    expect((await refusal(paths[0]!)).message).toMatch(/the parts hold \d+ tensors, not 999/);
  });

  it('is refused when it claims more parts than any model has', async () => {
    const paths = await writeParts({ number: 0, metadata: { 'split.count': { type: 'u16', value: 60_000 } } });
    expect((await refusal(paths[0]!)).code).toBe('limit-exceeded');
  });
});
