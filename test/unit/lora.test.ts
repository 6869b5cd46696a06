import { cp, mkdir, mkdtemp, readFile, rename as move, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, openCheckpoint, type Checkpoint } from '../../native-models/checkpoint/index.ts';
import { openAdapted } from '../../native-models/checkpoint/lora.ts';
import { readLoraConfig } from '../../native-models/checkpoint/lora-config.ts';
import { writeSafetensors, type StoredTensor } from '../support/safetensors-writer.ts';

// Saved by PEFT: test/golden/make/lora.py. test/model/families.test.ts compares their logits.
const data = join(import.meta.dirname, '../golden/data');
const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
const base = join(data, 'hf-qwen2-sharded');
let root = '';
let made = 0;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-lora-'))));
afterAll(() => rm(root, { recursive: true }));

type Tensors = Map<string, StoredTensor>;
type Change = { settings?: Record<string, unknown>; change?: (tensors: Tensors) => void };

/** A copy of a saved adapter, alone in a folder, with other settings or other tensors. */
async function adapter({ settings = {}, change }: Change = {}): Promise<string> {
  const folder = join(root, String(made++), 'adapter');
  await cp(join(data, 'lora-qwen2'), folder, { recursive: true });
  const config = JSON.parse(await readFile(join(folder, CONFIG), 'utf8')) as object;
  await writeFile(join(folder, CONFIG), JSON.stringify({ ...config, ...settings }));
  if (change) {
    const tensors = readTensors(await readFile(join(folder, WEIGHTS)));
    change(tensors);
    await writeFile(join(folder, WEIGHTS), writeSafetensors([...tensors].map(([name, rest]) => ({ ...rest, name }))));
  }
  return folder;
}

function readTensors(file: Buffer): Tensors {
  const dataAt = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, dataAt).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  delete header.__metadata__;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          dtype: type,
          shape,
          data_offsets: [begin, end],
        },
      ]) => [name, { name, type, shape, data: file.subarray(dataAt + begin, dataAt + end) }],
    ),
  );
}

async function refusal(opening: Promise<unknown>): Promise<CheckpointError> {
  const outcome: unknown = await opening.catch((error: unknown) => error);
  if (outcome instanceof CheckpointError) return outcome;
  throw new Error('not refused', { cause: outcome });
}

const DOWN = 'base_model.model.model.layers.1.mlp.down_proj';
function rename(from: string, to: string): (tensors: Tensors) => void {
  return (tensors) => {
    tensors.set(to, tensors.get(from)!);
    tensors.delete(from);
  };
}
function alter(name: string, other: Partial<StoredTensor>): (tensors: Tensors) => void {
  return (tensors) => void tensors.set(name, { ...tensors.get(name)!, ...other });
}

const SHUFFLED = 'model.layers.1.mlp.down_proj.weight';
const order = Uint32Array.from({ length: 96 }, (_, column) => (column * 35 + 5) % 96);
const permute = (row: Float32Array) => Float32Array.from(order, (column) => row[column]!);

/** The base with the columns of one matrix in another order. */
async function openShuffled(path: string): Promise<Checkpoint> {
  const plain = await openCheckpoint(path);
  const tensors = new Map([...plain.tensors, [SHUFFLED, { ...plain.tensors.get(SHUFFLED)!, columnOrder: order }]]);
  const readRows: Checkpoint['readRows'] = async (which, first, last, target) => {
    await plain.readRows(which, first, last, target);
    if (which !== SHUFFLED) return;
    const halves = new Uint16Array(target.buffer, target.byteOffset, target.length / 2);
    for (let at = 0; at < halves.length; at += 96) {
      const row = halves.slice(at, at + 96);
      for (const [to, from] of order.entries()) halves[at + to] = row[from]!;
    }
  };
  return { ...plain, tensors, readRows, config: plain.config, close: () => plain.close() };
}

/** Rows 4 to 6 of that matrix, in float32. */
async function rowsOf(checkpoint: Checkpoint): Promise<Float32Array> {
  const values = new Float32Array(3 * 96);
  await checkpoint.readRows(SHUFFLED, 4, 7, new Uint8Array(values.buffer));
  await checkpoint.close();
  return values;
}

