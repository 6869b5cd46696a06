import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../native-models/checkpoint/index.ts';
import { readQuantization } from '../../native-models/checkpoint/hf-quantization.ts';
import { HfSettings } from '../../native-models/checkpoint/hf-settings.ts';

const gptq = { quant_method: 'gptq', bits: 4, group_size: 128, sym: true, desc_act: false };
const awq = { quant_method: 'awq', bits: 4, group_size: 128, version: 'gemm', zero_point: true };

const read = (settings: Record<string, unknown>) => readQuantization(new HfSettings('config.json', settings));

function refusal(settings: Record<string, unknown>): CheckpointError {
  try {
    read(settings);
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('the quantisation that config.json describes', () => {
  it('is read for GPTQ, whose first format stores zero points one less', () => {
    const common = { packing: 'gptq', bits: 4, groupSize: 128, symmetric: true, scattered: false, unconverted: [] };
    expect(read(gptq)).toEqual({ ...common, zeroOffset: 1 });
    expect(read({ ...gptq, checkpoint_format: 'gptq_v2' })).toEqual({ ...common, zeroOffset: 0 });
  });

  it('is read for AWQ', () => {
    expect(read({ ...awq, version: 'GEMM', backend: 'autoawq', modules_to_not_convert: ['lm_head'] })).toEqual({
      packing: 'awq',
      bits: 4,
      groupSize: 128,
      symmetric: false,
      zeroOffset: 0,
      scattered: false,
      unconverted: ['lm_head'],
    });
  });

  it('takes a group of no size for a whole row', () => {
    expect(read({ ...gptq, group_size: -1 }).groupSize).toBeNull();
  });

  it('is read from a file of its own too, which names no method', () => {
    const { quant_method: _, ...apart } = gptq;
    const alone = { ...apart, damp_percent: 0.01, model_name_or_path: null, model_file_base_name: 'model' };
    expect(read(alone).packing).toBe('gptq');
  });

  it('is not changed by notes, hints for the kernels of others or empty settings', () => {
    const notes = {
      meta: { quantizer: 'x' },
      dataset: ['c4'],
      exllama_config: { version: 2 },
      dynamic: {},
      adapter: null,
    };
    expect(read({ ...gptq, ...notes, pack_dtype: 'int32', lm_head: false })).toEqual(read(gptq));
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['another method', { ...gptq, quant_method: 'fp8' }, 'quant_method', 'is "fp8"; supported: gptq, awq'],
    ['three bits', { ...gptq, bits: 3 }, 'bits', 'is 3; supported: 4, 8'],
    ['eight bits of AWQ', { ...awq, bits: 8 }, 'bits', 'is 8; supported: 4'],
    ['a layout for one kind of kernel', { ...gptq, checkpoint_format: 'marlin' }, 'checkpoint_format', '"marlin"'],
    ['the older flag of that', { ...gptq, is_marlin_format: true }, 'is_marlin_format', 'is true'],
    ['another version of AWQ', { ...awq, version: 'gemv' }, 'version', 'is "gemv"; supported: gemm'],
    ['another packer of AWQ', { ...awq, backend: 'llm-awq' }, 'backend', 'is "llm-awq"; supported: autoawq'],
    ['AWQ without zero points', { ...awq, zero_point: false }, 'zero_point', 'is false'],
    [
      'two formats',
      { ...gptq, checkpoint_format: 'gptq', format: 'gptq_v2' },
      'format',
      'is "gptq_v2"; supported: gptq',
    ],
    ['words of another width', { ...gptq, pack_dtype: 'int16' }, 'pack_dtype', 'is "int16"'],
    ['layers with settings of their own', { ...gptq, dynamic: { '+:.*down.*': { bits: 8 } } }, 'dynamic', 'own'],
    ['a setting that nobody knows', { ...gptq, rotation: 'hadamard' }, 'rotation', 'not supported'],
  ])('is refused with %s, which it names', (_what, settings, key, words) => {
    const error = refusal(settings);
    expect(error).toMatchObject({ code: 'unsupported-setting', details: { path: 'config.json', key } });
    expect(error.message).toContain(words);
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['no bits', { ...gptq, bits: undefined }, 'bits', 'missing-metadata'],
    ['bits in words', { ...gptq, bits: 'four' }, 'bits', 'corrupt-checkpoint'],
    ['no group size', { ...gptq, group_size: null }, 'group_size', 'missing-metadata'],
    ['half a group', { ...gptq, group_size: 0.5 }, 'group_size', 'corrupt-checkpoint'],
    ['a group without end', { ...gptq, group_size: 1e30 }, 'group_size', 'corrupt-checkpoint'],
    ['a symmetry in words', { ...gptq, sym: 'yes' }, 'sym', 'corrupt-checkpoint'],
    [
      'exceptions that are no list',
      { ...awq, modules_to_not_convert: 'all' },
      'modules_to_not_convert',
      'corrupt-checkpoint',
    ],
    [
      'an exception without a name',
      { ...awq, modules_to_not_convert: [''] },
      'modules_to_not_convert',
      'corrupt-checkpoint',
    ],
  ])('is refused with %s', (_what, settings, key, code) => {
    expect(refusal(settings)).toMatchObject({ code, details: { key } });
  });
});
