import type { TensorType } from './blocks/index.ts';
import { CheckpointError } from './errors.ts';
import { repack, type StripLayout } from './grouped-strips.ts';
import type { Quantization } from './hf-quantization.ts';
import { missingTensor } from './match-tensors.ts';
import type { SafetensorsFiles } from './safetensors-files.ts';
import type { SafetensorsTensor } from './safetensors-header.ts';
import { tensorInfo } from './tensor-info.ts';

/** Codes of a strip are read whole, as the inputs of an output lie apart from each other; this bounds what one takes. */
const STRIP_BYTES = 32 << 20;
/** Whole rows are read, many at once, though a strip is a part of each: a read for each part took nearly half of a compile. */
const CHUNK_BYTES = 1 << 20;
/** A strip is cut where the words of both packings are. */
const ALIGNED_ROWS = 8;
const BLOCKS = [128, 64, 32] as const;
const PARTS = ['qweight', 'qzeros', 'scales', 'g_idx'];

/** A quantised layer's weight [rows, inputs] as rows of blocks. */
export type GroupedLinear = {
  type: TensorType;
  shape: readonly [rows: number, inputs: number];
  /** Input of each stored column; null where they are in order. Layers of one order share one array. */
  columnOrder: Uint32Array | null;
};
type Linear = GroupedLinear & { module: string; layout: StripLayout; stripRows: number };

/**
 * The linear layers of a GPTQ or AWQ checkpoint, which keep a weight as `qweight`, `qzeros`, `scales` and `g_idx` with
 * outputs side by side; read here as ordinary matrices, one row an output, their codes as they are.
 * Layouts: AutoGPTQ `qlinear_cuda.py`, AutoAWQ `packing_utils.py` (test/golden/make/grouped.py compares with both).
 */
export class GroupedLinears {
  /** All tensors of the checkpoint, with a `weight` in place of the parts of each quantised layer. */
  readonly tensors: ReadonlyMap<string, { shape: readonly number[]; offset?: number }>;
  readonly #files: SafetensorsFiles;
  readonly #quantization: Quantization;
  readonly #linears: ReadonlyMap<string, Linear>;
  #strip: { key: string; bytes: Promise<Uint8Array> } | null = null;

  private constructor(
    files: SafetensorsFiles,
    quantization: Quantization,
    linears: ReadonlyMap<string, Linear>,
    unused: ReadonlySet<string>,
  ) {
    this.#files = files;
    this.#quantization = quantization;
    this.#linears = linears;
    const plain = [...files.tensors].filter(([name]) => !unused.has(name));
    this.tensors = new Map<string, { shape: readonly number[]; offset?: number }>([...plain, ...linears]);
  }

  /** @throws CheckpointError `missing-tensor` | `corrupt-checkpoint` | `unsupported-type` | `unsupported-setting` */
  static async open(files: SafetensorsFiles, quantization: Quantization): Promise<GroupedLinears> {
    const linears = new Map<string, Linear>();
    const unused = new Set<string>();
    const orders: Uint32Array[] = [];
    for (const name of files.tensors.keys()) {
      if (!name.endsWith('.qweight')) continue;
      const module = name.slice(0, -'.qweight'.length);
      refuseExceptions(files, quantization, module);
      linears.set(`${module}.weight`, await describe(files, quantization, module, orders));
      for (const part of PARTS) unused.add(`${module}.${part}`);
      if (await hasIdleBias(files, module)) unused.add(`${module}.bias`);
    }
    if (linears.size > 0) return new GroupedLinears(files, quantization, linears, unused);
    const path = files.paths[0] ?? '';
    const message = `${path}: there is no quantised layer in it, though its configuration says so`;
    throw new CheckpointError('missing-tensor', message, { path });
  }

  /** undefined for tensors that are stored as numbers. */
  find(name: string): GroupedLinear | undefined {
    return this.#linears.get(name);
  }

