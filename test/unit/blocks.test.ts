import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Blocks, PREFILL_BLOCK } from '../../native-models/attention/blocks.ts';

// Qwen2.5 in the shapes of 0.5B and 7B, on two threads.
const half = { weightsPerToken: 358e6, attentionPerPair: 2 * 14 * 64 * 24, threads: 2 };
const seven = { weightsPerToken: 6.5e9, attentionPerPair: 2 * 28 * 128 * 28, threads: 2 };

describe('blocks of a prompt', () => {
  it('get smaller with depth, and with the size of the model', () => {
    const sizes = (costs: typeof half) =>
      [0, 4096, 32_768, 131_072].map((position) => new Blocks(costs).size(position));
    expect(sizes(half)).toEqual([64, 32, 16, 16]);
    expect(sizes(seven)).toEqual([16, 16, 16, 16]);
    expect(new Blocks({ ...seven, threads: 32 }).size(0)).toBe(PREFILL_BLOCK);
  });

  it('are the same wherever reading begins, cover every token once and end at multiples of their size', () => {
    const blocks = new Blocks(half);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 1, max: 500 }), (from, count) => {
        const tokens = Array.from({ length: from + count }, (_, i) => i);
        const read = [...blocks.of(tokens, from)];
        expect(read.flat()).toEqual(tokens.slice(from));
        for (const block of read.slice(0, -1)) expect((block.at(-1)! + 1) % blocks.size(block[0]!)).toBe(0);
        for (const block of read) expect(blocks.end(block.at(-1)!)).toBe(blocks.end(block[0]!));
      }),
    );
  });

  it('come in stretches of one size, wherever one looks', () => {
    for (const costs of [half, seven]) {
      const blocks = new Blocks(costs);
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 1, max: 40_000 }), (from, count) => {
          const found = [...blocks.stretches(from, from + count)];
          expect(found[0]!.from).toBe(from);
          expect(found.at(-1)!.to).toBe(from + count);
          for (const [index, { size, from: at, to }] of found.entries()) {
            expect([blocks.size(at), blocks.size(to - 1)]).toEqual([size, size]);
            if (index > 0) expect([found[index - 1]!.to, found[index - 1]!.size > size]).toEqual([at, true]);
          }
        }),
      );
    }
  });
});
