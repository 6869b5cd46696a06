import type { AttentionScheme } from '../../native-models/attention/scheme.ts';
import { runsOf } from '../../native-models/attention/kv-type.ts';
import type { Sparsity } from '../../native-models/attention/sparsity.ts';
import { FAR, type PAGE_STRETCHES } from '../../native-models/graph/attention.ts';
import { KvSequence } from './kv-cache.ts';
import type { CacheShape, KvPages, PagePart } from './kv-pages.ts';
import {
  pinnedBool,
  pinnedFloat32,
  pinnedInt32,
  pinnedInt64,
  type Binding,
  type RuntimeSession,
} from './runtime/session.ts';

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

type ForwardOptions = {
  /** Positions within the tokens whose logits are wanted, ascending; the last unless told. */
  rows?: readonly number[];
  signal?: AbortSignal | undefined;
  sparsity?: Sparsity | null;
};

type RecallOptions = {
  sparsity?: Sparsity | null;
  /** So many of the first tokens are compared; all unless told. */
  tokens?: number;
  signal?: AbortSignal | undefined;
};

type Step = { rows: readonly number[]; signal: AbortSignal | undefined; sparsity: Sparsity | null };

/** The step from tokens to logits over a cache: a graph, and how it reads positions. */
export class Decoder {
  /** What is read of a long context where a call does not say otherwise; null reads all. */
  sparsity: Sparsity | null = null;
  readonly shape: CacheShape;
  readonly vocabSize: number;
  readonly heads: number;
  readonly #session: RuntimeSession;
  readonly scheme: AttentionScheme;
  readonly #bound = new Map<KvSequence, BoundSequence>();
  readonly #storeNames = new WeakMap<KvPages, number>();
  #stores = 0;

  constructor(
    session: RuntimeSession,
    shape: CacheShape & { vocabSize: number; heads: number },
    scheme: AttentionScheme,
  ) {
    this.#session = session;
    this.scheme = scheme;
    this.shape = shape;
    this.vocabSize = shape.vocabSize;
    this.heads = shape.heads;
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
    { rows = [ids.length - 1], signal, sparsity = this.sparsity }: ForwardOptions = {},
  ): Promise<Float32Array> {
    const { kvPage } = this.shape;
    if (sequence.offset + ids.length <= kvPage) return this.#step(sequence, ids, { rows, signal, sparsity });
    const logits = new Float32Array(rows.length * this.vocabSize);
    let done = 0;
    for (let at = 0; at < ids.length;) {
      const end = Math.min(at + kvPage - sequence.offset, ids.length);
      const wanted = rows.filter((row) => row >= at && row < end).map((row) => row - at);
      const found = await this.#step(sequence, ids.slice(at, end), { rows: wanted, signal, sparsity });
      logits.set(found, done * this.vocabSize);
      done += wanted.length;
      at = end;
    }
    return logits;
  }

  /** Whether what runs behind the cached tokens is read sparsely, unless told otherwise. */
  readsSparsely(sequence: KvSequence): boolean {
    return splitPages(sequence, this.sparsity).some(({ name, from, to }) => name === FAR && to > from);
  }

  /**
   * How much of full attention sparse attention keeps for `ids` behind the cached tokens, as far as the end of the page: by
   * layer, the share of the softmax over all keys that falls on those that are read, averaged over heads and tokens. Nothing
   * is cached of it. A token sees none behind it: where only the first are compared, only they are read in full.
   */
  async attentionRecall(
    sequence: KvSequence,
    ids: readonly number[],
    { sparsity = this.sparsity, tokens = ids.length, signal }: RecallOptions = {},
  ): Promise<number[]> {
    const { kvPage } = this.shape;
    const step = ids.slice(0, kvPage - sequence.offset);
    const compared = step.slice(0, tokens);
    const full = await this.#attentionSums(sequence, compared, { sparsity: null, signal });
    const kept = await this.#attentionSums(sequence, step, { sparsity, signal });
    return full.map((layer, at) => {
      // Rows are heads, and within a head tokens.
      const share = (sum: number, row: number) => {
        const head = Math.floor(row / compared.length);
        // Beyond the first layer the two differ in their queries, too: nothing keeps more than all.
        return Math.min(1, Math.exp(kept[at]![head * step.length + (row % compared.length)]! - sum));
      };
      return layer.reduce((total, sum, row) => total + share(sum, row), 0) / layer.length;
    });
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

  async #step(sequence: KvSequence, ids: readonly number[], { rows, signal, sparsity }: Step): Promise<Float32Array> {
    let bound = this.#bound.get(sequence);
    if (bound === undefined) this.#bound.set(sequence, (bound = this.#bindNew(sequence)));
    this.#prepare(bound, sequence, ids, { rows, sparsity });
    await bound.binding.run(signal);
    sequence.commit(ids);
    return bound.logits;
  }

