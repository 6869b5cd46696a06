import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { dequantize, type TensorType } from './blocks/index.ts';
import type { Checkpoint, ModelConfig, TensorInfo } from './checkpoint.ts';
import { CheckpointError } from './errors.ts';
import { readHfTokenizer } from './hf-tokenizer.ts';
import { addLowRank } from './low-rank.ts';
import { isNamed, readLoraConfig, type LoraConfig } from './lora-config.ts';
import { missingTensor } from './match-tensors.ts';
import { SafetensorsFiles } from './safetensors-files.ts';
import type { SafetensorsTensor } from './safetensors-header.ts';
import { checkRows, tensorInfo } from './tensor-info.ts';

const CONFIG_FILE = 'adapter_config.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';
const EMBEDDING = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';
/** Of one factor, which is held whole: [rank, in] in float32. */
const MAX_FACTOR_BYTES = 256 << 20;
const readable = ['F32', 'F16', 'BF16'] as const satisfies readonly TensorType[];

/** What an adapter does to one tensor [out, in] of its base: another in its place, and scale * B A on top. */
type Change = {
  module: string;
  replacement?: SafetensorsTensor;
  /** A: [rank, in]; of an embedding [rank, rows]. */
  a?: SafetensorsTensor;
  /** B: [out, rank]; of an embedding [columns, rank]. */
  b?: SafetensorsTensor;
  isEmbedding: boolean;
};

/** The folder of the LoRA adapter at `path`, itself or by one of its files; null where there is none. */
export async function findAdapter(path: string): Promise<string | null> {
  const isFolder = (await stat(path)).isDirectory();
  if (!isFolder && ![CONFIG_FILE, WEIGHTS_FILE].includes(basename(path))) return null;
  const folder = isFolder ? path : dirname(path);
  if (!(await isFile(join(folder, CONFIG_FILE)))) return null;
  if (await isFile(join(folder, WEIGHTS_FILE))) return folder;
  if (!(await isFile(join(folder, 'adapter_model.bin'))) || (await isFile(join(folder, 'config.json')))) return null;
  const reason = 'the adapter is a Python pickle, which can run code when read; save it as safetensors';
  throw new CheckpointError('not-a-checkpoint', `${folder}: ${reason}`, { path: folder });
}

/**
 * The adapter in `folder` merged into its base, as one checkpoint: adapted tensors are float32, row by row
 * W + scale * B A, and all others as the base has them. A tokenizer in the folder goes before the base's.
 * An embedding that is the head too is adapted as peft does while it trains: the one that is named, not both.
 * @param base path of the base; null looks for it below and beside the folder
 * @throws CheckpointError `missing-base` where none is found, or what is wrong with adapter or base
 */
export async function openAdapted(
  folder: string,
  base: string | null,
  openBase: (path: string) => Promise<Checkpoint>,
): Promise<Checkpoint> {
  const settings = await readLoraConfig(join(folder, CONFIG_FILE));
  const basePath = base ?? (await findBase(folder, settings.base));
  if (basePath === null) {
    const name = settings.base?.slice(0, 200) ?? null;
    throw new CheckpointError(
      'missing-base',
      `${folder} is an adapter of ${name ?? 'a base model that it does not name'}, and changes only parts of it: the base's own file or folder is needed too`,
      { path: folder, base: name },
    );
  }
  const files = await SafetensorsFiles.open([join(folder, WEIGHTS_FILE)]);
  const opened = await openBase(basePath).catch(async (error: unknown) => {
    await files.close();
    throw error;
  });
  try {
    const { vocabSize, eosTokenIds } = opened.config;
    const hasTokenizer = (await isFile(join(folder, 'tokenizer.json'))) || (await isFile(join(folder, 'vocab.json')));
    const tokenizer = hasTokenizer ? await readHfTokenizer(folder, { vocabSize, eosTokenIds }) : opened.tokenizer;
    const config = { ...opened.config, name: `${opened.config.name} ${basename(folder)}` };
    if (hasTokenizer) {
      config.bosTokenId = tokenizer.bosTokenId;
      config.eosTokenIds = [...tokenizer.eosTokenIds];
    }
    const configBytes = (await stat(join(folder, CONFIG_FILE))).size;
    return new AdaptedCheckpoint({ folder, base: opened, files, settings, config, tokenizer, configBytes });
  } catch (error) {
    await files.close();
    await opened.close();
    throw error;
  }
}

type Parts = {
  folder: string;
  base: Checkpoint;
  files: SafetensorsFiles;
  settings: LoraConfig;
  config: ModelConfig;
  tokenizer: Checkpoint['tokenizer'];
  configBytes: number;
};

class AdaptedCheckpoint implements Checkpoint {
  readonly path: string;
  readonly files: readonly string[];
  readonly sizeBytes: number;
  readonly config: ModelConfig;
  readonly tokenizer: Checkpoint['tokenizer'];
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #base: Checkpoint;
  readonly #files: SafetensorsFiles;
  readonly #settings: LoraConfig;
  readonly #changes: ReadonlyMap<string, Change>;
  /** [rank, columns] of the tensor that was read last: its rows are asked for one slice after another. */
  #factor: { name: string; values: Float32Array } | null = null;

