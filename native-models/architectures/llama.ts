import { defineDecoder } from './decoder.ts';

/**
 * Llama and its like (SmolLM2): the shared decoder; biases only where a checkpoint brings them.
 * Source: transformers modeling_llama.py.
 */
export const llama = defineDecoder({
  modelType: 'llama',
  ggufName: 'llama',
  biases: 'stored',
  interleavedHeads: true,
});
