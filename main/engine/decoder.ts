import type { AttentionScheme } from '../../native-models/attention/scheme.ts';
import { KvSequence } from './kv-cache.ts';
import { PAGE_PARTS, type CacheShape, type KvPages } from './kv-pages.ts';
import { pinnedFloat32, pinnedInt32, pinnedInt64, type Binding, type RuntimeSession } from './runtime/session.ts';

type BoundSequence = {
  binding: Binding;
  ids: Int32Array;
  rows: Int32Array | null;
  logits: Float32Array;
  offset: BigInt64Array;
  /** Rotary tables of the last call: versions and tokens they have room for. */
  tables: { versions: number; tokens: number; cos: Float32Array; sin: Float32Array; scale: Float32Array };
  /** What of the cache was bound last. */
  views: string;
};

/** The step from tokens to logits over a cache: a graph, and how it reads positions. */
export class Decoder {
  readonly shape: CacheShape;
  readonly vocabSize: number;
  readonly #session: RuntimeSession;
  readonly scheme: AttentionScheme;
  readonly #bound = new Map<KvSequence, BoundSequence>();
  readonly #storeNames = new WeakMap<KvPages, number>();
  #stores = 0;

  constructor(session: RuntimeSession, shape: CacheShape & { vocabSize: number }, scheme: AttentionScheme) {
    this.#session = session;
    this.scheme = scheme;
    this.shape = shape;
    this.vocabSize = shape.vocabSize;
  }

  newSequence(): KvSequence {
    return new KvSequence(this.shape);
  }