  /** Fills `target` with rows [firstRow, lastRow) of a layer's weight, which `find` has. */
  async readRows(name: string, firstRow: number, lastRow: number, target: Uint8Array): Promise<void> {
    const linear = this.#linears.get(name)!;
    const { stripRows } = linear;
    const { rowByteLength } = tensorInfo(name, linear.type, linear.shape);
    for (let row = firstRow; row < lastRow;) {
      const stripFirst = Math.floor(row / stripRows) * stripRows;
      const end = Math.min(lastRow, stripFirst + stripRows);
      const strip = await this.#readStrip(name, linear, stripFirst);
      const rows = strip.subarray((row - stripFirst) * rowByteLength, (end - stripFirst) * rowByteLength);
      target.set(rows, (row - firstRow) * rowByteLength);
      row = end;
    }
  }

  /** The last strip is kept: rows are asked for in order, and fewer at a time. */
  #readStrip(name: string, linear: Linear, firstRow: number): Promise<Uint8Array> {
    const key = `${firstRow} ${name}`;
    if (this.#strip?.key !== key) {
      this.#strip = { key, bytes: this.#loadStrip(linear, firstRow) };
      this.#strip.bytes.catch(() => (this.#strip = null));
    }
    return this.#strip.bytes;
  }

  async #loadStrip({ module, shape, layout, stripRows }: Linear, firstRow: number): Promise<Uint8Array> {
    const [allRows, inputs] = shape;
    const rows = Math.min(stripRows, allRows - firstRow);
    const { packing, bits } = this.#quantization;
    const words = (part: string, perWord: number) =>
      this.#readColumns(`${module}.${part}`, firstRow / perWord, rows / perWord);
    const codes = new Uint32Array((await words('qweight', packing === 'awq' ? 8 : 1)).buffer);
    const zeros = new Uint32Array((await words('qzeros', 32 / bits)).buffer);
    const scales = new Uint16Array((await words('scales', 1)).buffer);
    return repack({ rows, inputs, codes, zeros, scales }, layout, this.#quantization, `${module}.qzeros`);
  }

  /** Columns [first, first + count) of a stored matrix, row by row. */
  async #readColumns(name: string, first: number, count: number): Promise<Uint8Array<ArrayBuffer>> {
    const { shape, byteLength } = this.#files.tensors.get(name)!;
    const [rows, columns] = shape as [number, number];
    const bytesEach = byteLength / (rows * columns);
    const width = count * bytesEach;
    const out = new Uint8Array(rows * width);
    const stored = columns * bytesEach;
    const chunkRows = Math.max(1, Math.min(rows, Math.floor(CHUNK_BYTES / stored)));
    const chunk = new Uint8Array(chunkRows * stored);
    for (let row = 0; row < rows; row += chunkRows) {
      const found = chunk.subarray(0, Math.min(chunkRows, rows - row) * stored);
      await this.#files.read(name, row * stored, found);
      for (let from = first * bytesEach, to = row * width; from < found.length; from += stored, to += width) {
        out.set(found.subarray(from, from + width), to);
      }
    }
    return out;
  }
}

function refuseExceptions(files: SafetensorsFiles, { unconverted }: Quantization, module: string): void {
  const tensor = `${module}.qweight`;
  const path = files.pathOf(tensor);
  const exception = unconverted.find((part) => module.includes(part));
  if (exception !== undefined) {
    throw new CheckpointError(
      'corrupt-checkpoint',
      `${path}: tensor ${tensor} is quantised, though modules_to_not_convert names ${JSON.stringify(exception)}`,
      { path, tensor, key: 'modules_to_not_convert', found: exception },
    );
  }
  if (!module.endsWith('embed_tokens')) return;
  const message = `${path}: tensor ${tensor}: embeddings in groups are not supported`;
  throw new CheckpointError('unsupported-setting', message, { path, tensor });
}

