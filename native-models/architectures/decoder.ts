import type { ModelConfig } from '../checkpoint/checkpoint.ts';
import type { GraphBuilder } from '../graph/graph.ts';
import type { Architecture } from './architecture.ts';
import { buildExperts, buildSwiglu, expertTensors } from './experts.ts';
import { tensor, type ExpectedTensor } from './tensors.ts';

/** What tells one family of decoders from another. */
export type DecoderFamily = Pick<Architecture, 'modelType' | 'ggufName' | 'readMoe'> & {
  /** `qkv`: on q, k and v, always and only there. `stored`: wherever a checkpoint brings one. */
  biases: 'qkv' | 'stored';
  /** Whether GGUF keeps the rows of q and k for RoPE on neighbouring pairs. */
  interleavedHeads?: boolean;
  /** Whether each head of q and k has an RMSNorm before RoPE. */
  headNorms?: boolean;
};

/**
 * The pre-norm decoder that Llama and its descendants share: grouped-query attention, RMSNorm, SwiGLU,
 * or routed experts of it.
 * Sources: LLaMA (arXiv 2302.13971); transformers modeling_llama.py and modeling_qwen2.py.
 * Shapes: S new tokens, H hidden size, N query heads, K KV heads, D head size, F feed-forward size, V vocabulary.
 */
export function defineDecoder(family: DecoderFamily): Architecture {
  const { modelType, ggufName } = family;
  return {
    modelType,
    ggufName,
    ...(family.readMoe && { readMoe: family.readMoe }),
    tensors: (config) => decoderTensors(family, config),
    build: (g) => buildDecoder(family, g),
  };
}

function buildDecoder({ headNorms = false }: DecoderFamily, g: GraphBuilder): void {
  const { layers, hiddenSize: H, heads, kvHeads, headDim, tiedEmbeddings } = g.config;
  let x = g.embed('model.embed_tokens.weight'); // [1, S, H]
  let normed = g.rmsNorm(x, 'model.layers.0.input_layernorm.weight');
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    const qkv = ['q_proj', 'k_proj', 'v_proj'].map((part) => `${at}.self_attn.${part}`);
    const projections = g.linear(normed, qkv, { rows: (heads + 2 * kvHeads) * headDim, columns: H }); // [1, S, (N+2K)*D]
    const attended = g.attention(projections, layer, { headNorms }); // [1, S, N*D]
    const mixed = g.linear(attended, [`${at}.self_attn.o_proj`], { rows: H, columns: heads * headDim });
    ({ sum: x, normed } = g.addNorm(x, mixed, `${at}.post_attention_layernorm.weight`));

    const fed = buildFeedForward(g, normed, layer);
    const next = layer + 1 < layers ? `model.layers.${layer + 1}.input_layernorm.weight` : 'model.norm.weight';
    ({ sum: x, normed } = g.addNorm(x, fed, next));
  }
  g.logits(normed, tiedEmbeddings ? 'model.embed_tokens' : 'lm_head');
}

function buildFeedForward(g: GraphBuilder, x: string, layer: number): string {
  const { intermediateSize, moe } = g.config;
  const at = `model.layers.${layer}.mlp`;
  return moe?.sparseLayers[layer] ? buildExperts(g, x, at, moe) : buildSwiglu(g, x, at, intermediateSize);
}

function decoderTensors(family: DecoderFamily, config: ModelConfig): ExpectedTensor[] {
  const { layers, hiddenSize: H, vocabSize: V, tiedEmbeddings } = config;
  const tensors = [tensor('model.embed_tokens.weight', 'token_embd.weight', [V, H])];
  for (let layer = 0; layer < layers; layer++) tensors.push(...layerTensors(family, config, layer));
  tensors.push(tensor('model.norm.weight', 'output_norm.weight', [H]));
  if (!tiedEmbeddings) tensors.push(tensor('lm_head.weight', 'output.weight', [V, H]));
  return tensors;
}

function layerTensors(family: DecoderFamily, config: ModelConfig, layer: number): ExpectedTensor[] {
  const { hiddenSize: H, heads, kvHeads, headDim, intermediateSize: F, moe } = config;
  const [qRows, kvRows] = [heads * headDim, kvHeads * headDim];
  const { interleavedHeads = false, headNorms = false } = family;
  const [at, stored] = [`model.layers.${layer}`, `blk.${layer}`];
  const norm = (name: string, ggufName: string, size: number) =>
    tensor(`${at}.${name}.weight`, `${stored}.${ggufName}.weight`, [size]);
  const linear = (name: string, ggufName: string, shape: [number, number], options = {}) => {
    const weight = tensor(`${at}.${name}.weight`, `${stored}.${ggufName}.weight`, shape, options);
    const biased = family.biases === 'stored' || /\.[qkv]_proj$/.test(name);
    if (!biased) return [weight];
    const bias = { ...options, optional: family.biases === 'stored' };
    return [weight, tensor(`${at}.${name}.bias`, `${stored}.${ggufName}.bias`, [shape[0]], bias)];
  };
  return [
    norm('input_layernorm', 'attn_norm', H),
    ...linear('self_attn.q_proj', 'attn_q', [qRows, H], { interleavedHeads }),
    ...linear('self_attn.k_proj', 'attn_k', [kvRows, H], { interleavedHeads }),
    ...linear('self_attn.v_proj', 'attn_v', [kvRows, H]),
    ...(headNorms
      ? [norm('self_attn.q_norm', 'attn_q_norm', headDim), norm('self_attn.k_norm', 'attn_k_norm', headDim)]
      : []),
    ...linear('self_attn.o_proj', 'attn_output', [H, qRows]),
    norm('post_attention_layernorm', 'ffn_norm', H),
    ...(moe?.sparseLayers[layer]
      ? expertTensors(config, layer, moe)
      : [
          ...linear('mlp.gate_proj', 'ffn_gate', [F, H]),
          ...linear('mlp.up_proj', 'ffn_up', [F, H]),
          ...linear('mlp.down_proj', 'ffn_down', [H, F]),
        ]),
  ];
}
