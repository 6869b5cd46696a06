/** Settings of config.json that change nothing about what a causal decoder computes. */
const harmless = new Set([
  // who made it, with what
  '_name_or_path',
  'is_llama_config',
  'model_name',
  'name_or_path',
  'tokenizer_class',
  'transformers_version',
  'transformers.js_config',
  'unsloth_fixed',
  'unsloth_version',
  // how others load and run it
  '_attn_implementation',
  '_attn_implementation_autoset',
  '_attn_implementation_internal',
  '_flash_attn_2_enabled',
  'chunk_size_feed_forward',
  'dtype',
  'pretraining_tp',
  'torch_dtype',
  'torchscript',
  'use_bfloat16',
  'use_cache',
  // what they return
  'finetuning_task',
  'id2label',
  'label2id',
  'num_labels',
  'output_attentions',
  'output_hidden_states',
  'output_router_logits',
  'output_scores',
  'problem_type',
  'return_dict',
  'return_dict_in_generate',
  'task_specific_params',
  // training
  'attention_dropout',
  'hidden_dropout',
  'initializer_range',
  'router_aux_loss_coef',
  'tf_legacy_loss',
  // tokens that play no part in an answer
  'decoder_start_token_id',
  'pad_token_id',
  'prefix',
  'sep_token_id',
  // sampling: generation_config.json has the last word
  'bad_words_ids',
  'begin_suppress_tokens',
  'diversity_penalty',
  'do_sample',
  'early_stopping',
  'encoder_no_repeat_ngram_size',
  'exponential_decay_length_penalty',
  'forced_bos_token_id',
  'forced_eos_token_id',
  'length_penalty',
  'max_length',
  'min_length',
  'no_repeat_ngram_size',
  'num_beam_groups',
  'num_beams',
  'num_return_sequences',
  'remove_invalid_values',
  'repetition_penalty',
  'suppress_tokens',
  'temperature',
  'top_k',
  'top_p',
  'typical_p',
  // without effect while `use_sliding_window` is off, which is checked
  'max_window_layers',
  'sliding_window',
]);

/** Values at which a setting that is not implemented has no effect. */
const neutral: Readonly<Record<string, readonly unknown[]>> = {
  add_cross_attention: [false],
  is_decoder: [true, false],
  is_encoder_decoder: [false],
  partial_rotary_factor: [1],
  pruned_heads: [],
  qkv_bias: [true],
  rope_interleaved: [false],
  tie_encoder_decoder: [false],
  use_mrope: [false],
};

/** Whether an unread setting of config.json can be passed over. */
export function isHarmless(key: string, value: unknown): boolean {
  if (harmless.has(key)) return true;
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return Object.hasOwn(neutral, key) && (isEmpty || neutral[key]!.includes(value));
}
