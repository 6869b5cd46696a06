import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addLowRank } from '../../native-models/checkpoint/low-rank.ts';

it('adds the product as its definition says, whatever the sizes', () => {
  const size = fc.integer({ min: 1, max: 9 });
  const number = fc.float({ min: -2, max: 2, noNaN: true });
  fc.assert(
    fc.property(
      size,
      size,
      size,
      number,
      fc.infiniteStream(number),
      fc.boolean(),
      (count, rank, columns, scale, of, isReversed) => {
        const take = (length: number) => Float32Array.from({ length }, () => Number(of.next().value));
        const [left, right, before] = [take(count * rank), take(rank * columns), take(count * columns)];
        const columnOrder = isReversed ? Uint32Array.from({ length: columns }, (_, j) => columns - 1 - j) : undefined;
        const values = before.slice();
        addLowRank(values, { left, right, rank, scale, columnOrder });
        for (let row = 0; row < count; row++) {
          for (let j = 0; j < columns; j++) {
            const column = columnOrder?.[j] ?? j;
            let sum = 0;
            for (let k = 0; k < rank; k++) sum += left[row * rank + k]! * right[k * columns + column]!;
            expect(values[row * columns + j]).toBeCloseTo(before[row * columns + j]! + scale * sum, 4);
          }
        }
      },
    ),
  );
});