  /** Binds and writes all that a run of `ids` behind the cached tokens needs. */
  #prepare(
    bound: BoundSequence,
    sequence: KvSequence,
    ids: readonly number[],
    { rows, sparsity }: Omit<Step, 'signal'>,
  ): void {
    const { binding } = bound;
    this.#bindPages(bound, sequence, sparsity);
    if (bound.ids.length !== ids.length) {
      bound.ids = pinnedInt32(ids.length);
      binding.input('ids', { data: bound.ids, shape: [1, ids.length] });
    }
    if (bound.rows?.length !== rows.length) {
      bound.rows = pinnedInt32(rows.length);
      bound.logits = pinnedFloat32(rows.length * this.vocabSize);
      binding.input('rows', { data: bound.rows, shape: [rows.length] });
      binding.output('logits', { data: bound.logits, shape: [1, rows.length, this.vocabSize] });
    }
    bound.rows.set(rows);
    bound.ids.set(ids);
    bound.offset[0] = BigInt(sequence.offset);
    this.#place(bound, sequence.length, ids.length);
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
    return bound;
  }

  /**
   * By layer, the logarithm of the sum of exponentials of all scores of each head and token. The rows that the run writes lie
   * behind what is cached, where they are never seen.
   */
  async #attentionSums(
    sequence: KvSequence,
    ids: readonly number[],
    { sparsity, signal }: Omit<Step, 'rows'>,
  ): Promise<Float64Array[]> {
    const { layers, kvHeads } = this.shape;
    const rows = this.heads * ids.length;
    const pages = splitPages(sequence, sparsity).reduce((sum, { name, from, to }) => {
      return sum + (name === FAR && to > from ? sparsity!.pages : to - from);
    }, 1);
    // A binding of its own: what is bound stays so.
    const bound = this.#bindNew(sequence);
    const shape = [pages, kvHeads, rows / kvHeads, 1];
    const found = Array.from({ length: layers }, () => pinnedFloat32(pages * rows));
    try {
      this.#prepare(bound, sequence, ids, { rows: [], sparsity });
      found.forEach((data, layer) => bound.binding.output(`lse.${layer}`, { data, shape }));
      await bound.binding.run(signal);
    } finally {
      bound.binding.release();
    }
    return found.map((sums) => {
      return Float64Array.from({ length: rows }, (_, row) => {
        const each = Array.from({ length: pages }, (__, page) => sums[page * rows + row]!);
        const most = Math.max(...each);
        return most + Math.log(each.reduce((sum, one) => sum + Math.exp(one - most), 0));
      });
    });
  }

  /** Full pages and the version of a query that meets each, where they are others than last time. */
  #bindPages(bound: BoundSequence, sequence: KvSequence, sparsity: Sparsity | null): void {
    const { layers, kvHeads, headDim, kvPage, kvType } = this.shape;
    const { binding } = bound;
    const runs = runsOf(kvPage);
    const stretches = splitPages(sequence, sparsity);
    const versions = this.scheme.pageVersions(sequence.length, sequence.pages, kvPage);
    const named = stretches.map(({ name, pages, from, to, first }) => {
      const each = versions.slice(first, first + to - from);
      return { name, pages, from, to, first, versions: name === FAR ? each : agreed(each) };
    });
    const views = JSON.stringify(named.map(({ pages, ...rest }) => ({ ...rest, store: this.#nameOf(pages) })));
    if (views === bound.views) return;
    const shapes = { k: [headDim, kvPage], v: [kvPage, headDim], k_scales: [1, kvPage], v_scales: [1, headDim] };
    const parts = kvType === 'int8' ? (['k', 'v', 'k_scales', 'v_scales'] as const) : (['k', 'v'] as const);
    for (const { name, pages, from, to, versions: chosen } of named) {
      const bind = (layer: number, part: PagePart, shape: readonly number[]) =>
        binding.input(`${part}_${name}.${layer}`, {
          data: pages.slice(layer, part, from, to),
          shape: [to - from, kvHeads, ...shape],
        });
      for (let layer = 0; layer < layers; layer++) {
        for (const part of parts) bind(layer, part, shapes[part]);
        if (name === FAR) for (const part of ['k_max', 'k_min'] as const) bind(layer, part, [headDim, runs]);
      }
      binding.input(`versions_${name}`, { data: pinned(chosen), shape: [chosen.length] });
    }
    const far = named.find(({ name }) => name === FAR)!;
    binding.input('sparse', { data: pinnedBool(far.to > far.from), shape: [1] });
    binding.input('far_pages', { data: pinned([sparsity?.pages ?? 0]), shape: [1] });
    // The very first page, where attention rests that has nowhere to go, is always chosen.
    const bonus = pinnedFloat32(far.to - far.from);
    if (far.first === 0) bonus.fill(ALWAYS, 0, 1);
    binding.input('far_bonus', { data: bonus, shape: [bonus.length, 1] });
    bound.views = views;
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

/** More than any sum of shares over the queries of a group. */
const ALWAYS = 1e9;

/** Pages [from, to) of a store, the first of which is page `first` of the sequence. */
type Stretch = {
  name: (typeof PAGE_STRETCHES)[number] | typeof FAR;
  pages: KvPages;
  from: number;
  to: number;
  first: number;
};

/**
 * Which pages are read whole and which are chosen from: those before the recent ones, as far as they lie in one store, that
 * of the most.
 */
function splitPages(sequence: KvSequence, sparsity: Sparsity | null): Stretch[] {
  const { base, own } = sequence.stretches;
  const before = base.count;
  const far = base.count > own.count ? { ...base, first: 0 } : { ...own, first: before };
  const end = Math.min(far.count, before + own.count - (sparsity?.recentPages ?? 0) - far.first);
  const isLong = sparsity !== null && sequence.pages >= (sparsity.fromPages ?? 0);
  const to = isLong && end > sparsity.pages ? end : 0;
  const rest = (name: Stretch['name'], { pages, count }: typeof base, first: number): Stretch => {
    const from = pages === far.pages && first === far.first ? to : 0;
    return { name, pages, from: Math.min(from, count), to: count, first: first + from };
  };
  return [
    rest('base', base, 0),
    { name: FAR, pages: far.pages, from: 0, to, first: far.first },
    rest('own', own, before),
  ];
}

/** One version for all pages where they agree. */
function agreed(versions: readonly number[]): readonly number[] {
  return versions.length > 1 && versions.every((version) => version === versions[0]) ? versions.slice(0, 1) : versions;
}

function pinned(values: readonly number[]): BigInt64Array {
  const array = pinnedInt64(values.length);
  array.set(values.map(BigInt));
  return array;
}
