import { blockFormat, type TensorType } from './blocks/index.ts';
import type { TensorInfo } from './checkpoint.ts';

/** A tensor of this shape, stored row by row as `type`. */
export function tensorInfo(name: string, type: TensorType, shape: readonly number[]): TensorInfo {
  const { blockSize, bytesPerBlock } = blockFormat(type);
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const rowByteLength = Math.ceil((shape.at(-1) ?? 1) / blockSize) * bytesPerBlock;
  return { name, type, shape, rows, rowByteLength, byteLength: rows * rowByteLength };
}

/** What every `readRows` asks of its caller. @throws RangeError */
export function checkRows({ name, rows, rowByteLength }: TensorInfo, first: number, last: number, target: Uint8Array) {
  if (!(0 <= first && first <= last && last <= rows)) {
    throw new RangeError(`Rows ${first} to ${last} of ${name}, which has ${rows}`);
  }
  if (target.length !== (last - first) * rowByteLength) {
    throw new RangeError(`${target.length} bytes cannot hold rows ${first} to ${last} of ${name}`);
  }
}
