import type { ModelConfig } from '../checkpoint/checkpoint.ts';
import { hadamardMatrix, type KvType } from '../attention/kv-type.ts';
import { CONTRIB, type GraphEmitter } from './emitter.ts';

/** How the cache of a graph is laid out: tokens of a page, and the form of full pages. */
export type CacheForm = { kvPage: number; kvType: KvType };

/** The stretches of full pages that a sequence has: those it shares with others, and its own. */
export const PAGE_STRETCHES = ['base', 'own'] as const;

/** Pages, as a graph value each, that are attended to alike. */
type Pages = { name: string; keys: string; values: string; versions: string; keyScales: string; valueScales: string };
/** Attention within each page by itself: of its largest score, of its largest weight, and what it mixes. */
type Attended = { largestScore: string; largestWeight: string; mixed: string };

/** Keys and values are never smaller than this times 127: a page of zeros has scales, too. */
const TINY = 1e-20;
const HALF_RANGE = 128;

/**
 * Grouped-query attention over a cache of pages, in plain operators.
 *
 * Shapes: S new tokens, N query heads, K KV heads, G = N/K, D head size, T tokens of a page, R versions of a query.
 * New tokens never cross the end of a page.
 *
 *     cos, sin float32 [R*S, D/2]; positions int64 [R, S]: rows of these tables. Version 0 is the position of the key, too
 *     query_scale float32 [1, S, 1]
 *     offset int64 [1]: tokens in the page that is being filled
 *     k_tail.L float32 [1, K, D, T], v_tail.L [1, K, T, D]: that page, bound as input and output to one memory; keys are
 *                                  its columns, values its rows
 *     k_base.L, k_own.L [P, K, D, T], v_base.L, v_own.L [P, K, T, D]: full pages, as views of the application's memory
 *     versions_base, versions_own int64 [P] or [1]: which version of a query meets the keys of a page
 *
 * Dual Chunk Attention needs no more than this: its three positions of a query are versions, and its chunks end where
 * pages do. One version makes plain attention.
 *
 * Each page is attended to by itself. With scores s of a page, p = softmax(s) and lse = max(s) - log(max(p)), the pages
 * are put together as softmax(lse) over the pages: exact, and the keys of a page are read once for all heads of a group.
 *
 * In int8, keys (turned by a Hadamard matrix) have a scale a token, values one a channel and page; a query is rounded to
 * int8 with a scale of its own, and weights to uint8 of their page's largest.
 */
export class CachedAttention {
  readonly #emit: GraphEmitter;
  readonly #config: ModelConfig;
  readonly #form: CacheForm;

  constructor(emit: GraphEmitter, config: ModelConfig, form: CacheForm) {
    this.#emit = emit;
    this.#config = config;
    this.#form = form;
  }

