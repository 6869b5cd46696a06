import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyntheticSample, SyntheticTask } from './synthetic-tasks.ts';

const data = join(import.meta.dirname, '../model/data');

/** The checkpoint that `test/model/train/train.py` trained. */
export const needleFolder = join(data, 'needle');

/** Logits of chosen positions, each of the whole vocabulary. */
type Rows = { positions: number[]; logits: number[][] };

/** References for that checkpoint; `test/model/train/golden.py` says how each was computed. */
export type NeedleGolden = {
  samples: ({ task: SyntheticTask; seed: number; length: number; depth: number } & SyntheticSample)[];
  /** transformers in float32. */
  transformers: Rows & { text: string };
  /** What `schemes` follow; a token is a byte. */
  text: string;
  /** float64, from the definitions. */
  schemes: (Rows & { what: string; originalTokens: number } & (
      { kind: 'dual-chunk'; chunkSize: number; localSize: number } | { kind: 'yarn'; factor: number }
    ))[];
};

export async function readNeedleGolden(): Promise<NeedleGolden> {
  return JSON.parse(await readFile(join(data, 'needle-golden.json'), 'utf8')) as NeedleGolden;
}
