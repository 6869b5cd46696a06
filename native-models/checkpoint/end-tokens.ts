/** Spellings under which models end a turn or a document; several may end an answer beside the declared one. */
export const endSpellings: ReadonlySet<string> = new Set(['<|im_end|>', '<|endoftext|>', '<|eot_id|>', '</s>']);
