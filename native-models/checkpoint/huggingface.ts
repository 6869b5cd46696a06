import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { RecommendedSampling } from '../catalog/sampling.ts';
import type { TokenizerSource } from '../text/tokenizer-source.ts';
import type { TensorType } from './blocks/index.ts';
import type { Checkpoint, ModelConfig, TensorInfo } from './checkpoint.ts';
import { CheckpointError } from './errors.ts';
import type { CheckpointFormat } from './format.ts';
import { GroupedLinears } from './grouped-linears.ts';
import { readHfConfig, readHfSettings } from './hf-config.ts';
import { readJsonFile, readOptionalJsonFile, readOptionalText } from './hf-json.ts';
import { readQuantization } from './hf-quantization.ts';
import { HfSettings } from './hf-settings.ts';
import { readHfTokenizer } from './hf-tokenizer.ts';
import { matchTensors } from './match-tensors.ts';
import { SafetensorsFiles } from './safetensors-files.ts';
import { looksLikeSafetensors } from './safetensors-header.ts';
import { checkRows, tensorInfo } from './tensor-info.ts';

const SINGLE_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
export const INDEX_SUFFIX = '.safetensors.index.json';
const MAX_SMALL_BYTES = 1024 * 1024;

/** Published checkpoints of Hugging Face: safetensors beside config.json and tokenizer.json. */
export const huggingFace: CheckpointFormat = {
  name: 'safetensors',
  recognises: looksLikeSafetensors,
  open: openHuggingFace,
};

/**
 * Opens the checkpoint in a folder, by the folder itself, its index or one of its safetensors files.
 * @throws CheckpointError, or the system's error where nothing is at `path`
 */
export async function openHuggingFace(path: string): Promise<Checkpoint> {
  const folder = (await stat(path)).isDirectory() ? path : dirname(path);
  const files = await openFiles(folder, path);
  try {
    const generation = await readGeneration(folder);
    const settings = await readHfSettings(folder);
    const grouped = await openGrouped(folder, settings, files);
    const read = readHfConfig(settings, grouped?.tensors ?? files.tensors);
    const eosTokenIds = [...new Set([...generation.eosTokenIds, ...read.eosTokenIds])];
    const tokenizer = await readHfTokenizer(folder, { vocabSize: read.vocabSize, eosTokenIds });
    const config: ModelConfig = {
      ...read,
      bosTokenId: tokenizer.bosTokenId,
      eosTokenIds: [...tokenizer.eosTokenIds],
      license: await readLicense(folder),
      ...(generation.sampling && { sampling: generation.sampling }),
    };
    return new HuggingFaceCheckpoint(folder, { files, grouped }, config, tokenizer);
  } catch (error) {
    await files.close();
    throw error;
  }
}

/**
 * The safetensors files that `asked`, the folder or a file in it, stands for. Weights mostly go by one name, and by that of
 * their quantisation where AutoGPTQ saved them; then the folder must leave no choice.
 */
async function openFiles(folder: string, asked: string): Promise<SafetensorsFiles> {
  if (asked.endsWith(INDEX_SUFFIX)) return SafetensorsFiles.openSharded(asked, folder);
  // A file that an index lists is part of a whole; any other stands for itself.
  if (asked !== folder && !/-\d{5}-of-\d{5}\.safetensors$/.test(asked)) return SafetensorsFiles.open([asked]);
  const names = await readdir(folder);
  const index = chooseFile(names, INDEX_FILE, INDEX_SUFFIX);
  if (index !== null) return SafetensorsFiles.openSharded(join(folder, index), folder);
  const single = chooseFile(names, SINGLE_FILE, '.safetensors');
  if (single !== null) return SafetensorsFiles.open([join(folder, single)]);
  const reason = names.some((name) => /^pytorch_model\.bin(\.index\.json)?$/.test(name))
    ? 'its weights are Python pickles, which can run code when read; convert them to safetensors'
    : `there is neither ${SINGLE_FILE} nor ${INDEX_FILE} in it, nor just one file of that kind`;
  throw new CheckpointError('not-a-checkpoint', `${folder}: ${reason}`, { path: folder });
}

/** The usual name, where it is there, or the only one with that end. */
function chooseFile(names: readonly string[], usual: string, suffix: string): string | null {
  // An adapter's file beside them is no model.
  const fitting = names.filter((name) => name.endsWith(suffix) && !/^(\.|adapter_)/.test(name));
  if (fitting.includes(usual)) return usual;
  return fitting.length === 1 ? fitting[0]! : null;
}

const tokenIds = z.union([z.int(), z.array(z.int())]).nullish();
const generationFile = z.looseObject({
  eos_token_id: tokenIds,
  do_sample: z.boolean().nullish(),
  temperature: z.number().nonnegative().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().nullish(),
  repetition_penalty: z.number().positive().nullish(),
});

