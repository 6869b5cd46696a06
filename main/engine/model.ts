import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LonghandError } from '../contract/errors.ts';
import type { LoadedModel } from '../contract/engine.ts';
import type { KvType } from '../../native-models/attention/kv-type.ts';
import { attentionOptions, type ContextMethod } from '../../native-models/attention/options.ts';
import { AttentionScheme, type AttentionOptions } from '../../native-models/attention/scheme.ts';
import { SPARSITY, sparseReadingOf } from '../../native-models/attention/sparsity.ts';
import { WEIGHTS_FILE } from '../../native-models/graph/weights.ts';
import {
  GRAPH_FILES,
  MANIFEST_FILE,
  parseManifest,
  TOKENIZER_FILE,
  type Manifest,
} from '../../native-models/manifest.ts';
import { toolFormatOf } from '../../native-models/text/tool-format.ts';
import { parseTokenizerSource, type TokenizerSource } from '../../native-models/text/tokenizer-source.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { Blocks } from '../../native-models/attention/blocks.ts';
import { Decoder } from './decoder.ts';
import { Encoder } from './encoder.ts';
import { bytesPerToken } from './kv-cache.ts';
import type { CacheShape } from './kv-pages.ts';
import { RuntimeSession } from './runtime/session.ts';

export type LoadOptions = {
  /** Tokens of a context: fewer or more than the checkpoint claims. */
  contextTokens?: number | null | undefined;
  method?: ContextMethod | undefined;
  kvType?: KvType | undefined;
  /** Reads only some of what lies far behind, where a context is long enough for that to pay. */
  sparse?: boolean | undefined;
  threads: number;
  profilePrefix?: string;
};

/** A compiled model in memory: text in and out, and the step from tokens to logits over a cache. */
export class Model extends Decoder {
  readonly manifest: Manifest;
  readonly tokenizer: Tokenizer;
  readonly tokenizerSource: TokenizerSource;
  readonly encoder: Encoder;
  readonly info: LoadedModel;
  readonly blocks: Blocks;

  private constructor(
    session: RuntimeSession,
    manifest: Manifest,
    source: TokenizerSource,
    tokenizer: Tokenizer,
    scheme: AttentionScheme,
    info: LoadedModel,
  ) {
    super(session, { ...shapeOf(manifest, info), vocabSize: manifest.vocabSize, heads: manifest.heads }, scheme);
    this.manifest = manifest;
    this.tokenizerSource = source;
    this.tokenizer = tokenizer;
    this.encoder = new Encoder(source, tokenizer);
    this.info = info;
    if (info.sparse !== null) this.sparsity = SPARSITY;
    const { heads, headDim, layers, weightsPerToken } = manifest;
    this.blocks = new Blocks({
      weightsPerToken,
      attentionPerPair: 2 * heads * headDim * layers,
      threads: info.threads,
    });
  }

  /**
   * Opens a compiled folder.
   * @throws LonghandError `model-not-found`, `model-damaged`, `runtime-failed`
   */
  static async load(folder: string, options: LoadOptions): Promise<Model> {
    const started = performance.now();
    const { kvType = 'float32', method = 'dca', sparse = false, threads } = options;
    const manifest = parseManifest(await readPart(folder, MANIFEST_FILE, 'model-not-found'));
    const graphFile = GRAPH_FILES[kvType];
    await checkSize(folder, WEIGHTS_FILE, manifest.weightsBytes);
    await checkSize(folder, graphFile, manifest.graphBytes[kvType]);
    const source = parseTokenizerSource(await readPart(folder, TOKENIZER_FILE, 'model-damaged'));
    // What can fail does so before the session holds memory.
    const tokenizer = Tokenizer.fromSource(source);
    const contextTokens = options.contextTokens ?? manifest.contextTokens;
    const attention = attentionOptions(manifest, { contextTokens, method });
    const scheme = new AttentionScheme(attention, manifest.kvPage);
    const session = RuntimeSession.open(join(folder, graphFile), options);
    const reading = sparseReadingOf(manifest.kvPage);
    const info: LoadedModel = {
      name: manifest.name,
      folder,
      contextTokens,
      claimedTokens: manifest.contextTokens,
      beyond: beyondTrained(attention, { contextTokens, method }),
      sparse: sparse && contextTokens > reading.fromTokens ? reading : null,
      architecture: manifest.architecture,
      recipe: manifest.recipe,
      sampling: manifest.sampling,
      weightBytes: manifest.weightsBytes,
      kvBytesPerToken: bytesPerToken(shapeOf(manifest, { contextTokens, kvType })),
      kvType,
      threads,
      loadMs: 0,
      toolFormat: toolFormatOf(source.chatTemplate),
    };
    const model = new Model(session, manifest, source, tokenizer, scheme, info);
    info.loadMs = performance.now() - started;
    return model;
  }

  /**
   * Tells caches apart that cannot serve one another: of other weights, other rotations, another form, or with rows that
   * sparse reading changed.
   */
  get cacheKey(): string {
    const { source, recipe, compilerVersion } = this.manifest;
    const { kvType, kvPage } = this.shape;
    const sparse = this.info.sparse === null ? [] : [this.sparsity];
    return JSON.stringify([source.sha256, recipe, compilerVersion, kvType, kvPage, this.scheme.key, ...sparse]);
  }

  override release(): void {
    this.encoder.close();
    super.release();
  }
}

/** A checkpoint that brings chunks of its own is read in them whatever `method` says. */
function beyondTrained(
  { trainedTokens, chunks, ropeScaling }: AttentionOptions,
  { contextTokens, method }: { contextTokens: number; method: ContextMethod },
): LoadedModel['beyond'] {
  if (contextTokens <= trainedTokens) return null;
  const isStretched = ropeScaling?.type === 'yarn' && method === 'dca+yarn';
  const inForce = chunks === null ? method : isStretched ? 'dca+yarn' : 'dca';
  return { method: inForce, fromTokens: trainedTokens };
}

function shapeOf(
  manifest: Manifest,
  { contextTokens, kvType }: Pick<LoadedModel, 'contextTokens' | 'kvType'>,
): CacheShape {
  const { layers, kvHeads, headDim, kvPage } = manifest;
  return { layers, kvHeads, headDim, kvPage, kvType, contextTokens };
}

async function readPart(folder: string, file: string, code: 'model-not-found' | 'model-damaged'): Promise<string> {
  try {
    return await readFile(join(folder, file), 'utf8');
  } catch (cause) {
    throw new LonghandError(code, `The model folder ${folder} has no readable ${file}.`, { folder, file }, { cause });
  }
}

async function checkSize(folder: string, file: string, expected: number): Promise<void> {
  const found = await stat(join(folder, file)).then(
    ({ size }) => size,
    () => null,
  );
  if (found === expected) return;
  throw new LonghandError(
    'model-damaged',
    `${file} of the model in ${folder} has ${found ?? 'no'} bytes instead of ${expected}.`,
    {
      folder,
      file,
      expected,
      found,
    },
  );
}
