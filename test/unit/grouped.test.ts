import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError, openCheckpoint, type Checkpoint } from '../../native-models/checkpoint/index.ts';
import { goldenData } from '../support/golden-logits.ts';
import { writeSafetensors, type StoredTensor } from '../support/safetensors-writer.ts';

let root = '';
let made = 0;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-grouped-'))));
afterAll(() => rm(root, { recursive: true }));

type Change = { config?: Record<string, unknown>; tensors?: (tensors: Map<string, StoredTensor>) => void };

/** A copy of a checkpoint with some of `quantization_config` and of the tensors changed. */
async function changed(label: string, { config = {}, tensors }: Change): Promise<string> {
  const folder = join(root, String(made++));
  await cp(join(goldenData, label), folder, { recursive: true });
  const settings = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as { quantization_config: object };
  settings.quantization_config = { ...settings.quantization_config, ...config };
  await writeFile(join(folder, 'config.json'), JSON.stringify(settings));
  if (!tensors) return folder;
  const path = join(folder, 'model.safetensors');
  const stored = readTensors(new Uint8Array(await readFile(path)));
  tensors(stored);
  await writeFile(path, writeSafetensors([...stored.values()]));
  return folder;
}

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };

function readTensors(file: Uint8Array): Map<string, StoredTensor> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, Entry>;
  delete header.__metadata__;
  const entries = Object.entries(header).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => {
      const data = file.slice(8 + length + from, 8 + length + to);
      return [name, { name, type: dtype, shape, data }] as const;
    },
  );
  return new Map(entries);
}

async function refusal(label: string, change: Change): Promise<CheckpointError> {
  const folder = await changed(label, change);
  const outcome: unknown = await openCheckpoint(folder).then(readAll, (error: unknown) => error);
  if (outcome instanceof CheckpointError) return outcome;
  throw new Error('not refused', { cause: outcome });
}

/** Every weight's bytes, or why they cannot be read. */
async function readAll(checkpoint: Checkpoint): Promise<unknown> {
  const weights: Record<string, Uint8Array> = {};
  try {
    for (const { name, rows, byteLength } of checkpoint.tensors.values()) {
      weights[name] = new Uint8Array(byteLength);
      await checkpoint.readRows(name, 0, rows, weights[name]);
    }
    return weights;
  } catch (error) {
    return error;
  } finally {
    await checkpoint.close();
  }
}

const DOWN = 'model.layers.1.mlp.down_proj';
const set = (name: string, part: Partial<StoredTensor>) => (tensors: Map<string, StoredTensor>) =>
  void tensors.set(name, { ...tensors.get(name)!, ...part });
const remove = (name: string) => (tensors: Map<string, StoredTensor>) => void tensors.delete(name);
const indices = (of: (input: number) => number) =>
  new Uint8Array(Int32Array.from({ length: 96 }, (_, i) => of(i)).buffer);