  constructor({ folder, base, files, settings, config, tokenizer, configBytes }: Parts) {
    this.path = folder;
    this.files = [...(base.files ?? [base.path]), join(folder, CONFIG_FILE), ...files.paths];
    this.sizeBytes = base.sizeBytes + configBytes + files.sizeBytes;
    this.tokenizer = tokenizer;
    this.#base = base;
    this.#files = files;
    this.#settings = settings;
    this.#changes = readChanges(files);
    const isUntied = config.tiedEmbeddings && [EMBEDDING, HEAD].some((name) => this.#changes.has(name));
    this.config = isUntied ? { ...config, tiedEmbeddings: false } : config;
    this.tensors = this.#describeAll(isUntied);
    this.#expectWhole();
  }

  async readRows(name: string, firstRow: number, lastRow: number, target: Uint8Array): Promise<void> {
    const info = this.tensors.get(name);
    if (!info) throw new Error(`No tensor ${name} in ${this.path}`);
    checkRows(info, firstRow, lastRow, target);
    const change = this.#changes.get(name);
    if (!change) return this.#base.readRows(this.#stored(name).name, firstRow, lastRow, target);
    const columns = info.shape.at(-1)!;
    const values = change.replacement
      ? await this.#floats(change.replacement, firstRow * columns, (lastRow - firstRow) * columns)
      : await this.#baseRows(name, firstRow, lastRow);
    if (change.a) await this.#addProduct(info, change, { firstRow, lastRow }, values);
    target.set(new Uint8Array(values.buffer));
  }

  async close(): Promise<void> {
    await this.#files.close();
    await this.#base.close();
  }

  /** The base's own tensor; where a head is no longer the embedding, it begins as that. */
  #stored(name: string): TensorInfo {
    return this.#base.tensors.get(name) ?? this.#base.tensors.get(EMBEDDING)!;
  }

