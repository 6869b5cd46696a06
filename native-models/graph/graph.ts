import type { Checkpoint, ModelConfig } from '../checkpoint/checkpoint.ts';
import { accuracyLevel, codeBits, type BlockFormat, type Recipe } from '../quantize/packed.ts';
import { CachedAttention, type CacheForm } from './attention.ts';
import { CONTRIB, GraphEmitter } from './emitter.ts';
import { encodeModel, type GraphSpec } from './onnx.ts';
import { WeightPlan, wrongShape, type ModuleRun, type PackedMatrix } from './weights.ts';

/** Of a product W x: rows and columns of W. */
export type LinearShape = { rows: number; columns: number; keepFloat32?: boolean };

/**
 * Builds the ONNX graph of a decoder, operator by operator. A value is the name of a tensor.
 *
 * Shapes: S new tokens, H hidden size, N query heads, K KV heads, D head size, V vocabulary rows.
 *
 *     ids int32 [1, S] --> logits float32 [1, R, V] of the positions `rows` int32 [R]
 *
 * What attention reads and writes besides is told by `CachedAttention`.
 */
export class GraphBuilder {
  readonly config: ModelConfig;
  readonly weights: WeightPlan;
  readonly #accuracyLevel: number;
  readonly emit = new GraphEmitter();
  /** What several matrices make of one input, by name. */
  readonly #shared = new Set<string>();
  readonly #orders: Uint32Array[] = [];
  readonly #attention: CachedAttention;

  constructor(checkpoint: Checkpoint, recipe: Recipe, cache: CacheForm) {
    this.config = checkpoint.config;
    this.#attention = new CachedAttention(this.emit, this.config, cache);
    this.weights = new WeightPlan(checkpoint, recipe);
    this.#accuracyLevel = accuracyLevel(recipe);
  }

  /** Declares the inputs and looks up the embeddings of the new tokens: [1, S, H]. */
  embed(weight: string): string {
    const { hiddenSize, vocabSize } = this.config;
    const ids = this.emit.input('ids', 'int32', [1, 'S']);
    this.#attention.declare(ids);
    const table = this.weights.matrix([weight]);
    if (table.rows !== vocabSize || table.columns !== hiddenSize)
      throw wrongShape(weight, [vocabSize, hiddenSize], [table.rows, table.columns]);
    const at = '/model/embed_tokens/lookup';
    if (table.format.kind === 'float32') return this.emit.node(`${at}/Gather`, 'Gather', [table.codes, ids]);
    const { format } = table;
    const bits = codeBits(format);
    const gather = (codes: string, scales: string) => {
      const rows = this.weights.alias(`${codes}.rows`, codes, [vocabSize, (hiddenSize * bits) / 8]);
      const attributes = { bits, block_size: format.block, gather_axis: 0, quantize_axis: 1 };
      return this.emit.node(`${at}/${codes}`, 'GatherBlockQuantized', [rows, ids, scales], attributes, CONTRIB);
    };
    let x = gather(table.codes, table.scales);
    if (format.kind === 'int4pair') {
      x = this.emit.node(`${at}/pair`, 'Add', [x, gather(table.lowCodes, table.lowScales)]);
    }
    return format.hasMin ? this.#addBlockMinima(at, x, ids, table.minima, format) : x;
  }

  /** RMSNorm(x) = w * x / sqrt(mean(x^2) + eps): [1, S, H]. */
  rmsNorm(x: string, weight: string): string {
    const scale = this.weights.vector([weight], this.config.hiddenSize);
    return this.emit.node(path(weight), 'SimplifiedLayerNormalization', [x, scale], {
      axis: -1,
      epsilon: { float: this.config.rmsNormEps },
    });
  }

  /** The residual sum x + y and its RMSNorm, in one operator: both [1, S, H]. */
  addNorm(x: string, y: string, weight: string): { sum: string; normed: string } {
    const scale = this.weights.vector([weight], this.config.hiddenSize);
    const name = path(weight);
    const [normed, sum] = [`${name}/normed`, `${name}/sum`];
    this.emit.push(
      name,
      'SkipSimplifiedLayerNormalization',
      [x, y, scale],
      [normed, '', '', sum],
      { epsilon: { float: this.config.rmsNormEps } },
      CONTRIB,
    );
    return { sum, normed };
  }

