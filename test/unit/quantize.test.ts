import { describe, expect, it } from 'vitest';
import { allocateCodes } from '../../native-models/checkpoint/index.ts';
import { nearestCodes } from '../../native-models/quantize/codes.ts';
import { packedFormat, type QuantBlock } from '../../native-models/quantize/packed.ts';

/** Sum of the squared differences that packing leaves. */
function errorOf(values: readonly number[], bits: 4 | 8, size: QuantBlock): number {
  const out = allocateCodes(values.length, size);
  nearestCodes(Float32Array.from(values), { bits, size }, out);
  return values.reduce((sum, v, i) => sum + (v - out.codes[i]! * out.scales[Math.floor(i / size)]!) ** 2, 0);
}

/** The same of the plain rule, which puts the largest value on -8 and rounds the others. */
function plainError(values: readonly number[], size: number): number {
  let error = 0;
  for (let at = 0; at < values.length; at += size) {
    const block = values.slice(at, at + size);
    const scale = block.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) / -8;
    for (const v of block) error += (v - Math.max(-8, Math.min(7, Math.round(v / scale))) * scale) ** 2;
  }
  return error;
}

/** A bell-shaped sequence, the same every time. */
function bell(length: number): number[] {
  let state = 7;
  const uniform = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  return Array.from({ length }, () => uniform() + uniform() + uniform() + uniform() - 2);
}

describe('choosing codes anew', () => {
  it('comes nearer to the values than the plain rule, in every block size', () => {
    const values = bell(1024);
    for (const size of [32, 64, 128] as const) expect(errorOf(values, 4, size)).toBeLessThan(plainError(values, size));
  });

  it('keeps what lies on a grid of sixteen values exactly', () => {
    const values = Array.from({ length: 128 }, (_, i) => ((i % 16) - 8) * 0.25);
    expect(errorOf(values, 4, 128)).toBe(0);
  });

  it('leaves zeros zero', () => {
    expect(errorOf(new Array<number>(64).fill(0), 4, 32)).toBe(0);
  });

  it('loses less in 8 bits than a hundredth of what 4 bits lose', () => {
    const values = bell(256);
    expect(errorOf(values, 8, 32)).toBeLessThan(errorOf(values, 4, 32) / 100);
  });
});

describe('the block of a matrix', () => {
  it('is that of the source where its own codes are kept', () => {
    expect(packedFormat(['Q4_0'], 896, 'balanced')).toMatchObject({ kind: 'int4', block: 32 });
  });

  it.each([
    [896, 128],
    [576, 64],
    [96, 32],
  ])('of %i columns is %i in fast', (columns, block) => {
    expect(packedFormat(['Q4_0'], columns, 'fast')).toMatchObject({ kind: 'int4', block });
  });

  it('does not exist where rows do not divide: the matrix stays as it is', () => {
    expect(packedFormat(['F32'], 100, 'fast')).toEqual({ kind: 'float32' });
  });
});
