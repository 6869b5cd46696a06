import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blockFormats, dequantize } from '../../native-models/checkpoint/index.ts';

type Golden = Record<string, { bytes: string; values: string }>;

// Made with the gguf Python package: test/golden/make/blocks.py.
const golden = JSON.parse(readFileSync(new URL('data/blocks.json', import.meta.url), 'utf8')) as Golden;

const inGguf = blockFormats.filter(({ ggmlId }) => ggmlId !== null);

describe.each(inGguf.map(({ type }) => type))('%s blocks', (type) => {
  const bytes = Buffer.from(golden[type]!.bytes, 'base64');
  const values = Buffer.from(golden[type]!.values, 'base64');

  it('dequantise to the reference values, bit for bit', () => {
    const out = new Float32Array(values.length / 4);
    dequantize(type, bytes, out);
    expect(Buffer.from(out.buffer).equals(values)).toBe(true);
  });

  it('dequantise alike from an unaligned place in a larger buffer', () => {
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const out = new Float32Array(values.length / 4 + 3).subarray(3);
    dequantize(type, shifted.subarray(1), out);
    expect(Buffer.from(out.slice().buffer).equals(values)).toBe(true);
  });

  it('refuse a length that does not fit', () => {
    const out = new Float32Array(values.length / 4);
    expect(() => dequantize(type, bytes.subarray(1), out)).toThrow(`bytes of ${type} do not hold`);
    expect(() => dequantize(type, bytes, out.subarray(1))).toThrow(`bytes of ${type} do not hold`);
  });
});