  #describeAll(isUntied: boolean): Map<string, TensorInfo> {
    const tensors = new Map(this.#base.tensors);
    if (isUntied) tensors.set(HEAD, { ...this.#stored(HEAD), name: HEAD });
    for (const [name, change] of this.#changes) {
      const info = tensors.get(name);
      if (!info) {
        const stored = (change.replacement ?? change.a)!.name;
        throw new CheckpointError(
          'unsupported-setting',
          `${this.path}: tensor ${stored} changes ${name}, which ${this.#base.path} does not have: is it the right base?`,
          { path: this.path, tensor: stored, base: this.#base.path },
        );
      }
      this.#checkShapes(change, info.shape);
      // What stands in a tensor's place was trained whole, its columns as they belong.
      const order = change.replacement ? {} : columnOrderOf(info);
      tensors.set(name, { ...tensorInfo(name, 'F32', info.shape), ...order });
    }
    return tensors;
  }

  #checkShapes({ module, replacement, a, b, isEmbedding }: Change, shape: readonly number[]): void {
    if (replacement) this.#expectShape(replacement, shape);
    if (!a || !b) return;
    const rank = this.#settings.rank(module);
    const [rows, columns] = [shape[0]!, shape.at(-1)!];
    this.#expectShape(a, isEmbedding ? [rank, rows] : [rank, columns]);
    this.#expectShape(b, isEmbedding ? [columns, rank] : [rows, rank]);
    if (rank * columns * 4 <= MAX_FACTOR_BYTES) return;
    throw new CheckpointError('limit-exceeded', `${this.path}: tensor ${a.name} is too large to be merged`, {
      path: this.path,
      tensor: a.name,
      limit: MAX_FACTOR_BYTES,
    });
  }

  #expectShape({ name, shape, type, offset }: SafetensorsTensor, expected: readonly number[]): void {
    const path = this.#files.pathOf(name);
    if (!readable.some((one) => one === type)) {
      const supported = [...readable];
      const message = `${path}: tensor ${name} is of type ${type}; supported are ${supported.join(', ')}`;
      throw new CheckpointError('unsupported-type', message, { path, tensor: name, found: type, supported });
    }
    if (shape.join() === expected.join()) return;
    throw new CheckpointError(
      'corrupt-checkpoint',
      `${path}: tensor ${name} has shape [${shape}], expected [${expected}] for ${this.#base.path}: is it the right base?`,
      { path, tensor: name, offset, expected, found: shape },
    );
  }

  /** An adapter that lacks what its settings promise would be another model than the one that was trained. */
  #expectWhole(): void {
    const { targets, modulesToSave } = this.#settings;
    for (const { name, shape } of this.tensors.values()) {
      const module = name.replace(/\.weight$/, '');
      if (shape.length !== 2 || module === name || this.#changes.has(name)) continue;
      if (targets?.some((target) => isNamed(module, target)))
        throw missingTensor(this.#files.paths[0]!, `base_model.model.${module}.lora_A.weight`);
    }
    const saved = [...this.#changes.values()].filter(({ replacement }) => replacement);
    const lacking = modulesToSave.find((module) => !saved.some((change) => change.module.endsWith(module)));
    if (lacking !== undefined) throw missingTensor(this.#files.paths[0]!, lacking);
  }

  async #baseRows(name: string, firstRow: number, lastRow: number): Promise<Float32Array> {
    const stored = this.#stored(name);
    const bytes = new Uint8Array((lastRow - firstRow) * stored.rowByteLength);
    await this.#base.readRows(stored.name, firstRow, lastRow, bytes);
    const values = new Float32Array((lastRow - firstRow) * stored.shape.at(-1)!);
    dequantize(stored.type, bytes, values);
    return values;
  }

  /** Adds rows [firstRow, lastRow) of scale * B A to `values`. */
  async #addProduct(
    { name, shape, columnOrder }: TensorInfo,
    change: Change,
    { firstRow, lastRow }: { firstRow: number; lastRow: number },
    values: Float32Array,
  ): Promise<void> {
    const rank = this.#settings.rank(change.module);
    const scale = this.#settings.scale(change.module);
    const count = lastRow - firstRow;
    const right = await this.#rightFactor(name, change, rank, shape.at(-1)!);
    const left = change.isEmbedding
      ? transpose(await this.#columns(change.a!, rank, firstRow, count), rank, count)
      : await this.#floats(change.b!, firstRow * rank, count * rank);
    addLowRank(values, { left, right, rank, scale, columnOrder });
  }

  /** [rank, columns] */
  async #rightFactor(name: string, { a, b, isEmbedding }: Change, rank: number, columns: number) {
    if (this.#factor?.name === name) return this.#factor.values;
    const stored = await this.#floats(isEmbedding ? b! : a!, 0, rank * columns);
    const values = isEmbedding ? transpose(stored, columns, rank) : stored;
    this.#factor = { name, values };
    return values;
  }

  /** Columns [first, first + count) of all rows. */
  async #columns(tensor: SafetensorsTensor, rows: number, first: number, count: number): Promise<Float32Array> {
    const out = new Float32Array(rows * count);
    for (let row = 0; row < rows; row++) {
      out.set(await this.#floats(tensor, row * tensor.shape[1]! + first, count), row * count);
    }
    return out;
  }

  /** `count` values of an adapter's tensor from its value `first` on. */
  async #floats({ name, type }: SafetensorsTensor, first: number, count: number): Promise<Float32Array> {
    const width = type === 'F32' ? 4 : 2;
    const bytes = new Uint8Array(count * width);
    await this.#files.read(name, first * width, bytes);
    const values = new Float32Array(count);
    dequantize(
      readable.find((one) => one === type)!,
      bytes,
      values,
    );
    return values;
  }
}

/** Every change by the name of the tensor that it concerns. peft calls the whole model `base_model.model`. */
function readChanges({ tensors, paths: [path = ''] }: SafetensorsFiles): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const tensor of tensors.values()) {
    const [, module, part = ''] =
      /^base_model\.model\.(.+?)\.(lora_[AB]\.weight|lora_embedding_[AB]|(?:base_layer\.)?(?:weight|bias))$/.exec(
        tensor.name,
      ) ?? [];
    if (module === undefined) {
      throw new CheckpointError('unsupported-setting', `${path}: tensor ${tensor.name} is not known in an adapter`, {
        path,
        tensor: tensor.name,
      });
    }
    const name = `${module}.${part.endsWith('bias') ? 'bias' : 'weight'}`;
    const change = changes.get(name) ?? { module, isEmbedding: part.startsWith('lora_embedding') };
    if (!part.startsWith('lora_')) change.replacement = tensor;
    else {
      change.isEmbedding = part.startsWith('lora_embedding');
      change[/_A/.test(part) ? 'a' : 'b'] = tensor;
    }
    changes.set(name, change);
  }
  if (changes.size === 0) throw new CheckpointError('missing-tensor', `${path} holds no tensors`, { path });
  for (const { module, a, b, isEmbedding } of changes.values()) {
    if ((a === undefined) === (b === undefined)) continue;
    const [kind, suffix] = isEmbedding ? ['lora_embedding_', ''] : ['lora_', '.weight'];
    throw missingTensor(path, `base_model.model.${module}.${kind}${a ? 'B' : 'A'}${suffix}`);
  }
  return changes;
}

/**
 * The base by the name that an adapter gives it, as a folder or file below the adapter's folder or beside it. Elsewhere is
 * not looked, wherever the name points to: an adapter comes from others.
 */
async function findBase(folder: string, name: string | null): Promise<string | null> {
  if (name === null || name === '') return null;
  const plain = name.replaceAll('\\', '/');
  const last = plain.split('/').findLast((part) => part !== '') ?? '';
  for (const near of [folder, dirname(folder)]) {
    for (const candidate of [join(near, plain), join(near, last)]) {
      const inside = relative(near, candidate);
      if (inside === '' || inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside)) continue;
      if (candidate !== folder && (await stat(candidate).catch(() => null)) !== null) return candidate;
    }
  }
  return null;
}

function columnOrderOf({ columnOrder }: TensorInfo): Pick<TensorInfo, 'columnOrder'> {
  return columnOrder ? { columnOrder } : {};
}

function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column]!;
  }
  return out;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() === true;
}
