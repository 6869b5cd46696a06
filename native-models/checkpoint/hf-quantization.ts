import type { HfSettings } from './hf-settings.ts';

/** How the linear layers of a checkpoint were quantised: integer codes in groups of inputs, two ways to pack them. */
export type Quantization = {
  packing: 'gptq' | 'awq';
  bits: 4 | 8;
  /** Inputs that share a scale; null where all of a row do. */
  groupSize: number | null;
  /** Every zero point is the middle of the codes. */
  symmetric: boolean;
  /** What is added to a stored zero point. */
  zeroOffset: 0 | 1;
  /** Groups may hold inputs from anywhere, as `g_idx` says. */
  scattered: boolean;
  /** Parts of the names of modules that were left as they were. */
  unconverted: readonly string[];
};

const BITS = { min: 1, max: 64 };
const GROUP = { min: -1, max: 1 << 24 };
const METHODS = ['gptq', 'awq'];

/** Notes on how the codes were found, and hints for the kernels of others. */
const harmless = new Set([
  'act_group_aware',
  'batch_size',
  'block_name_to_quantize',
  'cache_block_outputs',
  'damp_auto_increment',
  'damp_percent',
  'dataset',
  'disable_exllama',
  'do_fuse',
  'exllama_config',
  'fuse_max_seq_len',
  'max_input_length',
  'meta',
  'model_file_base_name',
  'model_name_or_path',
  'model_seqlen',
  'module_name_preceding_first_block',
  'modules_in_block_to_quantize',
  'modules_to_fuse',
  'mse',
  'pad_token_id',
  'quantizer',
  'static_groups', // g_idx says what came of it
  'tokenizer',
  'true_sequential',
  'use_cuda_fp16',
  'use_exllama',
]);

/**
 * Reads `quantization_config` of config.json, which is also what quantize_config.json holds in older checkpoints. Keys:
 * transformers `GPTQConfig` and `AwqConfig`, GPTQModel `QuantizeConfig`.
 * @throws CheckpointError `unsupported-setting` for other methods and variants, `missing-metadata`, `corrupt-checkpoint`
 */
export function readQuantization(settings: HfSettings): Quantization {
  const method = settings.optionalString('quant_method') ?? settings.optionalString('method') ?? 'gptq';
  settings.get('method'); // GPTQModel writes both
  if (!METHODS.includes(method)) refuseValue(settings, 'quant_method', method, METHODS);
  const bits = settings.integer('bits', BITS);
  if (bits !== 4 && !(bits === 8 && method === 'gptq')) {
    refuseValue(settings, 'bits', bits, method === 'gptq' ? [4, 8] : [4]);
  }
  const groupSize = settings.integer('group_size', GROUP);
  settings.optionalBoolean('lm_head'); // the head's tensors tell
  expectOnly(settings, 'pack_dtype', 'int32');
  expectOnly(settings, 'is_marlin_format', false);
  const exceptions = settings.optionalObject('dynamic')?.keys ?? [];
  if (exceptions.length > 0) settings.fail('unsupported-setting', 'dynamic', 'gives layers settings of their own');
  const variant = method === 'gptq' ? readGptq(settings) : readAwq(settings);
  const unconverted = readUnconverted(settings);
  settings.refuseUnknown((key) => harmless.has(key));
  return { ...variant, bits: bits === 8 ? 8 : 4, groupSize: groupSize <= 0 ? null : groupSize, unconverted };
}

type Variant = Pick<Quantization, 'packing' | 'symmetric' | 'zeroOffset' | 'scattered'>;

function readGptq(settings: HfSettings): Variant {
  const format = readFormat(settings, ['gptq', 'gptq_v2']);
  settings.get('backend'); // the kernels of others
  return {
    packing: 'gptq',
    symmetric: settings.optionalBoolean('sym') ?? false,
    zeroOffset: format === 'gptq_v2' ? 0 : 1,
    scattered: settings.optionalBoolean('desc_act') ?? false,
  };
}

function readAwq(settings: HfSettings): Variant {
  readFormat(settings, ['gemm']);
  expectOnly(settings, 'backend', 'autoawq'); // another one packs otherwise
  expectOnly(settings, 'sym', false);
  expectOnly(settings, 'desc_act', false);
  expectOnly(settings, 'zero_point', true);
  return { packing: 'awq', symmetric: false, zeroOffset: 0, scattered: false };
}

/** The layout of the packed tensors, which goes by three names; the first of `supported` where none is given. */
function readFormat(settings: HfSettings, supported: readonly string[]): string {
  let format: string | undefined;
  for (const key of ['checkpoint_format', 'format', 'version']) {
    const found = settings.optionalString(key)?.toLowerCase();
    if (found === undefined) continue;
    if (!supported.includes(found) || (format !== undefined && format !== found)) {
      refuseValue(settings, key, found, format === undefined ? supported : [format]);
    }
    format = found;
  }
  return format ?? supported[0]!;
}

function readUnconverted(settings: HfSettings): string[] {
  const found: unknown = settings.get('modules_to_not_convert') ?? [];
  const isName = (name: unknown): name is string => typeof name === 'string' && name !== '';
  const names: unknown[] | null = Array.isArray(found) ? found : null;
  return names?.every(isName)
    ? names
    : settings.fail('corrupt-checkpoint', 'modules_to_not_convert', 'is not a list of names');
}

function expectOnly(settings: HfSettings, key: string, supported: string | boolean): void {
  const found = settings.get(key) ?? supported;
  if (found !== supported) refuseValue(settings, key, found, [supported]);
}

function refuseValue(settings: HfSettings, key: string, value: unknown, supported: readonly unknown[]): never {
  const found = JSON.stringify(value).slice(0, 80);
  const message = `is ${found}; supported: ${supported.join(', ')}`;
  return settings.fail('unsupported-setting', key, message, { found, supported });
}