async function describe(
  files: SafetensorsFiles,
  quantization: Quantization,
  module: string,
  orders: Uint32Array[],
): Promise<Linear> {
  const { packing, bits, symmetric } = quantization;
  const [codes, scales] = [part(files, `${module}.qweight`, 'I32'), part(files, `${module}.scales`, 'F16')];
  const perWord = 32 / bits;
  const rows = scales.shape[1] ?? 0;
  const inputs = (codes.shape[0] ?? 0) * (packing === 'gptq' ? perWord : 1);
  const groupSize = quantization.groupSize ?? inputs;
  const groups = inputs / groupSize;
  const block = BLOCKS.find((size) => groupSize % size === 0);
  if (rows === 0 || rows % ALIGNED_ROWS !== 0 || !Number.isInteger(groups) || groups === 0 || block === undefined) {
    const path = files.pathOf(codes.name);
    throw new CheckpointError(
      'unsupported-setting',
      `${path}: tensor ${codes.name} [${codes.shape}] cannot be read in groups of ${groupSize}`,
      { path, tensor: codes.name, key: 'group_size', found: groupSize },
    );
  }
  expectShape(files, codes, packing === 'gptq' ? [inputs / perWord, rows] : [inputs, rows / perWord]);
  expectShape(files, part(files, `${module}.qzeros`, 'I32'), [groups, rows / perWord]);
  expectShape(files, scales, [groups, rows]);
  const columnOrder = packing === 'gptq' ? await readOrder(files, module, { inputs, groupSize, quantization }) : null;
  const shared = columnOrder && shareOrder(columnOrder, orders);
  const stripRows = Math.floor((STRIP_BYTES * 8) / (inputs * bits) / ALIGNED_ROWS) * ALIGNED_ROWS;
  return {
    module,
    type: `${symmetric ? 'S' : 'U'}${bits}_${block}`,
    shape: [rows, inputs],
    columnOrder: shared,
    layout: { block, groupSize, columnOrder: shared },
    stripRows: Math.max(ALIGNED_ROWS, stripRows),
  };
}

/** The same array for the same order, as layers that read one input have it. */
function shareOrder(order: Uint32Array, known: Uint32Array[]): Uint32Array {
  const same = known.find((one) => one.length === order.length && one.every((input, j) => input === order[j]));
  if (same) return same;
  known.push(order);
  return order;
}

/** Inputs sorted by group, as `g_idx` (the group of each input) has them; null where they are in order as they are. */
async function readOrder(
  files: SafetensorsFiles,
  module: string,
  of: { inputs: number; groupSize: number; quantization: Quantization },
): Promise<Uint32Array | null> {
  const { inputs, groupSize, quantization } = of;
  const name = `${module}.g_idx`;
  if (!files.tensors.has(name) && !quantization.scattered) return null;
  const tensor = part(files, name, 'I32');
  expectShape(files, tensor, [inputs]);
  const bytes = new Uint8Array(tensor.byteLength);
  await files.read(name, 0, bytes);
  const groupOf = new Int32Array(bytes.buffer);
  if (groupOf.every((group, input) => group === Math.floor(input / groupSize))) return null;

  const order = new Uint32Array(inputs);
  const filled = new Uint32Array(inputs / groupSize);
  for (const [input, group] of groupOf.entries()) {
    const already = filled[group];
    if (already === undefined || already === groupSize) {
      const path = files.pathOf(name);
      const message = `${path}: tensor ${name} puts input ${input} into group ${group}, where there is no room for it`;
      throw new CheckpointError('corrupt-checkpoint', message, { path, tensor: name, found: group });
    }
    order[group * groupSize + already] = input;
    filled[group] = already + 1;
  }
  return order;
}

/** Some programs store a bias with every quantised layer, all zeros where the model has none. */
async function hasIdleBias(files: SafetensorsFiles, module: string): Promise<boolean> {
  const bias = files.tensors.get(`${module}.bias`);
  if (!bias || /\.[qkv]_proj$/.test(module)) return false;
  const bytes = new Uint8Array(bias.byteLength);
  await files.read(bias.name, 0, bytes);
  return bytes.every((byte) => byte === 0);
}

function part(files: SafetensorsFiles, name: string, type: SafetensorsTensor['type']): SafetensorsTensor {
  const tensor = files.tensors.get(name);
  if (!tensor) throw missingTensor(files.paths[0] ?? '', name);
  if (tensor.type === type) return tensor;
  const path = files.pathOf(name);
  throw new CheckpointError('unsupported-type', `${path}: tensor ${name} is of type ${tensor.type}, not ${type}`, {
    path,
    tensor: name,
    found: tensor.type,
    supported: [type],
  });
}

function expectShape(files: SafetensorsFiles, { name, shape, offset }: SafetensorsTensor, expected: readonly number[]) {
  if (shape.join() === expected.join()) return;
  const path = files.pathOf(name);
  const message = `${path}: tensor ${name} at byte ${offset} has shape [${shape}], expected [${expected}]`;
  throw new CheckpointError('corrupt-checkpoint', message, { path, tensor: name, offset, expected, found: shape });
}
