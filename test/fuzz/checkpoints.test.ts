import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { fuzzCheckpoints } from '../support/damaged-checkpoints.ts';

const CASES = 2000; // test/bench/fuzz.ts runs more of them
const MEBIBYTE = 1024 * 1024;

// The damage must reach past the first check to be worth anything.
it.each([
  ['gguf', 20250207, ['opened', 'corrupt-checkpoint', 'limit-exceeded', 'missing-tensor', 'bad-tokenizer']],
  [
    'safetensors',
    20250208,
    ['opened', 'corrupt-checkpoint', 'missing-metadata', 'unsupported-setting', 'unsupported-type'],
  ],
  ['shards', 20250209, ['opened', 'corrupt-checkpoint', 'missing-tensor', 'unsupported-type']],
  [
    'adapter',
    20250210,
    ['opened', 'corrupt-checkpoint', 'missing-metadata', 'missing-tensor', 'unsupported-setting', 'missing-base'],
  ],
] as const)(
  `refuses ${CASES} damaged checkpoints in %s with a CheckpointError, soon and in little memory`,
  async (kind, seed, codes) => {
    const folder = await mkdtemp(join(tmpdir(), 'longhand-fuzz-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { outcomes, slowestMs, mostGrowthBytes } = await fuzzCheckpoints(kind, { cases: CASES, seed, folder });
    expect(mostGrowthBytes).toBeLessThan(64 * MEBIBYTE);
    expect(slowestMs).toBeLessThan(4000);
    for (const code of codes) expect(outcomes[code] ?? 0, code).toBeGreaterThan(2);
  },
  60_000,
);
