import { CheckpointError } from '../checkpoint/errors.ts';
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';

/**
 * Qwen2 and Qwen2.5, dense: the shared decoder, with biases on q, k and v (and only there).
 * Sources: Qwen2 Technical Report (arXiv 2407.10671); transformers modeling_qwen2.py.
 */
export const qwen2: Architecture = {
  modelType: 'qwen2',
  build(g) {
    for (const part of ['q_proj', 'k_proj', 'v_proj']) {
      const tensor = `model.layers.0.self_attn.${part}.bias`;
      if (!g.weights.has(tensor))
        throw new CheckpointError('missing-tensor', `The checkpoint has no tensor ${tensor}.`, { tensor });
    }
    buildDecoder(g);
  },
};