describe('a checkpoint of grouped layers', () => {
  it('gives the same weights in the second format, where zero points are stored as they are', async () => {
    const label = 'hf-gptq-desc-act';
    const folder = await changed(label, {
      config: { checkpoint_format: 'gptq_v2' },
      tensors(tensors) {
        for (const [name, { data }] of tensors) {
          if (!name.endsWith('.qzeros')) continue;
          const words = new Uint32Array(data.slice().buffer).map((word) => word + 0x11111111);
          set(name, { data: new Uint8Array(words.buffer) })(tensors);
        }
      },
    });
    expect(await readAll(await openCheckpoint(folder))).toEqual(
      await readAll(await openCheckpoint(join(goldenData, label))),
    );
  });

  it('may describe its quantisation in a file of its own, as older ones do', async () => {
    const folder = await changed('hf-gptq-int8', {});
    const path = join(folder, 'config.json');
    const { quantization_config: apart, ...rest } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify(rest));
    await expect(openCheckpoint(folder)).rejects.toMatchObject({ code: 'missing-metadata' });
    await writeFile(join(folder, 'quantize_config.json'), JSON.stringify(apart));
    const checkpoint = await openCheckpoint(folder);
    await checkpoint.close();
    expect(checkpoint.tensors.get(`${DOWN}.weight`)).toMatchObject({ type: 'S8_32', shape: [64, 96] });
  });

  it('may do without g_idx where the groups are in order', async () => {
    const folder = await changed('hf-gptq-int8', { tensors: remove(`${DOWN}.g_idx`) });
    expect(await readAll(await openCheckpoint(folder))).toEqual(
      await readAll(await openCheckpoint(join(goldenData, 'hf-gptq-int8'))),
    );
  });

  it.each<[string, string, Change, string, string]>([
    ['scales missing', 'hf-awq', { tensors: remove(`${DOWN}.scales`) }, 'missing-tensor', `${DOWN}.scales`],
    ['zero points missing', 'hf-awq', { tensors: remove(`${DOWN}.qzeros`) }, 'missing-tensor', `${DOWN}.qzeros`],
    ['an order missing', 'hf-gptq-desc-act', { tensors: remove(`${DOWN}.g_idx`) }, 'missing-tensor', `${DOWN}.g_idx`],
    [
      'codes of another shape',
      'hf-gptq-int8',
      { tensors: set(`${DOWN}.qweight`, { shape: [48, 32] }) },
      'corrupt-checkpoint',
      'has shape [48,32], expected [48,64]',
    ],
    [
      'zero points of another shape',
      'hf-gptq-int8',
      { tensors: set(`${DOWN}.qzeros`, { shape: [16, 3] }) },
      'corrupt-checkpoint',
      'has shape [16,3], expected [3,16]',
    ],
    [
      'a matrix of other sizes than the model has',
      'hf-gptq-int8',
      {
        tensors(tensors) {
          for (const part of ['qweight', 'qzeros', 'scales', 'g_idx']) {
            set(`${DOWN}.${part}`, {
              ...tensors.get(`model.layers.1.self_attn.o_proj.${part}`)!,
              name: `${DOWN}.${part}`,
            })(tensors);
          }
        },
      },
      'corrupt-checkpoint',
      'has shape [64,64], expected [64,96]',
    ],
    ['groups that do not divide its rows', 'hf-gptq-int8', { config: { group_size: 40 } }, 'unsupported-setting', '40'],
    ['groups shorter than a block', 'hf-gptq-int8', { config: { group_size: 16 } }, 'unsupported-setting', 'of 16'],
    [
      'groups of another size',
      'hf-awq',
      { config: { group_size: 64 } },
      'corrupt-checkpoint',
      'has shape [2,16], expected [4,16]',
    ],
    ['other bits', 'hf-gptq-int8', { config: { bits: 4 } }, 'corrupt-checkpoint', 'expected'],
    [
      'an input of a group that there is not',
      'hf-gptq-desc-act',
      { tensors: set(`${DOWN}.g_idx`, { data: indices((i) => (i === 5 ? 3 : Math.floor(i / 32))) }) },
      'corrupt-checkpoint',
      'puts input 5 into group 3',
    ],
    [
      'an input of a group below zero',
      'hf-gptq-desc-act',
      { tensors: set(`${DOWN}.g_idx`, { data: indices((i) => (i === 7 ? -1 : Math.floor(i / 32))) }) },
      'corrupt-checkpoint',
      'puts input 7 into group -1',
    ],
    [
      'a group with too many inputs',
      'hf-gptq-desc-act',
      { tensors: set(`${DOWN}.g_idx`, { data: indices((i) => (i === 32 ? 0 : Math.floor(i / 32))) }) },
      'corrupt-checkpoint',
      'puts input 32 into group 0',
    ],
    [
      'scales of another type',
      'hf-awq',
      { tensors: (all) => set(`${DOWN}.scales`, { type: 'BF16' })(all) },
      'unsupported-type',
      'is of type BF16, not F16',
    ],
    [
      'zero points that contradict its symmetry',
      'hf-gptq-desc-act',
      { config: { sym: true } },
      'corrupt-checkpoint',
      'said to be symmetric',
    ],
    [
      'a layer quantised that should have been left',
      'hf-awq-kept',
      { config: { modules_to_not_convert: ['v_proj', 'q_proj'] } },
      'corrupt-checkpoint',
      'modules_to_not_convert names "q_proj"',
    ],
    [
      'no quantised layer at all',
      'hf-awq',
      {
        tensors(tensors) {
          for (const name of [...tensors.keys()]) if (/\.(qweight|qzeros|scales)$/.test(name)) tensors.delete(name);
        },
      },
      'missing-tensor',
      'no quantised layer',
    ],
    [
      'a bias that the model has not',
      'hf-gptq-int4',
      { tensors: (all) => set(`${DOWN}.bias`, { data: all.get(`${DOWN}.bias`)!.data.slice().fill(60) })(all) },
      'unsupported-setting',
      `${DOWN}.bias`,
    ],
    [
      'its embeddings in groups',
      'hf-awq',
      {
        tensors(tensors) {
          const { name, ...rest } = tensors.get(`${DOWN}.qweight`)!;
          tensors.set(name, { name, ...rest });
          tensors.set('model.embed_tokens.qweight', { name: 'model.embed_tokens.qweight', ...rest });
        },
      },
      'unsupported-setting',
      'embeddings in groups',
    ],
  ])('is refused with %s', async (_what, label, change, code, words) => {
    const error = await refusal(label, change);
    expect(error).toMatchObject({ code });
    expect(error.message).toContain(words);
  });
});
