import type { GraphBuilder } from '../graph/graph.ts';

/**
 * The pre-norm decoder that Llama and its descendants share: grouped-query attention, RMSNorm, SwiGLU.
 * Sources: LLaMA (arXiv 2302.13971); transformers modeling_llama.py and modeling_qwen2.py.
 * Shapes: S new tokens, H hidden size, N query heads, K KV heads, D head size, F feed-forward size.
 */
export function buildDecoder(g: GraphBuilder): void {
  const { layers, hiddenSize: H, heads, kvHeads, headDim, intermediateSize: F, tiedEmbeddings } = g.config;
  let x = g.embed('model.embed_tokens.weight'); // [1, S, H]
  let normed = g.rmsNorm(x, 'model.layers.0.input_layernorm.weight');
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    const qkv = ['q_proj', 'k_proj', 'v_proj'].map((part) => `${at}.self_attn.${part}`);
    const projections = g.linear(normed, qkv, { rows: (heads + 2 * kvHeads) * headDim, columns: H }); // [1, S, (N+2K)*D]
    const attended = g.attention(projections, layer); // [1, S, N*D]
    const mixed = g.linear(attended, [`${at}.self_attn.o_proj`], { rows: H, columns: heads * headDim });
    ({ sum: x, normed } = g.addNorm(x, mixed, `${at}.post_attention_layernorm.weight`));

    const gateUp = g.linear(normed, [`${at}.mlp.gate_proj`, `${at}.mlp.up_proj`], { rows: 2 * F, columns: H }); // [1, S, 2F]
    const down = g.linear(g.swiglu(gateUp), [`${at}.mlp.down_proj`], { rows: H, columns: F });
    const next = layer + 1 < layers ? `model.layers.${layer + 1}.input_layernorm.weight` : 'model.norm.weight';
    ({ sum: x, normed } = g.addNorm(x, down, next));
  }
  g.logits(normed, tiedEmbeddings ? 'model.embed_tokens' : 'lm_head');
}
