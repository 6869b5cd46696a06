import type { MoeConfig } from '../checkpoint/checkpoint.ts';
import type { GraphBuilder } from './graph.ts';

/**
 * Routed experts: each token goes through the k likeliest of E, and their outputs are summed by the router's weights.
 *
 *     x ---- router --- Softmax --- TopK --- weights [1, S, k], experts [1, S, k]
 *      \                                         \             \
 *       \                                         \             order of the S*k choices by expert, and how many each has
 *        \                                         \             \
 *         Gather: x by choice [1, S*k, H] ------------------------ Split: one piece an expert, many of them empty
 *                                                    \             \
 *                                                     \             a matrix each, Concat, silu(gate) * up, Split, a matrix each
 *                                                      \             \
 *                                                       MatMul ------- Concat, back in the order of the tokens [S, k, H]
 *
 * A matrix whose piece is empty is not read: decoding one token reads k experts, and a block of a prompt reads each once.
 *
 * Why not one operator (two cores, 60 experts of 1408 by 2048, 4 a token, int4 in blocks of 128; one layer, medians of ONNX
 * Runtime 1.30, one token and a block of 64): `QMoE` unpacks the experts at each use, 47 ms and 821 ms, or, with a switch in
 * the environment, packs them again for 5 s a layer at load and takes 2.5 ms and 77 ms. An `If` an expert: 1.2 and 21.8 ms.
 * This: 0.8 and 18.5 ms, of which the operators themselves are 0.15 ms and the rest is reading weights.
 *
 * @param at the module, such as `model.layers.0.mlp`
 * @returns [1, S, H]
 */
export function routeToExperts(g: GraphBuilder, x: string, at: string, moe: MoeConfig): string {
  const { emit } = g;
  const { hiddenSize: H } = g.config;
  const { experts: E, expertsPerToken: k, expertSize: F } = moe;
  const router = `/${at.replace(/\.(?!\d)/g, '/')}/router`;
  const { weights, chosen } = chooseExperts(g, router, x, at, moe);

  const choices = emit.reshape(`${router}/choices`, chosen, [-1]); // [S*k], expert of each choice
  const count = emit.node(`${router}/count`, 'Shape', [choices]);
  const order = emit.sortOrder(`${router}/order`, choices, count); // choices of one expert side by side
  const token = emit.node(`${router}/token`, 'Div', [order, emit.int64(k)]);
  const column = emit.node(`${router}/column`, 'Unsqueeze', [choices, emit.int64s([1])]);
  const numbers = emit.int64s(Array.from({ length: E }, (_, expert) => expert));
  const isChosen = emit.node(`${router}/is_chosen`, 'Equal', [column, numbers]); // [S*k, E]
  const ones = emit.node(`${router}/ones`, 'Cast', [isChosen], { to: 7 });
  const counts = emit.node(`${router}/counts`, 'ReduceSum', [ones, emit.int64s([0])], { keepdims: 0 }); // [E]

  // Known only at run time to be 0, so that nothing is inferred about the shapes of the pieces: among thousands of values
  // with a shape that fits none other the runtime looks for memory to use again for seconds when it loads a model.
  const zero = emit.node(`${router}/zero`, 'Sub', [count, count]);
  const split = (name: string, rows: string): string[] => {
    const hidden = emit.node(`${name}/rows`, 'Unsqueeze', [rows, zero]); // [1, S*k, width]
    const pieces = Array.from({ length: E }, (_, expert) => `${name}/${expert}`);
    emit.push(name, 'Split', [hidden, counts], pieces, { axis: 1 }, '');
    return pieces;
  };
  const multiply = (
    name: string,
    pieces: readonly string[],
    parts: readonly string[],
    rows: number,
    columns: number,
  ) => {
    const products = pieces.map((piece, expert) => {
      const modules = parts.map((part) => `${at}.experts.${expert}.${part}`);
      return g.linear(piece, modules, { rows, columns });
    });
    return emit.node(name, 'Concat', products, { axis: 1 }); // [1, S*k, rows]
  };

  const flat = emit.reshape(`${router}/x`, x, [-1, H]);
  const inputs = split(`${router}/inputs`, emit.node(`${router}/sorted`, 'Gather', [flat, token]));
  const gateUp = multiply(`${router}/gate_up/all`, inputs, ['gate_proj', 'up_proj'], 2 * F, H);
  const inner = emit.reshape(`${router}/inner`, g.swiglu(gateUp, F), [-1, F]);
  const down = multiply(`${router}/down/all`, split(`${router}/inners`, inner), ['down_proj'], H, F);

  const back = emit.sortOrder(`${router}/back`, order, count);
  const outputs = emit.node(`${router}/outputs`, 'Gather', [emit.reshape(`${router}/rows`, down, [-1, H]), back]);
  const byToken = emit.reshape(`${router}/by_token`, outputs, [-1, k, H]);
  const shares = emit.reshape(`${router}/shares`, weights, [-1, 1, k]);
  const sum = emit.node(`${router}/sum`, 'MatMul', [shares, byToken]); // [S, 1, H]
  return emit.reshape(`${router}/joined`, sum, [1, -1, H]);
}

/** Weights and numbers of the chosen experts, both [1, S, k]. The router decides, so its matrix is never rounded. */
function chooseExperts(g: GraphBuilder, router: string, x: string, at: string, moe: MoeConfig) {
  const { emit } = g;
  const { experts: E, expertsPerToken: k, normTopkProb } = moe;
  const scores = g.linear(x, [`${at}.gate`], { rows: E, columns: g.config.hiddenSize, keepFloat32: true });
  const likely = emit.node(`${router}/Softmax`, 'Softmax', [scores], { axis: -1 });
  const [top, chosen] = [`${router}/top`, `${router}/chosen`];
  emit.push(`${router}/TopK`, 'TopK', [likely, emit.int64s([k])], [top, chosen], { axis: -1 }, '');
  if (!normTopkProb) return { weights: top, chosen };
  const total = emit.node(`${router}/total`, 'ReduceSum', [top, emit.int64s([-1])], { keepdims: 1 });
  return { weights: emit.node(`${router}/normed`, 'Div', [top, total]), chosen };
}