  /** Declares what every layer needs of the places of the new tokens `ids`. */
  declare(ids: string): void {
    const { headDim: D, heads: N, kvHeads: K } = this.#config;
    const emit = this.#emit;
    emit.input('cos', 'float32', ['R*S', D / 2]);
    emit.input('sin', 'float32', ['R*S', D / 2]);
    const positions = emit.input('positions', 'int64', ['R', 'S']);
    emit.input('query_scale', 'float32', [1, 'S', 1]);
    const offset = emit.input('offset', 'int64', [1]);
    for (const stretch of PAGE_STRETCHES) emit.input(`versions_${stretch}`, 'int64', [`versions of ${stretch}`]);

    const at = '/model/places';
    const versions = emit.node(`${at}/versions`, 'Shape', [positions], { start: 0, end: 1 });
    emit.push(`${at}/repeat`, 'Concat', [versions, emit.int64s([1, 1])], ['repeat'], { axis: 0 }, '');
    const length = emit.node(`${at}/ids_length`, 'Squeeze', [
      emit.node(`${at}/ids_shape`, 'Shape', [ids], { start: 1, end: 2 }),
    ]);
    const steps = emit.node(`${at}/steps`, 'Range', [emit.int64(0), length, emit.int64(1)]);
    const rows = emit.node(`${at}/rows`, 'Add', [steps, offset]); // [S]
    const row = emit.node(`${at}/row`, 'Unsqueeze', [rows, emit.int64s([1])]);
    const columns = emit.int64s([...Array(this.#form.kvPage).keys()], `columns(${this.#form.kvPage})`);
    const seen = emit.node(`${at}/seen`, 'LessOrEqual', [columns, row]); // [S, T]
    const mask = emit.node(`${at}/mask`, 'Where', [seen, emit.float32(0), emit.float32(-Infinity)]);
    emit.push(`${at}/tail_mask`, 'Tile', [mask, emit.int64s([N / K, 1])], ['tail_mask'], {}, ''); // [G*S, T]
  }

  /**
   * @param qk projections of queries and keys, [1, S, (N+K)*D]
   * @param v [1, S, K*D]
   * @returns [1, S, N*D]
   */
  attend(at: string, layer: number, qk: string, v: string): string {
    const { heads: N, kvHeads: K, headDim: D } = this.#config;
    const { kvPage: T, kvType } = this.#form;
    const emit = this.#emit;
    const turned = this.#turn(at, qk); // [R, S, (N+K)*D]
    const [q, k] = emit.split(`${at}/q_k`, turned, [N * D, K * D]);
    const scaled = emit.node(`${at}/q_scaled`, 'Mul', [q, 'query_scale']);
    const byGroup = emit.transpose(emit.reshape(`${at}/q_groups`, scaled, [0, 0, K, N / K, D]), [0, 2, 3, 1, 4]);
    const queries = emit.reshape(`${at}/queries`, byGroup, [0, K, -1, D]); // [R, K, G*S, D]
    const first = emit.node(`${at}/k_first`, 'Gather', [k, emit.int64s([0])], { axis: 0 });
    const newKeys = emit.transpose(emit.reshape(`${at}/k_heads`, first, [1, -1, K, D]), [0, 2, 3, 1]);
    const newValues = emit.transpose(emit.reshape(`${at}/v_heads`, v, [1, -1, K, D]), [0, 2, 1, 3]);
    const tailKeys = this.#write(`k_tail`, layer, newKeys, [1, K, D, T], 3);
    const tailValues = this.#write(`v_tail`, layer, newValues, [1, K, T, D], 2);

    const stretches = PAGE_STRETCHES.map((stretch) => this.#declarePages(stretch, layer));
    const full =
      kvType === 'int8'
        ? this.#attendToInt8(at, queries, stretches)
        : stretches.map((pages) => this.#attendToFloats(at, queries, pages));
    const parts = [...full, this.#attendToTail(at, queries, tailKeys, tailValues)];
    return this.#merge(at, parts);
  }

  /** Rotary embedding of each version; in int8 also the Hadamard matrix, on every head. */
  #turn(at: string, qk: string): string {
    const { heads: N, kvHeads: K, headDim: D } = this.#config;
    const emit = this.#emit;
    const repeated = emit.node(`${at}/repeated`, 'Expand', [qk, 'repeat']);
    const turned = emit.node(
      `${at}/RotaryEmbedding`,
      'RotaryEmbedding',
      [repeated, 'positions', 'cos', 'sin'],
      { num_heads: N + K, rotary_embedding_dim: 0 },
      CONTRIB,
    );
    if (this.#form.kvType !== 'int8') return turned;
    const byHead = emit.reshape(`${at}/qk_by_head`, turned, [0, 0, N + K, D]);
    const spread = emit.node(`${at}/spread`, 'MatMul', [byHead, emit.float32s('hadamard', [D, D], hadamardMatrix(D))]);
    return emit.reshape(`${at}/qk_spread`, spread, [0, 0, (N + K) * D]);
  }

  /** Declares the page that is being filled and writes the new tokens into it; returns the whole of it. */
  #write(part: string, layer: number, rows: string, shape: readonly number[], axis: number): string {
    const [cache, out] = [`${part}.${layer}`, `${part}_out.${layer}`];
    this.#emit.input(cache, 'float32', shape);
    this.#emit.output(out, 'float32', shape);
    this.#emit.push(`/cache/${cache}`, 'TensorScatter', [cache, rows, 'offset'], [out], { axis }, '');
    return out;
  }

  #declarePages(stretch: string, layer: number): Pages {
    const { kvHeads: K, headDim: D } = this.#config;
    const { kvPage: T, kvType } = this.#form;
    const emit = this.#emit;
    const pages = `pages of ${stretch}`;
    const declare = (part: string, type: KvType, shape: readonly (string | number)[]) =>
      emit.input(`${part}_${stretch}.${layer}`, type, shape);
    const scales = (part: string, shape: readonly (string | number)[]) =>
      kvType === 'int8' ? declare(part, 'float32', shape) : '';
    return {
      name: stretch,
      keys: declare('k', kvType, [pages, K, D, T]),
      values: declare('v', kvType, [pages, K, T, D]),
      versions: `versions_${stretch}`,
      keyScales: scales('k_scales', [pages, K, 1, T]),
      valueScales: scales('v_scales', [pages, K, 1, D]),
    };
  }

  #attendToTail(at: string, queries: string, keys: string, values: string): Attended {
    const emit = this.#emit;
    const first = emit.node(`${at}/q_tail`, 'Gather', [queries, emit.int64s([0])], { axis: 0 });
    const scores = emit.node(`${at}/scores_tail`, 'MatMul', [first, keys]); // [1, K, G*S, T]
    const masked = emit.node(`${at}/masked_tail`, 'Add', [scores, 'tail_mask']);
    const { weights, ...largest } = this.#weigh(at, 'tail', masked);
    return { ...largest, mixed: emit.node(`${at}/mixed_tail`, 'MatMul', [weights, values]) };
  }

  #attendToFloats(at: string, queries: string, { name, ...pages }: Pages): Attended {
    const emit = this.#emit;
    const asFloat32 = (part: string, value: string) =>
      this.#form.kvType === 'float32' ? value : emit.cast(`${at}/${part}_${name}`, value, 'float32');
    const chosen = emit.node(`${at}/q_${name}`, 'Gather', [queries, pages.versions], { axis: 0 });
    const scores = emit.node(`${at}/scores_${name}`, 'MatMul', [chosen, asFloat32('k', pages.keys)]);
    const { weights, ...largest } = this.#weigh(at, name, scores);
    return { ...largest, mixed: emit.node(`${at}/mixed_${name}`, 'MatMul', [weights, asFloat32('v', pages.values)]) };
  }

  /** Queries are rounded once for all stretches: scores [P, K, G*S, T] are integers times a query's and a key's scale. */
  #attendToInt8(at: string, queries: string, stretches: readonly Pages[]): Attended[] {
    const emit = this.#emit;
    const magnitude = emit.node(`${at}/q_abs`, 'Abs', [queries]);
    const largest = emit.node(`${at}/q_largest`, 'ReduceMax', [magnitude, emit.int64s([-1])], { keepdims: 1 });
    const scale = emit.node(`${at}/q_scale`, 'Max', [largest, emit.float32(TINY)]);
    const unit = emit.node(`${at}/q_unit`, 'Div', [queries, scale]);
    const zero = emit.uint8(HALF_RANGE);
    const codes = emit.node(`${at}/q_codes`, 'QuantizeLinear', [unit, emit.float32(1 / 127), zero]);
    return stretches.map(({ name, ...pages }) => {
      const pick = (part: string, value: string) =>
        emit.node(`${at}/${part}_${name}`, 'Gather', [value, pages.versions], { axis: 0 });
      const inputs = [pick('q_codes', codes), pages.keys, emit.float32(1 / 127), pages.keyScales, zero];
      const products = emit.node(`${at}/products_${name}`, 'MatMulIntegerToFloat', inputs, {}, CONTRIB);
      const scores = emit.node(`${at}/scores_${name}`, 'Mul', [products, pick('q_scale', scale)]);
      const { weights, ...attended } = this.#weigh(at, name, scores);
      const share = emit.node(`${at}/share_${name}`, 'Div', [weights, attended.largestWeight]);
      const steps = [emit.float32(1 / 255), emit.uint8(0)];
      const rounded = emit.node(`${at}/rounded_${name}`, 'QuantizeLinear', [share, ...steps]);
      const factors = [rounded, pages.values, emit.float32(1 / 255), pages.valueScales];
      const mixed = emit.node(`${at}/mixed_codes_${name}`, 'MatMulIntegerToFloat', factors, {}, CONTRIB);
      return { ...attended, mixed: emit.node(`${at}/mixed_${name}`, 'Mul', [mixed, attended.largestWeight]) };
    });
  }

  #weigh(at: string, name: string, scores: string): { weights: string } & Omit<Attended, 'mixed'> {
    const emit = this.#emit;
    const weights = emit.node(`${at}/Softmax_${name}`, 'Softmax', [scores], { axis: -1 });
    const largest = (what: string, of: string) =>
      emit.node(`${at}/largest_${what}_${name}`, 'ReduceMax', [of, emit.int64s([-1])], { keepdims: 1 });
    return { weights, largestScore: largest('score', scores), largestWeight: largest('weight', weights) };
  }

  /** Puts pages together by their share of the whole softmax: [1, S, N*D]. */
  #merge(at: string, parts: readonly Attended[]): string {
    const { heads: N, kvHeads: K, headDim: D } = this.#config;
    const emit = this.#emit;
    const join = (part: keyof Attended) =>
      emit.node(
        `${at}/${part}`,
        'Concat',
        parts.map((one) => one[part]),
        { axis: 0 },
      );
    const logs = emit.node(`${at}/log_largest`, 'Log', [join('largestWeight')]);
    const sums = emit.node(`${at}/lse`, 'Sub', [join('largestScore'), logs]); // [pages, K, G*S, 1]
    const shares = emit.node(`${at}/shares`, 'Softmax', [sums], { axis: 0 });
    const weighed = emit.node(`${at}/weighed`, 'Mul', [join('mixed'), shares]);
    const whole = emit.node(`${at}/whole`, 'ReduceSum', [weighed, emit.int64s([0])], { keepdims: 1 });
    const byGroup = emit.reshape(`${at}/groups`, whole, [1, K, N / K, -1, D]);
    return emit.reshape(`${at}/joined`, emit.transpose(byGroup, [0, 3, 1, 2, 4]), [1, -1, N * D]);
  }
}
