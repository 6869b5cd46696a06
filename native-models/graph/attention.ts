import type { ModelConfig } from '../checkpoint/checkpoint.ts';
import { hadamardMatrix, runsOf, type KvType } from '../attention/kv-type.ts';
import { CONTRIB, type GraphEmitter } from './emitter.ts';

/** How the cache of a graph is laid out: tokens of a page, and the form of full pages. */
export type CacheForm = { kvPage: number; kvType: KvType };

/** The stretches of full pages that a sequence has: those it shares with others, and its own. */
export const PAGE_STRETCHES = ['base', 'own'] as const;
/** Pages of which only some are attended to. */
export const FAR = 'far';

/** Pages and the queries for them, as a graph value each, in the form of the cache. */
type Pages = {
  name: string;
  /** [P, K, G*S, D], or [1, ...] for all pages alike. */
  queries: string;
  keys: string;
  values: string;
  /** Of int8 alone. */
  queryScales: string;
  keyScales: string;
  valueScales: string;
};
/** Queries by version, [R, K, G*S, D]; in int8 their codes and scales besides. */
type Queries = { floats: string; codes: string; scales: string };
/** Attention within each page by itself: its largest score and weight, and what it mixes; in int8, per largest weight. */
type Attended = { largestScore: string; largestWeight: string; mixed: string };

