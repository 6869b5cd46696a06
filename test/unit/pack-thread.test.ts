import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPackThreads } from '../../main/reader/pack-thread.ts';
import { CheckpointError } from '../../native-models/checkpoint/index.ts';

let root = '';
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-pack-'))));
afterAll(() => rm(root, { recursive: true }));

/** Why the first step cannot be packed. */
async function failure(path: string, weightsFile: string): Promise<unknown> {
  const packers = openPackThreads({ path, recipe: 'fast', weightsFile }, 1);
  try {
    const options = { signal: new AbortController().signal, onBytes() {} };
    return await packers.steps[0]!(0, options).catch((error: unknown) => error);
  } finally {
    await packers.close();
  }
}

describe('a thread that packs', () => {
  it('says what is wrong with a checkpoint as the reader itself would', async () => {
    const path = join(root, 'no.gguf');
    const weights = join(root, 'weights.bin');
    await writeFile(path, 'PK no model at all');
    await writeFile(weights, '');
    const error = await failure(path, weights);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error).toMatchObject({ code: 'not-a-checkpoint', details: { path } });
  });

  it("keeps the system's code of what it cannot write", async () => {
    expect(await failure(join(root, 'any'), join(root, 'nowhere', 'weights.bin'))).toMatchObject({ code: 'ENOENT' });
  });
});