  /**
   * Runs `ids` behind the cached tokens of `sequence` and keeps their keys and values there; at the end of a page it
   * pauses to begin the next.
   * @param rows positions within `ids` whose logits are wanted, ascending
   * @returns float32 [rows, vocabSize], valid until the next call for the same sequence
   */
  async forward(
    sequence: KvSequence,
    ids: readonly number[],
    { rows = [ids.length - 1], signal }: { rows?: readonly number[]; signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array> {
    const { kvPage } = this.shape;
    if (sequence.offset + ids.length <= kvPage) return this.#step(sequence, ids, rows, signal);
    const logits = new Float32Array(rows.length * this.vocabSize);
    let done = 0;
    for (let at = 0; at < ids.length;) {
      const end = Math.min(at + kvPage - sequence.offset, ids.length);
      const wanted = rows.filter((row) => row >= at && row < end).map((row) => row - at);
      const found = await this.#step(sequence, ids.slice(at, end), wanted, signal);
      logits.set(found, done * this.vocabSize);
      done += wanted.length;
      at = end;
    }
    return logits;
  }

  /** Frees what the runtime holds for a sequence that is no longer used. */
  forget(sequence: KvSequence): void {
    this.#bound.get(sequence)?.binding.release();
    this.#bound.delete(sequence);
  }

  /** Ends profiling, where the session was opened for it. @returns the path of the profile */
  endProfile(): string {
    return this.#session.endProfile();
  }

  release(): void {
    for (const sequence of [...this.#bound.keys()]) this.forget(sequence);
    this.#session.release();
  }

  async #step(
    sequence: KvSequence,
    ids: readonly number[],
    rows: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<Float32Array> {
    const bound = this.#bind(sequence, ids.length, rows);
    bound.ids.set(ids);
    bound.offset[0] = BigInt(sequence.offset);
    this.#place(bound, sequence.length, ids.length);
    await bound.binding.run(signal);
    sequence.commit(ids);
    return bound.logits;
  }

  #bind(sequence: KvSequence, tokens: number, rows: readonly number[]): BoundSequence {
    const bound = this.#bound.get(sequence) ?? this.#bindNew(sequence);
    const { binding } = bound;
    this.#bindPages(bound, sequence);
    if (bound.ids.length !== tokens) {
      bound.ids = pinnedInt32(tokens);
      binding.input('ids', { data: bound.ids, shape: [1, tokens] });
    }
    if (bound.rows?.length !== rows.length) {
      bound.rows = pinnedInt32(rows.length);
      bound.logits = pinnedFloat32(rows.length * this.vocabSize);
      binding.input('rows', { data: bound.rows, shape: [rows.length] });
      binding.output('logits', { data: bound.logits, shape: [1, rows.length, this.vocabSize] });
    }
    bound.rows.set(rows);
    return bound;
  }

  #bindNew(sequence: KvSequence): BoundSequence {
    const { kvHeads, headDim, kvPage } = this.shape;
    const none = pinnedFloat32(0);
    const bound: BoundSequence = {
      binding: this.#session.bind(),
      ids: pinnedInt32(0),
      rows: null,
      logits: none,
      offset: pinnedInt64(1),
      tables: { versions: 0, tokens: 0, cos: none, sin: none, scale: none },
      views: '',
    };
    const { binding } = bound;
    binding.input('offset', { data: bound.offset, shape: [1] });
    const bindTail = (name: string, arrays: readonly Float32Array[], shape: readonly number[]) =>
      arrays.forEach((data, layer) => {
        binding.input(`${name}.${layer}`, { data, shape });
        binding.output(`${name}_out.${layer}`, { data, shape });
      });
    bindTail('k_tail', sequence.tail.keys, [1, kvHeads, headDim, kvPage]);
    bindTail('v_tail', sequence.tail.values, [1, kvHeads, kvPage, headDim]);
    this.#bound.set(sequence, bound);
    return bound;
  }

  /** Full pages and the version of a query that meets each, where they are others than last time. */
  #bindPages({ binding, ...bound }: BoundSequence, sequence: KvSequence): void {
    const { layers, kvHeads, headDim, kvPage, kvType } = this.shape;
    const { base, own } = sequence.stretches;
    const whole = this.scheme.pageVersions(sequence.length, base.count + own.count, kvPage);
    const versions = {
      base: versionsOf(whole, 0, base.count),
      own: versionsOf(whole, base.count, base.count + own.count),
    };
    const views = JSON.stringify([this.#nameOf(base.pages), base.count, this.#nameOf(own.pages), own.count, versions]);
    if (views === bound.views) return;
    const last = { k: [headDim, kvPage], v: [kvPage, headDim], k_scales: [1, kvPage], v_scales: [1, headDim] };
    const parts = kvType === 'int8' ? PAGE_PARTS : (['k', 'v'] as const);
    for (const [name, { pages, count }] of [
      ['base', base],
      ['own', own],
    ] as const) {
      for (let layer = 0; layer < layers; layer++) {
        for (const part of parts) {
          const shape = [count, kvHeads, ...last[part]];
          binding.input(`${part}_${name}.${layer}`, { data: pages.view(layer, part, count), shape });
        }
      }
      const chosen = BigInt64Array.from(versions[name], BigInt);
      binding.input(`versions_${name}`, { data: pinned(chosen), shape: [chosen.length] });
    }
    this.#bound.get(sequence)!.views = views;
  }

  /** Rotary tables and scales of `tokens` tokens from `position` on. */
  #place({ binding, tables }: BoundSequence, position: number, tokens: number): void {
    const half = this.shape.headDim / 2;
    const versions = this.scheme.versions(position);
    if (tables.versions !== versions || tables.tokens !== tokens) {
      const rows = versions * tokens;
      const shape = [rows, half];
      Object.assign(tables, { versions, tokens, cos: pinnedFloat32(rows * half), sin: pinnedFloat32(rows * half) });
      tables.scale = pinnedFloat32(tokens);
      const order = pinnedInt64(rows);
      for (let row = 0; row < rows; row++) order[row] = BigInt(row);
      binding.input('cos', { data: tables.cos, shape });
      binding.input('sin', { data: tables.sin, shape });
      binding.input('positions', { data: order, shape: [versions, tokens] });
      binding.input('query_scale', { data: tables.scale, shape: [1, tokens, 1] });
    }
    this.scheme.writeTables(position, tokens, tables.cos, tables.sin);
    for (let token = 0; token < tokens; token++) tables.scale[token] = this.scheme.queryScale(position + token);
  }

  #nameOf(pages: KvPages): number {
    const known = this.#storeNames.get(pages);
    if (known !== undefined) return known;
    this.#storeNames.set(pages, ++this.#stores);
    return this.#stores;
  }
}

/** Versions of pages [from, to) of `whole`, which may be one version for all. */
function versionsOf(whole: readonly number[], from: number, to: number): readonly number[] {
  if (from === to) return [];
  return whole.length === 1 ? whole : whole.slice(from, to);
}

function pinned(values: BigInt64Array): BigInt64Array {
  const array = pinnedInt64(values.length);
  array.set(values);
  return array;
}