const FAR_PAGES = `pages of ${FAR}`;
/** A query of zeros has a scale, too. */
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
 *     lse.L float32 [pages, K, G*S, 1]: logarithm of the sum of exponentials of the scores of a page, for whoever asks
 *
 * Dual Chunk Attention needs no more than this: its three positions of a query are versions, and its chunks end where
 * pages do. One version makes plain attention.
 *
 * Each page is attended to by itself. With scores s of a page, p = softmax(s) and lse = max(s) - log(max(p)), the pages
 * are put together as softmax(lse) over the pages: exact, and the keys of a page are read once for all heads of a group.
 *
 * Pages of the stretch `far` are attended to where `sparse` is false as none at all, else as the `far_pages` best of each
 * KV head: for each run of RUN keys k_max.L and k_min.L [P, K, D, T/RUN] bound every score of its keys (Quest, arXiv
 * 2406.10774), and a page counts by its share of a softmax over its best run's bound, summed over the queries of the group,
 * plus `far_bonus`.
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
    emit.input(`versions_${FAR}`, 'int64', [FAR_PAGES]);
    emit.input('sparse', 'bool', [1]);
    emit.input('far_pages', 'int64', [1]);
    emit.input('far_bonus', 'float32', [FAR_PAGES, 1]);

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
    const { kvPage: T } = this.#form;
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

    const all = this.#queriesOf(at, queries);
    const dense = PAGE_STRETCHES.map((name) =>
      this.#attendTo(at, this.#pick(at, all, this.#declarePages(name, layer))),
    );
    const far = this.#attendToBest(at, layer, all);
    return this.#merge(at, layer, [...dense, far, this.#attendToTail(at, queries, tailKeys, tailValues)]);
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

  #declarePages(stretch: string, layer: number): Omit<Pages, 'queries' | 'queryScales'> {
    const { kvHeads: K, headDim: D } = this.#config;
    const { kvPage: T, kvType } = this.#form;
    const pages = `pages of ${stretch}`;
    const declare = (part: string, type: KvType, shape: readonly (string | number)[]) =>
      this.#emit.input(`${part}_${stretch}.${layer}`, type, shape);
    const scales = (part: string, shape: readonly (string | number)[]) =>
      kvType === 'int8' ? declare(part, 'float32', shape) : '';
    return {
      name: stretch,
      keys: declare('k', kvType, [pages, K, D, T]),
      values: declare('v', kvType, [pages, K, T, D]),
      keyScales: scales('k_scales', [pages, K, 1, T]),
      valueScales: scales('v_scales', [pages, K, 1, D]),
    };
  }

  /** In int8, queries are rounded once for all pages. */
  #queriesOf(at: string, floats: string): Queries {
    if (this.#form.kvType !== 'int8') return { floats, codes: '', scales: '' };
    const emit = this.#emit;
    const magnitude = emit.node(`${at}/q_abs`, 'Abs', [floats]);
    const largest = emit.node(`${at}/q_largest`, 'ReduceMax', [magnitude, emit.int64s([-1])], { keepdims: 1 });
    const scales = emit.node(`${at}/q_scale`, 'Max', [largest, emit.float32(TINY)]);
    const unit = emit.node(`${at}/q_unit`, 'Div', [floats, scales]);
    const steps = [emit.float32(1 / 127), emit.uint8(HALF_RANGE)];
    return { floats, scales, codes: emit.node(`${at}/q_codes`, 'QuantizeLinear', [unit, ...steps]) };
  }

  /** The version of the queries that meets each page of a stretch. */
  #pick(at: string, queries: Queries, pages: Omit<Pages, 'queries' | 'queryScales'>): Pages {
    const { name } = pages;
    const gather = (part: string, value: string) =>
      this.#emit.node(`${at}/${part}_${name}`, 'Gather', [value, `versions_${name}`], { axis: 0 });
    if (this.#form.kvType !== 'int8') return { ...pages, queries: gather('q', queries.floats), queryScales: '' };
    return { ...pages, queries: gather('q', queries.codes), queryScales: gather('q_scale', queries.scales) };
  }

  #attendToTail(at: string, queries: string, keys: string, values: string): Attended {
    const emit = this.#emit;
    const first = emit.node(`${at}/q_tail`, 'Gather', [queries, emit.int64s([0])], { axis: 0 });
    const scores = emit.node(`${at}/scores_tail`, 'MatMul', [first, keys]); // [1, K, G*S, T]
    const masked = emit.node(`${at}/masked_tail`, 'Add', [scores, 'tail_mask']);
    const { weights, ...largest } = this.#weigh(at, 'tail', masked);
    const ofLargest =
      this.#form.kvType === 'int8' ? emit.node(`${at}/share_tail`, 'Div', [weights, largest.largestWeight]) : weights;
    return { ...largest, mixed: emit.node(`${at}/mixed_tail`, 'MatMul', [ofLargest, values]) };
  }

  #attendTo(at: string, pages: Pages): Attended {
    return this.#form.kvType === 'int8' ? this.#attendToInt8(at, pages) : this.#attendToFloats(at, pages);
  }

  #attendToFloats(at: string, { name, queries, keys, values }: Pages): Attended {
    const emit = this.#emit;
    const asFloat32 = (part: string, value: string) =>
      this.#form.kvType === 'float32' ? value : emit.cast(`${at}/${part}_${name}`, value, 'float32');
    const scores = emit.node(`${at}/scores_${name}`, 'MatMul', [queries, asFloat32('k', keys)]);
    const { weights, ...largest } = this.#weigh(at, name, scores);
    return { ...largest, mixed: emit.node(`${at}/mixed_${name}`, 'MatMul', [weights, asFloat32('v', values)]) };
  }

  /** Scores [P, K, G*S, T] are integers times a query's and a key's scale. */
  #attendToInt8(at: string, { name, ...pages }: Pages): Attended {
    const emit = this.#emit;
    const inputs = [pages.queries, pages.keys, emit.float32(1 / 127), pages.keyScales, emit.uint8(HALF_RANGE)];
    const products = emit.node(`${at}/products_${name}`, 'MatMulIntegerToFloat', inputs, {}, CONTRIB);
    const scores = emit.node(`${at}/scores_${name}`, 'Mul', [products, pages.queryScales]);
    const { weights, ...attended } = this.#weigh(at, name, scores);
    const share = emit.node(`${at}/share_${name}`, 'Div', [weights, attended.largestWeight]);
    const steps = [emit.float32(1 / 255), emit.uint8(0)];
    const rounded = emit.node(`${at}/rounded_${name}`, 'QuantizeLinear', [share, ...steps]);
    const factors = [rounded, pages.values, emit.float32(1 / 255), pages.valueScales];
    return { ...attended, mixed: emit.node(`${at}/mixed_${name}`, 'MatMulIntegerToFloat', factors, {}, CONTRIB) };
  }

  /** The best of the far pages, each KV head its own; none where attention is dense. */
  #attendToBest(at: string, layer: number, queries: Queries): Attended {
    const { kvHeads: K, headDim: D } = this.#config;
    const emit = this.#emit;
    const runs = runsOf(this.#form.kvPage);
    const pages = this.#declarePages(FAR, layer);
    const bounds = (['k_max', 'k_min'] as const).map((part) =>
      emit.input(`${part}_${FAR}.${layer}`, 'float32', [FAR_PAGES, K, D, runs]),
    );
    const parts = ['largestScore', 'largestWeight', 'mixed'] as const;
    const outputs = parts.map((part) => ({
      name: `${at}/${FAR}/${part}`,
      type: 'float32' as const,
      shape: ['chosen pages', K, 'G*S', part === 'mixed' ? D : 1],
    }));
    emit.choose(`${at}/${FAR}`, 'sparse', outputs, {
      then: () => {
        const best = this.#bestPages(at, queries.floats, bounds);
        const attended = this.#attendTo(at, this.#gather(at, best, pages, queries));
        return parts.map((part) => attended[part]);
      },
      else: () => {
        const cut = (name: string, x: string, axis: number, to: number) =>
          emit.node(`${at}/${name}`, 'Slice', [x, emit.int64s([0]), emit.int64s([to]), emit.int64s([axis])]);
        const none = cut('no_rows', queries.floats, 0, 0);
        const noneWide = cut('no_values', none, 3, 1);
        return [noneWide, noneWide, none];
      },
    });
    const [largestScore, largestWeight, mixed] = outputs.map((one) => one.name);
    return { largestScore: largestScore!, largestWeight: largestWeight!, mixed: mixed! };
  }

  /** Numbers of the pages with the largest share, int64 [n, K]. */
  #bestPages(at: string, queries: string, [most, least]: readonly string[]): string {
    const emit = this.#emit;
    const { kvHeads: K } = this.#config;
    const chosen = emit.node(`${at}/far_q`, 'Gather', [queries, `versions_${FAR}`], { axis: 0 });
    const up = emit.node(`${at}/far_q_up`, 'Relu', [chosen]);
    const down = emit.node(`${at}/far_q_down`, 'Sub', [chosen, up]);
    const bound = emit.node(`${at}/far_bound`, 'Add', [
      emit.node(`${at}/far_bound_up`, 'MatMul', [up, most!]),
      emit.node(`${at}/far_bound_down`, 'MatMul', [down, least!]),
    ]); // [P, K, G*S, runs]
    const best = emit.node(`${at}/far_best_run`, 'ReduceMax', [bound, emit.int64s([-1])], { keepdims: 1 });
    const shares = emit.node(`${at}/far_shares`, 'Softmax', [best], { axis: 0 });
    const worth = emit.node(`${at}/far_worth`, 'ReduceSum', [shares, emit.int64s([2])], { keepdims: 0 });
    const byHead = emit.reshape(`${at}/far_by_head`, worth, [-1, K]);
    const wanted = emit.node(`${at}/far_wanted`, 'Add', [byHead, 'far_bonus']);
    emit.push(`${at}/TopK`, 'TopK', [wanted, 'far_pages'], [`${at}/TopK/worth`, `${at}/TopK`], { axis: 0 }, '');
    return `${at}/TopK`;
  }

  /** Copies of the chosen pages, [n, K, ...], and the queries for each. */
  #gather(at: string, best: string, pages: Omit<Pages, 'queries' | 'queryScales'>, queries: Queries): Pages {
    const { kvHeads: K, headDim: D } = this.#config;
    const { kvPage: T, kvType } = this.#form;
    const emit = this.#emit;
    const heads = emit.int64s([...Array(K).keys()]);
    const placeOf = (name: string, rows: string) =>
      emit.node(`${at}/${name}`, 'Add', [emit.node(`${at}/${name}_rows`, 'Mul', [rows, emit.int64(K)]), heads]);
    const page = placeOf('far_place', best);
    const versions = emit.node(`${at}/far_versions`, 'Gather', [`versions_${FAR}`, best], { axis: 0 });
    const version = placeOf('far_query', versions);
    /** Rows of x [A, K, B, C], seen as [A*K, B, C]. */
    const take = (part: string, x: string, from: string, shape: readonly number[]) =>
      emit.node(`${at}/far_${part}`, 'Gather', [emit.reshape(`${at}/far_${part}_rows`, x, shape), from], { axis: 0 });
    const rounded = kvType === 'int8';
    const byVersion = (part: string, x: string, width: number) =>
      emit.node(
        `${at}/far_${part}`,
        'Gather',
        [emit.reshape(`${at}/far_${part}_rows`, emit.transpose(x, [2, 0, 1, 3]), [0, -1, width]), version],
        { axis: 1 },
      ); // [G*S, n, K, width]
    const ordered = (part: string, x: string, width: number) => emit.transpose(byVersion(part, x, width), [1, 2, 0, 3]);
    return {
      name: 'best',
      queries: ordered('queries', rounded ? queries.codes : queries.floats, D),
      queryScales: rounded ? ordered('query_scales', queries.scales, 1) : '',
      keys: take('keys', pages.keys, page, [-1, D, T]),
      values: take('values', pages.values, page, [-1, T, D]),
      keyScales: rounded ? take('key_scales', pages.keyScales, page, [-1, 1, T]) : '',
      valueScales: rounded ? take('value_scales', pages.valueScales, page, [-1, 1, D]) : '',
    };
  }

  #weigh(at: string, name: string, scores: string): { weights: string } & Omit<Attended, 'mixed'> {
    const emit = this.#emit;
    const weights = emit.node(`${at}/Softmax_${name}`, 'Softmax', [scores], { axis: -1 });
    const largest = (what: string, of: string) =>
      emit.node(`${at}/largest_${what}_${name}`, 'ReduceMax', [of, emit.int64s([-1])], { keepdims: 1 });
    return { weights, largestScore: largest('score', scores), largestWeight: largest('weight', weights) };
  }

  /** Puts pages together by their share of the whole softmax: [1, S, N*D]. */
  #merge(at: string, layer: number, parts: readonly Attended[]): string {
    const { heads: N, kvHeads: K, headDim: D } = this.#config;
    const { kvType } = this.#form;
    const emit = this.#emit;
    const join = (part: keyof Attended) =>
      emit.node(
        `${at}/${part}`,
        'Concat',
        parts.map((one) => one[part]),
        { axis: 0 },
      );
    const largestWeight = join('largestWeight');
    const logs = emit.node(`${at}/log_largest`, 'Log', [largestWeight]);
    const sums = emit.node(`lse.${layer}`, 'Sub', [join('largestScore'), logs]); // [pages, K, G*S, 1]
    emit.output(sums, 'float32', ['all pages', K, 'G*S', 1]);
    const shares = emit.node(`${at}/shares`, 'Softmax', [sums], { axis: 0 });
    // Where a stretch is empty the runtime gives maxima a wrong width, which only Concat overlooks: so this comes after it.
    const factors = kvType === 'int8' ? emit.node(`${at}/factors`, 'Mul', [shares, largestWeight]) : shares;
    const weighed = emit.node(`${at}/weighed`, 'Mul', [join('mixed'), factors]);
    const whole = emit.node(`${at}/whole`, 'ReduceSum', [weighed, emit.int64s([0])], { keepdims: 1 });
    const byGroup = emit.reshape(`${at}/groups`, whole, [1, K, N / K, -1, D]);
    return emit.reshape(`${at}/joined`, emit.transpose(byGroup, [0, 3, 1, 2, 4]), [1, -1, N * D]);
  }
}
