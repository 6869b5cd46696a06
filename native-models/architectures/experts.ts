import type { ModelConfig, MoeConfig } from '../checkpoint/checkpoint.ts';
import type { GraphBuilder } from '../graph/graph.ts';
import { routeToExperts } from '../graph/experts.ts';
import { tensor, type ExpectedTensor } from './tensors.ts';

/**
 * The feed-forward of routed experts beside one that every token goes through:
 *
 *     y = sum over the k likeliest of p_e * expert_e(x)  +  sigmoid(w_g x) * shared(x),   p = softmax(router x)
 *
 * Source: transformers modeling_qwen2_moe.py.
 * @param at the module, such as `model.layers.0.mlp`
 * @returns [1, S, H]
 */
export function buildExperts(g: GraphBuilder, x: string, at: string, moe: MoeConfig): string {
  const { hiddenSize: H } = g.config;
  const routed = routeToExperts(g, x, at, moe);
  if (moe.sharedExpertSize === null) return routed;
  const shared = buildSwiglu(g, x, `${at}.shared_expert`, moe.sharedExpertSize);
  const gate = g.linear(x, [`${at}.shared_expert_gate`], { rows: 1, columns: H, keepFloat32: true }); // [1, S, 1]
  return g.addGated(routed, shared, gate);
}

/** Wdown(silu(Wgate x) * Wup x): [1, S, H]. */
export function buildSwiglu(g: GraphBuilder, x: string, at: string, size: number): string {
  const { hiddenSize: H } = g.config;
  const gateUp = g.linear(x, [`${at}.gate_proj`, `${at}.up_proj`], { rows: 2 * size, columns: H }); // [1, S, 2*size]
  return g.linear(g.swiglu(gateUp, size), [`${at}.down_proj`], { rows: H, columns: size });
}

/**
 * GGUF stacks the experts of a layer in one tensor for each of gate, up and down. Hugging Face keeps them one by one,
 * or, since transformers 5, gate and up of all in one tensor and down in another.
 */
export function expertTensors({ hiddenSize: H }: ModelConfig, layer: number, moe: MoeConfig): ExpectedTensor[] {
  const { experts: E, expertSize: F, sharedExpertSize } = moe;
  const [at, stored] = [`model.layers.${layer}.mlp`, `blk.${layer}`];
  const tensors = [tensor(`${at}.gate.weight`, `${stored}.ffn_gate_inp.weight`, [E, H])];
  for (let expert = 0; expert < E; expert++) {
    const add = (part: 'gate' | 'up' | 'down', shape: [number, number], fusedName: string, fusedRow: number) => {
      const fusedRows = part === 'down' ? H : 2 * F;
      tensors.push(
        tensor(`${at}.experts.${expert}.${part}_proj.weight`, `${stored}.ffn_${part}_exps.weight`, shape, {
          ggufStack: { shape: [E, ...shape], firstRow: expert * shape[0] },
          fused: { tensor: `${at}.experts.${fusedName}`, shape: [E, fusedRows, shape[1]], firstRow: fusedRow },
        }),
      );
    };
    add('gate', [F, H], 'gate_up_proj', expert * 2 * F);
    add('up', [F, H], 'gate_up_proj', expert * 2 * F + F);
    add('down', [H, F], 'down_proj', expert * H);
  }
  if (sharedExpertSize === null) return tensors;
  const shared = (part: 'gate' | 'up' | 'down', shape: [number, number]) =>
    tensor(`${at}.shared_expert.${part}_proj.weight`, `${stored}.ffn_${part}_shexp.weight`, shape);
  tensors.push(
    shared('gate', [sharedExpertSize, H]),
    shared('up', [sharedExpertSize, H]),
    shared('down', [H, sharedExpertSize]),
    // One row, which GGUF keeps as a vector.
    tensor(`${at}.shared_expert_gate.weight`, `${stored}.ffn_gate_inp_shexp.weight`, [1, H], {
      ggufStack: { shape: [H], firstRow: 0 },
    }),
  );
  return tensors;
}