  /**
   * y = W x + b with the rows of `modules` stacked; biases are used where the checkpoint has them. Matrices whose columns are
   * stored in another order read x in that order.
   * @param expected.keepFloat32 for small matrices whose rounding would change much
   */
  linear(x: string, modules: readonly string[], expected: LinearShape): string {
    const { keepFloat32 = false } = expected;
    const runs = this.weights.runs(modules).map((run) => {
      const weights = run.modules.map((module) => `${module}.weight`);
      return { ...run, matrix: this.weights.matrix(weights, { keepFloat32 }) };
    });
    const rows = runs.reduce((sum, { matrix }) => sum + matrix.rows, 0);
    const { matrix } = runs.find((run) => run.matrix.columns !== expected.columns) ?? runs[0]!;
    if (rows !== expected.rows || matrix.columns !== expected.columns) {
      throw wrongShape(modules.join(' + '), [expected.rows, expected.columns], [rows, matrix.columns]);
    }
    const products = runs.map((run) => {
      const biases = run.modules.map((module) => `${module}.bias`).filter((bias) => this.weights.has(bias));
      const bias = biases.length > 0 ? this.weights.vector(biases, run.matrix.rows) : null;
      return this.#multiply(path(run.modules[0]!), this.#inOrder(x, run.columnOrder), run.matrix, bias);
    });
    return products.length === 1
      ? products[0]!
      : this.emit.node(`${path(modules[0]!)}/stacked`, 'Concat', products, { axis: -1 });
  }

  /**
   * Grouped-query attention with rotary embedding over the cache: projections [1, S, (N+2K)*D] to [1, S, N*D].
   * With `headNorms` every head of q and k goes through an RMSNorm before it is turned (q_norm, k_norm of D weights).
   */
  attention(projections: string, layer: number, { headNorms = false } = {}): string {
    const { heads: N, kvHeads: K, headDim: D } = this.config;
    const at = `/model/layers.${layer}/self_attn`;
    const [projected, v] = this.emit.split(`${at}/qk_v`, projections, [(N + K) * D, K * D]);
    return this.#attention.attend(at, layer, headNorms ? this.#normHeads(at, projected, layer) : projected, v);
  }

  /** silu(gate) * up of the two halves of [1, S, 2F], elementwise: [1, S, F]. */
  swiglu(gateUp: string, half: number): string {
    const at = gateUp.replace(/\/[^/]+$/, '');
    const [gate, up] = this.emit.split(`${at}/gate_up`, gateUp, [half, half]);
    // QuickGelu with alpha 1 is x * sigmoid(x).
    const silu = this.emit.node(`${at}/silu`, 'QuickGelu', [gate], { alpha: { float: 1 } }, CONTRIB);
    return this.emit.node(`${at}/Mul`, 'Mul', [silu, up]);
  }

  /** x + sigmoid(gate) * y, where `gate` has one value a token: [1, S, H]. */
  addGated(x: string, y: string, gate: string): string {
    const at = gate.replace(/\/[^/]+$/, '');
    const share = this.emit.node(`${at}/Sigmoid`, 'Sigmoid', [gate]);
    return this.emit.node(`${at}/sum`, 'Add', [x, this.emit.node(`${at}/Mul`, 'Mul', [y, share])]);
  }

  /** Logits of the asked positions only, so that the wide head costs nothing while a prompt is read. */
  logits(x: string, module: string): void {
    const rows = this.emit.input('rows', 'int32', ['R']);
    const chosen = this.emit.node('/lm_head/rows', 'Gather', [x, rows], { axis: 1 });
    const { vocabSize, hiddenSize } = this.config;
    const y = this.linear(chosen, [module], { rows: vocabSize, columns: hiddenSize });
    this.emit.push('/lm_head/logits', 'Identity', [y], ['logits'], {}, '');
    this.emit.output('logits', 'float32', [1, 'R', vocabSize]);
  }

  /** The finished graph. */
  get spec(): GraphSpec {
    return this.emit.spec(this.config.name, this.weights.initializers);
  }

  /** The finished graph as an ONNX file. */
  encode(): Uint8Array {
    return encodeModel(this.spec);
  }