/** What generation_config.json recommends; without one, or without a word on sampling, nothing. */
async function readGeneration(
  folder: string,
): Promise<{ eosTokenIds: number[]; sampling: RecommendedSampling | null }> {
  const found = await readOptionalJsonFile(join(folder, 'generation_config.json'), generationFile, MAX_SMALL_BYTES);
  if (found === null) return { eosTokenIds: [], sampling: null };
  const ends = found.eos_token_id ?? [];
  const sampling: RecommendedSampling = {
    ...(found.do_sample === false
      ? { temperature: 0 }
      : isSet(found.temperature) && { temperature: found.temperature }),
    ...(isSet(found.top_p) && { topP: found.top_p }),
    ...(isSet(found.top_k) && { topK: found.top_k }),
    ...(isSet(found.repetition_penalty) && { repetitionPenalty: found.repetition_penalty }),
  };
  const eosTokenIds = typeof ends === 'number' ? [ends] : ends;
  return { eosTokenIds, sampling: Object.keys(sampling).length > 0 ? sampling : null };
}

function isSet(value: number | null | undefined): value is number {
  return value !== null && value !== undefined;
}

/** The licence that the front matter of the model card names. */
async function readLicense(folder: string): Promise<string | null> {
  const card = await readOptionalText(join(folder, 'README.md'), MAX_SMALL_BYTES).catch(() => null);
  const [, front = ''] = /^---\n([\s\S]*?)\n---/.exec(card ?? '') ?? [];
  return /^license:\s*['"]?([\w.-]+)/m.exec(front)?.[1] ?? null;
}

/** The quantised layers, where there are any; older checkpoints describe them in a file of their own. */
async function openGrouped(
  folder: string,
  settings: HfSettings,
  files: SafetensorsFiles,
): Promise<GroupedLinears | null> {
  const own = settings.optionalObject('quantization_config');
  if (own) return GroupedLinears.open(files, readQuantization(own));
  if (![...files.tensors.keys()].some((name) => name.endsWith('.qweight'))) return null;
  const path = join(folder, 'quantize_config.json');
  const apart = await readJsonFile(path, z.record(z.string(), z.unknown()), MAX_SMALL_BYTES);
  return GroupedLinears.open(files, readQuantization(new HfSettings(path, apart)));
}

/** The types that safetensors and the compiler both know, by the same names. */
const readable = ['F32', 'F16', 'BF16'] as const satisfies readonly TensorType[];

type Place = { tensor: string; firstRow: number };

class HuggingFaceCheckpoint implements Checkpoint {
  readonly path: string;
  readonly files: readonly string[];
  readonly sizeBytes: number;
  readonly config: ModelConfig;
  readonly tokenizer: TokenizerSource;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #files: SafetensorsFiles;
  readonly #grouped: GroupedLinears | null;
  readonly #places = new Map<string, Place>();

  constructor(
    folder: string,
    { files, grouped }: { files: SafetensorsFiles; grouped: GroupedLinears | null },
    config: ModelConfig,
    tokenizer: TokenizerSource,
  ) {
    this.path = folder;
    this.files = files.paths;
    this.sizeBytes = files.sizeBytes;
    this.config = config;
    this.tokenizer = tokenizer;
    this.#files = files;
    this.#grouped = grouped;
    const stored = grouped?.tensors ?? files.tensors;
    const tensors = new Map<string, TensorInfo>();
    for (const [name, { tensor, firstRow, ownShape }] of matchTensors(folder, config, 'huggingFace', stored)) {
      this.#places.set(name, { tensor, firstRow });
      tensors.set(name, this.#describe(name, tensor, ownShape));
    }
    this.tensors = tensors;
  }

  async readRows(name: string, firstRow: number, lastRow: number, target: Uint8Array): Promise<void> {
    const info = this.tensors.get(name);
    const place = this.#places.get(name);
    if (!info || !place) throw new Error(`No tensor ${name} in ${this.path}`);
    checkRows(info, firstRow, lastRow, target);
    if (this.#grouped?.find(place.tensor)) {
      return this.#grouped.readRows(place.tensor, place.firstRow + firstRow, place.firstRow + lastRow, target);
    }
    await this.#files.read(place.tensor, (place.firstRow + firstRow) * info.rowByteLength, target);
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  #describe(name: string, tensor: string, shape: readonly number[]): TensorInfo {
    const linear = this.#grouped?.find(tensor);
    if (linear) {
      const info = tensorInfo(name, linear.type, shape);
      return linear.columnOrder ? { ...info, columnOrder: linear.columnOrder } : info;
    }
    const stored = this.#files.tensors.get(tensor)!;
    const type = readable.find((one) => one === stored.type);
    if (!type) {
      const path = this.#files.pathOf(stored.name);
      const supported = [...readable];
      throw new CheckpointError(
        'unsupported-type',
        `${path}: tensor ${stored.name} is of type ${stored.type}; supported are ${supported.join(', ')}`,
        { path, tensor: stored.name, found: stored.type, supported },
      );
    }
    return tensorInfo(name, type, shape);
  }
}
