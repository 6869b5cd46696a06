import { defineDecoder } from './decoder.ts';

/**
 * Qwen2 and Qwen2.5, dense: the shared decoder, with biases on q, k and v (and only there).
 * Sources: Qwen2 Technical Report (arXiv 2407.10671); transformers modeling_qwen2.py.
 */
export const qwen2 = defineDecoder({ modelType: 'qwen2', ggufName: 'qwen2', biases: 'qkv' });
