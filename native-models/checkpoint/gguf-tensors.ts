import type { ModelConfig } from './checkpoint.ts';
import { CheckpointError } from './errors.ts';
import type { GgufTensor } from './gguf-header.ts';

/** A tensor under its Hugging Face name, with the heads in which llama.cpp has interleaved its rows. */
export type NamedTensor = { name: string; stored: GgufTensor; interleavedHeads: boolean };

type Expected = { name: string; shape: readonly number[]; interleavedHeads?: boolean };

/** Precomputed tables of old files; they hold nothing that the configuration does not say. */
const ignored = /\.(attn_rot_embd|rotary_emb\.inv_freq)(\.weight)?$/;

/**
 * Gives every tensor its Hugging Face name and checks that none is missing, misshapen or unknown: a tensor that no
 * one reads would silently change the model.
 * Name pairs: llama.cpp `gguf-py/gguf/tensor_mapping.py`.
 * @throws CheckpointError `missing-tensor` | `corrupt-checkpoint` | `unsupported-setting`
 */
export function nameTensors(
  path: string,
  config: ModelConfig,
  stored: ReadonlyMap<string, GgufTensor>,
): Map<string, NamedTensor> {
  const expected = expectedTensors(config);
  for (const name of stored.keys()) {
    if (expected.has(name) || ignored.test(name)) continue;
    throw new CheckpointError(
      'unsupported-setting',
      `${path}: tensor ${name} is not part of a ${config.architecture} model as supported here`,
      { path, tensor: name, architecture: config.architecture },
    );
  }

  const named = new Map<string, NamedTensor>();
  for (const [storedName, { name, shape, interleavedHeads = false }] of expected) {
    const tensor = requireTensor(path, stored, storedName);
    if (tensor.shape.join() !== shape.join()) {
      throw new CheckpointError(
        'corrupt-checkpoint',
        `${path}: tensor ${storedName} at byte ${tensor.offset} has shape [${tensor.shape}], expected [${shape}]`,
        { path, tensor: storedName, offset: tensor.offset, expected: shape, found: tensor.shape },
      );
    }
    named.set(name, { name, stored: tensor, interleavedHeads });
  }
  return named;
}

/** @throws CheckpointError `missing-tensor` */
export function requireTensor(path: string, stored: ReadonlyMap<string, GgufTensor>, name: string): GgufTensor {
  const tensor = stored.get(name);
  if (tensor) return tensor;
  throw new CheckpointError('missing-tensor', `${path}: tensor ${name} is missing`, { path, tensor: name });
}

/** By GGUF name. Shapes: V vocabulary, H hidden, F intermediate, N query heads, K KV heads, D head size. */
function expectedTensors(config: ModelConfig): Map<string, Expected> {
  const { architecture, layers, hiddenSize, heads, kvHeads, headDim, intermediateSize, vocabSize } = config;
  const qRows = heads * headDim;
  const kvRows = kvHeads * headDim;
  const interleavedHeads = architecture === 'llama';

  const tensors = new Map<string, Expected>();
  tensors.set('token_embd.weight', { name: 'model.embed_tokens.weight', shape: [vocabSize, hiddenSize] }); // [V, H]
  for (let layer = 0; layer < layers; layer++) {
    const add = (storedName: string, name: string, shape: number[], more?: Partial<Expected>) =>
      tensors.set(`blk.${layer}.${storedName}`, { name: `model.layers.${layer}.${name}`, shape, ...more });
    add('attn_norm.weight', 'input_layernorm.weight', [hiddenSize]); // [H]
    add('attn_q.weight', 'self_attn.q_proj.weight', [qRows, hiddenSize], { interleavedHeads }); // [N*D, H]
    add('attn_k.weight', 'self_attn.k_proj.weight', [kvRows, hiddenSize], { interleavedHeads }); // [K*D, H]
    add('attn_v.weight', 'self_attn.v_proj.weight', [kvRows, hiddenSize]); // [K*D, H]
    if (architecture === 'qwen2') {
      add('attn_q.bias', 'self_attn.q_proj.bias', [qRows]); // [N*D]
      add('attn_k.bias', 'self_attn.k_proj.bias', [kvRows]); // [K*D]
      add('attn_v.bias', 'self_attn.v_proj.bias', [kvRows]); // [K*D]
    }
    add('attn_output.weight', 'self_attn.o_proj.weight', [hiddenSize, qRows]); // [H, N*D]
    add('ffn_norm.weight', 'post_attention_layernorm.weight', [hiddenSize]); // [H]
    add('ffn_gate.weight', 'mlp.gate_proj.weight', [intermediateSize, hiddenSize]); // [F, H]
    add('ffn_up.weight', 'mlp.up_proj.weight', [intermediateSize, hiddenSize]); // [F, H]
    add('ffn_down.weight', 'mlp.down_proj.weight', [hiddenSize, intermediateSize]); // [H, F]
  }
  tensors.set('output_norm.weight', { name: 'model.norm.weight', shape: [hiddenSize] }); // [H]
  if (!config.tiedEmbeddings) tensors.set('output.weight', { name: 'lm_head.weight', shape: [vocabSize, hiddenSize] });
  return tensors;
}
