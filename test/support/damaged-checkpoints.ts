import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, openCheckpoint } from '../../native-models/checkpoint/index.ts';
import { renderChat } from '../../native-models/text/chat-template.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { layOutGguf } from './gguf-writer.ts';
import { goldenData } from './golden-logits.ts';
import { writeSafetensorsFile } from './safetensors-writer.ts';
import { mulberry32, tinyCheckpoint } from './tiny-checkpoint.ts';

/** A GGUF file; a folder of safetensors; one of several files, by its index; an adapter beside its base. */
export const damagedKinds = ['gguf', 'safetensors', 'shards', 'adapter'] as const;
export type DamagedKind = (typeof damagedKinds)[number];
export type FuzzReport = {
  cases: number;
  /** How many files were opened, and how many refused with each code. */
  outcomes: Record<string, number>;
  slowestMs: number;
  /** The most that memory had grown by after a case. */
  mostGrowthBytes: number;
};

type Random = () => number;
/** Writes the damaged checkpoint of the next case and says what to open. */
type Damage = (random: Random) => Promise<string>;

/** Values at which sizes and signs go wrong. */
const edges = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
/** What no setting expects. */
const oddities: readonly unknown[] = [
  ...[0, -1, 1, 0.5, 7, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, '', '1e999', 'x'.repeat(2000), 'F32', 'I32', 'BF16'],
  ...[
    null,
    true,
    false,
    [],
    [[]],
    [0, 0],
    [1, -1],
    [2 ** 53, 2 ** 53],
    {},
    { __proto__: null, a: 1 },
    '\u0000',
    '__proto__',
  ],
];

/**
 * Opens `cases` damaged checkpoints as an import does, and uses those that open. The same `seed` makes the same cases.
 * @throws Error naming the first case that ended in anything but an open checkpoint or a CheckpointError
 */
