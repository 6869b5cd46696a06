import { defineDecoder } from './decoder.ts';

/**
 * Qwen3, dense: the shared decoder, with an RMSNorm on each head of q and k in place of their biases.
 * Sources: Qwen3 Technical Report (arXiv 2505.09388); transformers modeling_qwen3.py.
 */
export const qwen3 = defineDecoder({ modelType: 'qwen3', ggufName: 'qwen3', biases: 'stored', headNorms: true });