  /** One norm over all heads of q and k, [1, S, (N+K)*D]: their weights differ, so they are multiplied afterwards. */
  #normHeads(at: string, qk: string, layer: number): string {
    const { heads: N, kvHeads: K, headDim: D, rmsNormEps } = this.config;
    const names = (part: string, count: number) =>
      Array<string>(count).fill(`model.layers.${layer}.self_attn.${part}_norm.weight`);
    const scale = this.weights.vector([...names('q', N), ...names('k', K)], (N + K) * D);
    const byHead = this.emit.reshape(`${at}/qk_heads`, qk, [1, -1, N + K, D]);
    const normed = this.emit.node(`${at}/qk_norm`, 'SimplifiedLayerNormalization', [byHead, this.emit.ones(D)], {
      axis: -1,
      epsilon: { float: rmsNormEps },
    });
    const joined = this.emit.reshape(`${at}/qk_joined`, normed, [1, -1, (N + K) * D]);
    return this.emit.node(`${at}/qk_scaled`, 'Mul', [joined, scale]);
  }

  /*
   *            x ----------------- MatMulNBits(codes, scales, bias)
   *             \                            \
   *              sums of blocks ------------- Gemm(sums, minima) + --- y        only where the source has minima
   */
  #multiply(name: string, x: string, w: PackedMatrix, bias: string | null): string {
    const { rows: N, columns: K, format } = w;
    if (format.kind === 'float32') {
      const y = this.emit.node(`${name}/MatMul`, 'FusedMatMul', [x, w.codes], { transB: 1 }, CONTRIB);
      return bias === null ? y : this.emit.node(`${name}/Add`, 'Add', [y, bias]);
    }
    const attributes = { K, N, bits: codeBits(format), block_size: format.block, accuracy_level: this.#accuracyLevel };
    const inputs = [x, w.codes, w.scales, ...(bias === null ? [] : ['', '', bias])];
    let y = this.emit.node(`${name}/MatMulNBits`, 'MatMulNBits', inputs, attributes, CONTRIB);
    if (format.kind === 'int4pair') {
      const low = this.emit.node(
        `${name}/low/MatMulNBits`,
        'MatMulNBits',
        [x, w.lowCodes, w.lowScales],
        attributes,
        CONTRIB,
      );
      y = this.emit.node(`${name}/pair`, 'Add', [y, low]);
    }
    if (!format.hasMin) return y;
    const offsets = this.emit.node(`${name}/minima`, 'MatMul', [
      this.#sums(x, K / format.block, format.block),
      w.minima,
    ]);
    return this.emit.node(`${name}/Add`, 'Add', [y, offsets]);
  }

  /** The values of x in the order of stored columns; gathered once for all matrices of that order that read x. */
  #inOrder(x: string, order: ModuleRun['columnOrder']): string {
    if (order === null) return x;
    if (!this.#orders.includes(order)) this.#orders.push(order);
    const number = this.#orders.indexOf(order);
    const name = `${x}/in_order_${number}`;
    if (this.#shared.has(name)) return name;
    this.#shared.add(name);
    return this.emit.node(name, 'Gather', [x, this.emit.int32s(`column_order_${number}`, order)], { axis: -1 });
  }

  /** Sums of the blocks of x: [1, S, blocks]; computed once for all matrices that read x in such blocks. */
  #sums(x: string, blocks: number, block: number): string {
    const name = `${x}/sums_of_${block}`;
    if (this.#shared.has(name)) return name;
    this.#shared.add(name);
    const split = this.emit.reshape(`${x}/blocks_of_${block}`, x, [1, -1, blocks, block]);
    return this.emit.node(name, 'ReduceSum', [split, this.emit.int64s([3])], { keepdims: 0 });
  }

  #addBlockMinima(at: string, x: string, ids: string, minima: string, { block }: BlockFormat): string {
    const { hiddenSize } = this.config;
    const blocks = hiddenSize / block;
    // Minima lie as [blocks, V] for the head's product; the gather of a column gives [blocks, 1, S].
    const columns = this.emit.node(`${at}/minima`, 'Gather', [minima, ids], { axis: 1 });
    const wide = this.emit.reshape(`${at}/minima_4d`, this.emit.transpose(columns, [1, 2, 0]), [1, -1, blocks, 1]);
    const split = this.emit.reshape(`${at}/blocks`, x, [1, -1, blocks, block]);
    const sum = this.emit.node(`${at}/Add`, 'Add', [split, wide]);
    return this.emit.reshape(`${at}/rows`, sum, [1, -1, hiddenSize]);
  }
}

/** `model.layers.0.mlp.gate_proj` -> `/model/layers.0/mlp/gate_proj`: nodes are named as paths. */
function path(module: string): string {
  return `/${module.replace(/\.weight$/, '').replace(/\.(?!\d)/g, '/')}`;
}
