import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../../main/engine/model.ts';

/** Where the tiny checkpoints are that transformers made, and its logits of them. */
export const goldenData = join(import.meta.dirname, '../golden/data');
/** The 40 tokens that those logits follow. */
export const goldenIds: readonly number[] = Array.from({ length: 40 }, (_, i) => (7 * i + i * i) % 256);

/** Logits of transformers, in float32: [40, vocabulary]. */
export async function readLogits(label: string): Promise<Float32Array> {
  const bytes = await readFile(join(goldenData, `${label}.logits`));
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** Logits of every position, fed in steps of the given lengths. */
export async function logitsInSteps(model: Model, steps: readonly number[]): Promise<Float32Array> {
  const sequence = model.newSequence();
  const { vocabSize } = model.manifest;
  const out = new Float32Array(goldenIds.length * vocabSize);
  let at = 0;
  for (const step of steps) {
    const part = goldenIds.slice(at, at + step);
    out.set(await model.forward(sequence, part, { rows: [...part.keys()] }), at * vocabSize);
    at += step;
  }
  return out;
}

/** The steps in which a prompt is fed in blocks of `block`. */
export function blocksOf(block: number): number[] {
  const count = Math.ceil(goldenIds.length / block);
  return Array.from({ length: count }, (_, i) => Math.min(block, goldenIds.length - i * block));
}

/** @throws where the lengths differ */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} logits are compared with ${b.length}`);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}
