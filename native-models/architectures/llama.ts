import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';

/**
 * Llama and its like (SmolLM2): the shared decoder; biases only where a checkpoint brings them.
 * Source: transformers modeling_llama.py.
 */
export const llama: Architecture = { modelType: 'llama', build: buildDecoder };