export async function fuzzCheckpoints(
  kind: DamagedKind,
  { cases, seed, folder }: { cases: number; seed: number; folder: string },
): Promise<FuzzReport> {
  const damage = kind === 'gguf' ? damagedGguf(folder) : damagedFolder(await copies(folder, kind));
  const random = mulberry32(seed);
  const outcomes: Record<string, number> = {};
  let [slowestMs, mostGrowthBytes] = [0, 0];
  for (let i = 0; i < cases; i++) {
    const path = await damage(random);
    const before = usedBytes();
    const start = performance.now();
    const outcome = await use(path).catch((cause: unknown) => {
      throw new Error(`Case ${i} of ${kind}, seed ${seed}`, { cause });
    });
    slowestMs = Math.max(slowestMs, performance.now() - start);
    mostGrowthBytes = Math.max(mostGrowthBytes, usedBytes() - before);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return { cases, outcomes, slowestMs, mostGrowthBytes };
}

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The code of the refusal, or `opened`. */
async function use(path: string): Promise<string> {
  try {
    const checkpoint = await openCheckpoint(path);
    try {
      for (const { name, rows, rowByteLength } of checkpoint.tensors.values()) {
        await checkpoint.readRows(name, rows - 1, rows, new Uint8Array(rowByteLength));
      }
      const tokenizer = Tokenizer.fromSource(checkpoint.tokenizer);
      tokenizer.decode(tokenizer.encode('hello wörld'));
      const { chatTemplate } = checkpoint.tokenizer;
      if (chatTemplate !== null) tokenizer.encodePieces(renderChat(chatTemplate, [{ role: 'user', content: 'hello' }]));
    } finally {
      await checkpoint.close();
    }
    return 'opened';
  } catch (error) {
    if (error instanceof CheckpointError) return error.code;
    throw error;
  }
}

function damagedGguf(folder: string): Damage {
  const { bytes, dataStart } = layOutGguf(
    tinyCheckpoint({ layers: 1, heads: 2, kvHeads: 1, intermediateSize: 32, type: 'Q8_0' }),
  );
  const path = join(folder, 'damaged.gguf');
  return async (random) => {
    const isNoise = random() < 0.05;
    await writeFile(
      path,
      isNoise ? noise(random, [0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0]) : damageBytes(bytes, dataStart, random),
    );
    return path;
  };
}

/** Folders as transformers and PEFT saved them, and which of their files are damaged. */
const saved: Record<Exclude<DamagedKind, 'gguf'>, { label: string; files: readonly string[]; beside?: string }[]> = {
  safetensors: ['hf-llama', 'hf-gptq-int4'].map((label) => ({ label, files: ['model.safetensors', 'config.json'] })),
  shards: [{ label: 'hf-qwen2-sharded', files: ['model.safetensors.index.json', 'model-00001-of-00002.safetensors'] }],
  adapter: [
    { label: 'lora-qwen2', beside: 'hf-qwen2-sharded', files: ['adapter_model.safetensors', 'adapter_config.json'] },
    { label: 'lora-llama', beside: 'hf-llama', files: ['adapter_model.safetensors', 'adapter_config.json'] },
  ],
};

type Copy = { folder: string; files: { path: string; whole: Buffer }[] };

function copies(root: string, kind: keyof typeof saved): Promise<Copy[]> {
  return Promise.all(
    saved[kind].map(async ({ label, files, beside }) => {
      for (const name of beside === undefined ? [label] : [label, beside])
        await cp(join(goldenData, name), join(root, name), { recursive: true });
      const folder = join(root, label);
      const paths = files.map((name) => join(folder, name));
      return { folder, files: await Promise.all(paths.map(async (path) => ({ path, whole: await readFile(path) }))) };
    }),
  );
}

/** A checkpoint of several files, one of them damaged: in its bytes, or in what the JSON in it says. */
function damagedFolder(bases: readonly Copy[]): Damage {
  let restore: () => Promise<void> = () => Promise.resolve();
  return async (random) => {
    await restore();
    const { folder, files } = bases[below(random, bases.length)]!;
    const { path, whole } = files[random() < 0.6 ? 0 : 1]!;
    restore = () => writeFile(path, whole);
    const isJson = path.endsWith('.json');
    const dataStart = isJson ? 0 : 8 + Number(whole.readBigUInt64LE(0));
    const kind = random();
    if (kind < 0.05) await writeFile(path, noise(random, isJson ? [0x7b] : [60, 0, 0, 0, 0, 0, 0, 0, 0x7b]));
    else if (kind < 0.5) await writeFile(path, damageBytes(whole, isJson ? whole.length : dataStart, random));
    else {
      const value: unknown = JSON.parse(whole.toString('utf8', isJson ? 0 : 8, isJson ? whole.length : dataStart));
      const damaged = damageJson(value, random);
      await writeFile(
        path,
        isJson ? JSON.stringify(damaged) : writeSafetensorsFile(damaged, whole.subarray(dataStart)),
      );
    }
    return folder;
  };
}

const below = (random: Random, limit: number) => Math.floor(random() * limit);

/** Random bytes, mostly behind the beginning of a true file, so that more than the first check meets them. */
function noise(random: Random, beginning: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from({ length: below(random, 400) }, () => below(random, 256));
  if (random() < 0.8) bytes.set(beginning.slice(0, bytes.length));
  return bytes;
}

/** `valid` with one to three places of its first `end` bytes changed, cut, repeated or left out. */
function damageBytes(valid: Uint8Array, end: number, random: Random): Uint8Array {
  let bytes = new Uint8Array(valid);
  const rounds = 1 + below(random, 3);
  for (let round = 0; round < rounds; round++) {
    const at = below(random, Math.min(end, bytes.length));
    const kind = below(random, 6);
    if (kind === 0) bytes[at] = below(random, 256);
    else if (kind === 1) bytes[at]! ^= 1 << below(random, 8);
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = joined(bytes.subarray(0, at), bytes.subarray(at + below(random, 64)));
    else if (kind === 4) bytes = joined(bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(random, 64))));
    else if (at + 8 <= bytes.length) {
      const view = new DataView(bytes.buffer);
      const edge = edges[below(random, edges.length)]!;
      if (below(random, 2)) view.setBigUint64(at, edge, true);
      else view.setUint32(at, Number(edge & 0xffffffffn), true);
    }
    if (bytes.length === 0) break;
  }
  return bytes;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

/** `value` with something in it left out, or replaced by an oddity. */
function damageJson(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.02) return oddities[below(random, oddities.length)];
  if (Array.isArray(value)) {
    if (value.length === 0) return [0];
    const at = below(random, value.length);
    return value.map((one: unknown, i) => (i === at ? damageJson(one, random) : one));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || random() < 0.1) return { ...value, added: oddities[below(random, oddities.length)] };
  const at = below(random, entries.length);
  if (random() < 0.1) return Object.fromEntries(entries.toSpliced(at, 1));
  return Object.fromEntries(entries.map(([key, one], i) => [key, i === at ? damageJson(one, random) : one]));
}