describe('an adapter', () => {
  it('is found by its folder or by either of its files, and keeps what it does not change', async () => {
    for (const name of ['', CONFIG, WEIGHTS]) {
      const checkpoint = await openCheckpoint(join(data, 'lora-qwen2', name));
      await checkpoint.close();
      expect(checkpoint.config.name).toBe('hf-qwen2-sharded lora-qwen2');
      expect(checkpoint.files).toHaveLength(4);
      expect(checkpoint.tensors.get('model.layers.0.mlp.gate_proj.weight')?.type).toBe('F32');
      expect(checkpoint.tensors.get('model.layers.0.mlp.up_proj.weight')?.type).toBe('BF16');
    }
  });

  it('gives the same rows however they are asked for', async () => {
    const checkpoint = await openCheckpoint(join(data, 'lora-llama'));
    for (const name of ['model.embed_tokens.weight', 'model.layers.1.mlp.up_proj.weight']) {
      const { rows, rowByteLength, byteLength } = checkpoint.tensors.get(name)!;
      const whole = new Uint8Array(byteLength);
      await checkpoint.readRows(name, 0, rows, whole);
      const parts = new Uint8Array(byteLength);
      for (let first = 0; first < rows; first += 7) {
        const last = Math.min(first + 7, rows);
        await checkpoint.readRows(name, first, last, parts.subarray(first * rowByteLength, last * rowByteLength));
      }
      expect(Buffer.compare(parts, whole)).toBe(0);
    }
    await checkpoint.close();
  });

  it('of an embedding that is the head too leaves the head as it was, as while it was trained', async () => {
    const adapted = await openCheckpoint(join(data, 'lora-llama'));
    const plain = await openCheckpoint(join(data, 'hf-llama'));
    expect([plain.config.tiedEmbeddings, adapted.config.tiedEmbeddings]).toEqual([true, false]);
    const { rows, byteLength } = plain.tensors.get('model.embed_tokens.weight')!;
    const [head, embedding] = [new Uint8Array(byteLength), new Uint8Array(byteLength)];
    await adapted.readRows('lm_head.weight', 0, rows, head);
    await plain.readRows('model.embed_tokens.weight', 0, rows, embedding);
    expect(Buffer.compare(head, embedding)).toBe(0);
    await Promise.all([adapted.close(), plain.close()]);
  });

  it('takes the base that is named, of any format', async () => {
    const folder = await adapter();
    const checkpoint = await openCheckpoint(folder, { base });
    await checkpoint.close();
    expect(checkpoint.config.layers).toBe(2);
  });

  it.each(['hf-qwen2-sharded', 'adapter/hf-qwen2-sharded', 'adapter/somebody/hf-qwen2-sharded'])(
    'finds its base near itself: %s',
    async (place) => {
      const folder = await adapter();
      await mkdir(join(folder, 'somebody'));
      await cp(base, join(folder, '..', place), { recursive: true });
      const checkpoint = await openCheckpoint(folder);
      await checkpoint.close();
    },
  );

  it.each(['somebody/hf-qwen2-sharded', '../../elsewhere', '/', '..', '.', 'adapter', '', null])(
    'says which base it needs where there is none, and looks nowhere else: %s',
    async (name) => {
      const folder = await adapter({ settings: { base_model_name_or_path: name } });
      await rm(join(root, 'elsewhere'), { recursive: true, force: true });
      await cp(base, join(root, 'elsewhere'), { recursive: true });
      const error = await refusal(openCheckpoint(folder));
      expect(error).toMatchObject({ code: 'missing-base', details: { path: folder, base: name } });
    },
  );

  it('adds to each column of its base what belongs to it, in whatever order they are stored', async () => {
    const folder = await adapter();
    const wanted = await rowsOf(await openCheckpoint(folder, { base }));
    const shuffled = await openAdapted(folder, base, openShuffled);
    expect(shuffled.tensors.get(SHUFFLED)?.columnOrder).toBe(order);
    const found = await rowsOf(shuffled);
    for (const at of [0, 96, 192]) expect(found.subarray(at, at + 96)).toEqual(permute(wanted.subarray(at, at + 96)));
  });

  it('puts a matrix that was trained whole in place of one whose columns are stored in another order', async () => {
    const values = Float32Array.from({ length: 64 * 96 }, (_, i) => i / 7);
    const saved = 'base_model.model.model.layers.1.mlp.down_proj.weight';
    const folder = await adapter({
      settings: { target_modules: 'all-linear', modules_to_save: ['down_proj'] },
      change: (tensors) => {
        for (const name of [...tensors.keys()]) if (name.startsWith(`${DOWN}.lora`)) tensors.delete(name);
        tensors.set(saved, { name: saved, type: 'F32', shape: [64, 96], data: new Uint8Array(values.buffer) });
      },
    });
    const adapted = await openAdapted(folder, base, openShuffled);
    expect(adapted.tensors.get(SHUFFLED)?.columnOrder).toBeUndefined();
    expect(await rowsOf(adapted)).toEqual(values.slice(4 * 96, 7 * 96));
  });

  it('brings a tokenizer of its own, if it has one', async () => {
    const folder = await adapter();
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) await cp(join(base, name), join(folder, name));
    await writeFile(join(folder, 'chat_template.jinja'), 'mine');
    const checkpoint = await openCheckpoint(folder, { base });
    await checkpoint.close();
    expect(checkpoint.tokenizer.chatTemplate).toBe('mine');
  });

  it.each<[string, Change, string, string]>([
    ['weights taken apart', { settings: { use_dora: true } }, 'unsupported-setting', 'use_dora'],
    ['biases of its own', { settings: { lora_bias: true } }, 'unsupported-setting', 'lora_bias'],
    ['a base that was changed first', { settings: { init_lora_weights: 'pissa' } }, 'unsupported-setting', 'pissa'],
    ['layers twice', { settings: { layer_replication: [[0, 2]] } }, 'unsupported-setting', 'layer_replication'],
    ['tokens apart', { settings: { trainable_token_indices: [1] } }, 'unsupported-setting', 'trainable_token_indices'],
    ['another method', { settings: { peft_type: 'LOHA' } }, 'unsupported-setting', 'LOHA'],
    ['another task', { settings: { task_type: 'SEQ_CLS' } }, 'unsupported-setting', 'SEQ_CLS'],
    ['a setting that nobody knows', { settings: { use_novelty: 0.5 } }, 'unsupported-setting', 'use_novelty'],
    ['a pattern that looks ahead', { settings: { alpha_pattern: { '(?=a)': 1 } } }, 'unsupported-setting', '(?=a)'],
    ['no rank', { settings: { r: null } }, 'missing-metadata', 'r is missing'],
    ['another rank', { settings: { r: 5 } }, 'corrupt-checkpoint', 'expected [5,96]'],
    ['a target that is not there', { settings: { target_modules: ['o_proj'] } }, 'missing-tensor', 'o_proj.lora_A'],
    ['a module that is not there', { settings: { modules_to_save: ['lm_head'] } }, 'missing-tensor', 'lm_head'],
    [
      'half an adapter',
      { change: (tensors) => void tensors.delete(`${DOWN}.lora_B.weight`) },
      'missing-tensor',
      'down_proj.lora_B',
    ],
    [
      'a layer that the base has not',
      {
        settings: { target_modules: 'all-linear' },
        change: (tensors) => {
          for (const part of ['lora_A.weight', 'lora_B.weight'])
            rename(`${DOWN}.${part}`, `${DOWN.replace('.1.', '.7.')}.${part}`)(tensors);
        },
      },
      'unsupported-setting',
      'is it the right base?',
    ],
    [
      'a tensor that nobody knows',
      { change: rename(`${DOWN}.lora_A.weight`, `${DOWN}.lora_magnitude_vector`) },
      'unsupported-setting',
      'lora_magnitude_vector',
    ],
    [
      'another width',
      { change: alter(`${DOWN}.lora_A.weight`, { shape: [8, 48] }) },
      'corrupt-checkpoint',
      'has shape [8,48], expected [4,96]',
    ],
    [
      'codes in place of numbers',
      { change: alter(`${DOWN}.lora_A.weight`, { type: 'I32' }) },
      'unsupported-type',
      'I32',
    ],
    ['nothing in it', { change: (tensors) => tensors.clear() }, 'missing-tensor', 'no tensors'],
  ])('is refused with the reason when it has %s', async (_, change, code, words) => {
    const error = await refusal(openCheckpoint(await adapter(change), { base }));
    expect(error.message).toContain(words);
    expect(error.code).toBe(code);
  });

  it('is refused over a base of another size, over an adapter, and where it is a pickle', async () => {
    const folder = await adapter();
    expect((await refusal(openCheckpoint(folder, { base: join(data, 'tiny-qwen2.gguf') }))).message).toContain(
      'layers.2',
    );
    expect((await refusal(openCheckpoint(folder, { base: folder }))).code).toBe('not-a-checkpoint');
    await move(join(folder, WEIGHTS), join(folder, 'adapter_model.bin'));
    expect((await refusal(openCheckpoint(folder, { base }))).message).toContain('pickle');
  });

  it('is needed for a base to be named', async () => {
    expect((await refusal(openCheckpoint(base, { base }))).message).toContain('is no adapter');
  });
});

