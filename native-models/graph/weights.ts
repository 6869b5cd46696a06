import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import { blockFormat, dequantize } from '../checkpoint/blocks/index.ts';
import { codeBits, packedFormat, type PackedFormat, type Recipe } from '../quantize/packed.ts';
import { asBytes, packMatrix, type PackError, type PackTarget, type WriteAt } from '../quantize/pack.ts';
import type { InitializerSpec } from './onnx.ts';

/** Entries start on pages, so that they can be mapped. */
const ALIGNMENT = 4096;
export const WEIGHTS_FILE = 'weights.bin';

/** A matrix as the graph refers to it: format, shape and the names of its initializers. */
export type PackedMatrix = {
  format: PackedFormat;
  rows: number;
  columns: number;
  codes: string;
  scales: string;
  minima: string;
  lowCodes: string;
  lowScales: string;
};

/** Neighbouring modules that can be multiplied as one matrix, and the order in which it meets its inputs (null: as they are). */
export type ModuleRun = { modules: string[]; columnOrder: Uint32Array | null };

type MatrixJob = { kind: 'matrix'; label: string; sources: string[]; target: PackTarget };
type VectorJob = { kind: 'vector'; label: string; sources: string[]; at: number };

/** One entry of the weights file, or several that are packed together. */
export type WeightStep = { label: string; sourceBytes: number };

/**
 * Lays out the weights file while the graph is built: offsets are known before a byte is read,
 * so that graph and weights need one pass each.
 */
export class WeightPlan {
  readonly initializers: InitializerSpec[] = [];
  readonly #checkpoint: Checkpoint;
  readonly #recipe: Recipe;
  readonly #jobs: (MatrixJob | VectorJob)[] = [];
  readonly #matrices = new Map<string, PackedMatrix>();
  #end = 0;

  constructor(checkpoint: Checkpoint, recipe: Recipe) {
    this.#checkpoint = checkpoint;
    this.#recipe = recipe;
  }

  /** Size of the weights file in bytes. */
  get sizeBytes(): number {
    return this.#end;
  }

  has(name: string): boolean {
    return this.#checkpoint.tensors.has(name);
  }

  /**
   * `modules` as few matrices: apart where columns are stored in different orders, or where some modules were left
   * unquantised among others, whose codes would be lost in one matrix with them.
   */
  runs(modules: readonly string[]): ModuleRun[] {
    const runs: (ModuleRun & { kind: string })[] = [];
    for (const module of modules) {
      const { type, columnOrder = null } = this.#find(`${module}.weight`, 2);
      const { kind } = blockFormat(type);
      const last = runs.at(-1);
      if (last?.columnOrder === columnOrder && last.kind === kind) last.modules.push(module);
      else runs.push({ modules: [module], columnOrder, kind });
    }
    return runs;
  }

