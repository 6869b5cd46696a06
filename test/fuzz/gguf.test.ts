import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CheckpointError, openCheckpoint } from '../../native-models/checkpoint/index.ts';
import { renderChat } from '../../native-models/text/chat-template.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { layOutGguf } from '../support/gguf-writer.ts';
import { mulberry32, tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const CASES = 2000;
const MEBIBYTE = 1024 * 1024;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

const shape = { layers: 1, heads: 2, kvHeads: 1, intermediateSize: 32 };
const { bytes: valid, dataStart } = layOutGguf(tinyCheckpoint({ ...shape, type: 'Q8_0' }));

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

function mutate(random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  let bytes = valid.slice();
  const rounds = 1 + below(3);
  for (let round = 0; round < rounds; round++) {
    const at = below(Math.min(dataStart, bytes.length));
    const kind = below(6);
    if (kind === 0) bytes[at] = below(256);
    else if (kind === 1) bytes[at]! ^= 1 << below(8);
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = join2(bytes.subarray(0, at), bytes.subarray(at + below(64)));
    else if (kind === 4) bytes = join2(bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(64))));
    else if (at + 8 <= bytes.length) {
      const view = new DataView(bytes.buffer);
      if (below(2)) view.setBigUint64(at, edges[below(edges.length)]!, true);
      else view.setUint32(at, Number(edges[below(edges.length)]! & 0xffffffffn), true);
    }
    if (bytes.length === 0) break;
  }
  return bytes;
}

function join2(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

/** Does with a file what an import does; returns the code of the refusal, or `opened`. */
async function useFile(path: string): Promise<string> {
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

it(`refuses ${CASES} damaged files with a CheckpointError, soon and in little memory`, async () => {
  const path = join(folder, 'damaged.gguf');
  const outcomes = new Map<string, number>();
  const random = mulberry32(20250207);
  let slowestMs = 0;
  for (let i = 0; i < CASES; i++) {
    await writeFile(path, mutate(random));
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const start = performance.now();
    const outcome = await useFile(path).catch((cause: unknown) => {
      throw new Error(`Case ${i}`, { cause });
    });
    slowestMs = Math.max(slowestMs, performance.now() - start);
    const after = process.memoryUsage();
    expect(after.heapUsed + after.arrayBuffers - heapUsed - arrayBuffers, `case ${i}`).toBeLessThan(64 * MEBIBYTE);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect(slowestMs).toBeLessThan(4000);
  // The mutations must reach past the first check to be worth anything.
  for (const code of ['opened', 'corrupt-checkpoint', 'missing-metadata', 'unsupported-setting', 'unsupported-type']) {
    expect(outcomes.get(code) ?? 0, code).toBeGreaterThan(2);
  }
}, 60_000);

it('opens the file that the damaged ones were made from', async () => {
  const path = join(folder, 'valid.gguf');
  await writeFile(path, valid);
  expect(await useFile(path)).toBe('opened');
});