describe('the settings of an adapter', () => {
  it('give each module its rank and its scale, the first pattern that fits before the general ones', async () => {
    const folder = await adapter({
      settings: {
        ...{ r: 16, lora_alpha: 8, use_rslora: true },
        rank_pattern: { '^lm_head$': 64, q_proj: 4 },
        alpha_pattern: { 'layers.1.self_attn.q_proj': 6, q_proj: 2, 'layers\\.[2-9]\\.(self_attn|mlp)\\..*': 12 },
      },
    });
    const { rank, scale } = await readLoraConfig(join(folder, CONFIG));
    expect(rank('model.layers.0.self_attn.q_proj')).toBe(4);
    expect(rank('model.layers.0.mlp.seq_proj')).toBe(16);
    expect([rank('lm_head'), rank('extra.lm_head')]).toEqual([64, 16]);
    expect(scale('model.layers.1.self_attn.q_proj')).toBe(3); // 6 / sqrt(4)
    expect(scale('model.layers.11.self_attn.q_proj')).toBe(1); // 2 / sqrt(4)
    expect(scale('model.layers.0.mlp.up_proj')).toBe(2); // 8 / sqrt(16)
    expect(scale('model.layers.3.mlp.up_proj')).toBe(3); // 12 / sqrt(16)
    expect(scale('model.layers.13.mlp.up_proj')).toBe(2);
  });
});