  /**
   * The matrices `names` stacked by rows, in the format of the recipe; asked twice, stored once.
   * @param options.keepFloat32 for small matrices whose rounding would change much
   */
  matrix(names: readonly string[], { keepFloat32 = false } = {}): PackedMatrix {
    const key = names.join('+');
    const known = this.#matrices.get(key);
    if (known) return known;
    const infos = names.map((name) => this.#find(name, 2));
    const columns = infos[0]!.shape[1]!;
    for (const info of infos) this.#expect(info, 1, columns);
    const rows = infos.reduce((sum, info) => sum + info.rows, 0);
    const types = infos.map((info) => info.type);
    const format: PackedFormat = keepFloat32 ? { kind: 'float32' } : packedFormat(types, columns, this.#recipe);
    const label = names[0]!.replace(/\.weight$/, '');
    const target: PackTarget = {
      format,
      rows,
      columns,
      codesAt: 0,
      scalesAt: 0,
      minimaAt: 0,
      lowCodesAt: 0,
      lowScalesAt: 0,
    };
    const matrix: PackedMatrix = {
      format,
      rows,
      columns,
      codes: `${label}.codes`,
      scales: `${label}.scales`,
      minima: `${label}.minima`,
      lowCodes: `${label}.low_codes`,
      lowScales: `${label}.low_scales`,
    };
    if (format.kind === 'float32') {
      target.codesAt = this.#reserve(matrix.codes, 'float32', [rows, columns]);
    } else {
      const blocks = columns / format.block;
      const codes = [rows, blocks, (format.block * codeBits(format)) / 8];
      target.codesAt = this.#reserve(matrix.codes, 'uint8', codes);
      target.scalesAt = this.#reserve(matrix.scales, 'float32', [rows, blocks]);
      if (format.hasMin) target.minimaAt = this.#reserve(matrix.minima, 'float32', [blocks, rows]);
      if (format.kind === 'int4pair') {
        target.lowCodesAt = this.#reserve(matrix.lowCodes, 'uint8', codes);
        target.lowScalesAt = this.#reserve(matrix.lowScales, 'float32', [rows, blocks]);
      }
    }
    this.#jobs.push({ kind: 'matrix', label, sources: [...names], target });
    this.#matrices.set(key, matrix);
    return matrix;
  }

  /** Vectors joined end to end as float32; returns the initializer's name. */
  vector(names: readonly string[], length: number): string {
    const infos = names.map((name) => this.#find(name, 1));
    const found = infos.reduce((sum, info) => sum + info.shape[0]!, 0);
    if (found !== length) throw wrongShape(names.join(' + '), [length], [found]);
    const label = names[0]!;
    this.#jobs.push({
      kind: 'vector',
      label,
      sources: [...names],
      at: this.#reserve(label, 'float32', [length]),
    });
    return label;
  }

  /** A second name and shape for bytes that are stored already: the gather of a tied embedding sees rows, not blocks. */
  alias(name: string, of: string, shape: readonly number[]): string {
    const original = this.initializers.find((spec) => spec.name === of)!;
    this.initializers.push({ ...original, name, shape });
    return name;
  }

  /** What is to be written, in the order of the file; each step is independent of the others. */
  get steps(): readonly WeightStep[] {
    return this.#jobs.map((job) => ({ label: job.label, sourceBytes: this.#sourceBytes(job) }));
  }

  /**
   * Reads, packs and writes one of `steps`.
   * @param options.onBytes called with the bytes of the checkpoint done since the last call
   * @returns the error against the checkpoint's values, zero where all were kept
   */
  async writeStep(
    index: number,
    writeAt: WriteAt,
    { signal, onBytes }: { signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined } = {},
  ): Promise<PackError> {
    const job = this.#jobs[index]!;
    signal?.throwIfAborted();
    if (job.kind === 'matrix') {
      return packMatrix(this.#checkpoint, job.sources, job.target, writeAt, { signal, onBytes });
    }
    writeAt(asBytes(await this.#readVectors(job.sources)), job.at);
    onBytes?.(this.#sourceBytes(job));
    return { squaredError: 0, squaredValue: 0 };
  }

  #sourceBytes({ sources }: MatrixJob | VectorJob): number {
    return sources.reduce((sum, name) => sum + this.#checkpoint.tensors.get(name)!.byteLength, 0);
  }

  async #readVectors(names: readonly string[]): Promise<Float32Array> {
    const parts: number[] = [];
    for (const name of names) {
      const info = this.#checkpoint.tensors.get(name)!;
      const bytes = new Uint8Array(info.byteLength);
      await this.#checkpoint.readRows(name, 0, info.rows, bytes);
      const values = new Float32Array(info.shape[0]!);
      dequantize(info.type, bytes, values);
      parts.push(...values);
    }
    return Float32Array.from(parts);
  }

  #reserve(name: string, type: 'float32' | 'uint8', shape: readonly number[]): number {
    const length = shape.reduce((product, size) => product * size, type === 'float32' ? 4 : 1);
    const offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT;
    this.#end = offset + length;
    this.initializers.push({ name, type, shape, file: WEIGHTS_FILE, offset, length });
    return offset;
  }

  #find(name: string, rank: number): TensorInfo {
    const info = this.#checkpoint.tensors.get(name);
    if (!info) throw new CheckpointError('missing-tensor', `The checkpoint has no tensor ${name}.`, { tensor: name });
    if (info.shape.length !== rank) throw wrongShape(name, `${rank} dimensions`, info.shape);
    return info;
  }

  #expect(info: TensorInfo, axis: number, size: number): void {
    if (info.shape[axis] !== size) throw wrongShape(info.name, `${size} columns`, info.shape);
  }
}

export function wrongShape(tensor: string, expected: unknown, found: unknown): CheckpointError {
  return new CheckpointError(
    'corrupt-checkpoint',
    `Tensor ${tensor} has shape ${JSON.stringify(found)} where ${JSON.stringify(expected)} is expected.`,
    { tensor, expected, found },
  );
}
