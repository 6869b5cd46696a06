import { z } from 'zod';
import { readJsonFile } from './hf-json.ts';
import { HfSettings } from './hf-settings.ts';
import { namePattern, NamePatternError } from './name-pattern.ts';

const MAX_CONFIG_BYTES = 1024 * 1024;
const RANK = { min: 1, max: 8192 };
const ALPHA = { min: -1e9, max: 1e9 };

/** What adapter_config.json says of an adapter; modules go by their names in the base model, such as `lm_head`. */
export type LoraConfig = {
  /** As whoever trained it called the base: a name at a hub, or a path on another machine. */
  base: string | null;
  /** Names of modules, or ends of them, that must all be adapted; null where a pattern or a choice of layers says which. */
  targets: readonly string[] | null;
  /** Ends of the names of modules that were trained whole. */
  modulesToSave: readonly string[];
  rank(module: string): number;
  /** What B A is multiplied by: alpha / rank, or alpha / sqrt(rank) (rsLoRA, arXiv 2312.03732). */
  scale(module: string): number;
};

/** How it was trained, or what the tensors say besides. Every layer of the families here is linear as `fan_in_fan_out` false. */
const harmless = new Set([
  'auto_mapping',
  'bias',
  'corda_config',
  'eva_config',
  'fan_in_fan_out',
  'inference_mode',
  'layers_pattern',
  'loftq_config',
  'lora_dropout',
  'lora_ga_config',
  'megatron_core',
  'peft_version',
  'qalora_group_size',
  'revision',
  'runtime_config',
]);

/** Settings that change what is computed, unless they are false or empty. */
const neutralWhenOff = new Set([
  'alora_invocation_tokens',
  'arrow_config',
  'ensure_weight_tying',
  'kasa_config',
  'layer_replication',
  'lora_bias',
  'megatron_config',
  'monteclora_config',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_dora',
  'use_qalora',
  'velora_config',
]);

/** Ways to begin that leave the base as it is; others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) take something out of it first. */
const plainStarts: readonly (string | boolean | undefined)[] = [
  undefined,
  true,
  false,
  'gaussian',
  'eva',
  'orthogonal',
];

const names = z.array(z.string());

/**
 * Reads adapter_config.json at `path`. A setting that would change the result and is not implemented is refused.
 * Source: peft `LoraConfig`, and `get_pattern_key` for the patterns.
 * @throws CheckpointError `unsupported-setting` | `missing-metadata` | `corrupt-checkpoint` | `limit-exceeded`
 */
export async function readLoraConfig(path: string): Promise<LoraConfig> {
  const settings = new HfSettings(path, await readJsonFile(path, z.record(z.string(), z.unknown()), MAX_CONFIG_BYTES));
  expectOneOf(settings, 'peft_type', ['LORA']);
  expectOneOf(settings, 'task_type', [undefined, 'CAUSAL_LM']);
  expectOneOf(settings, 'init_lora_weights', plainStarts);
  const rank = settings.integer('r', RANK);
  const alpha = settings.number('lora_alpha', ALPHA);
  const ranks = readPattern(settings, 'rank_pattern', RANK);
  const alphas = readPattern(settings, 'alpha_pattern', ALPHA);
  const isRootScaled = settings.optionalBoolean('use_rslora') ?? false;
  const targets = names.safeParse(settings.get('target_modules')).data ?? null;
  const hasChoice = [settings.get('layers_to_transform'), settings.get('exclude_modules')].some((one) => !isOff(one));
  const modulesToSave = settings.get('modules_to_save') ?? [];
  const saved = names.safeParse(modulesToSave);
  if (!saved.success) settings.fail('corrupt-checkpoint', 'modules_to_save', 'should be a list of names');
  const base = settings.optionalString('base_model_name_or_path') ?? null;
  settings.refuseUnknown((key, value) => harmless.has(key) || (neutralWhenOff.has(key) && isOff(value)));

  const rankOf = (module: string) => ranks(module) ?? rank;
  return {
    base,
    targets: hasChoice ? null : targets,
    modulesToSave: saved.data ?? [],
    rank: rankOf,
    scale(module) {
      const of = rankOf(module);
      return (alphas(module) ?? alpha) / (isRootScaled ? Math.sqrt(of) : of);
    },
  };
}

/** Whether a list of targets names this module: by its whole name or the end of it. */
export function isNamed(module: string, target: string): boolean {
  return module === target || module.endsWith(`.${target}`);
}

/** Values by module; the keys are regular expressions of module names, or of what follows a dot in them. */
function readPattern(settings: HfSettings, key: string, range: { min: number; max: number }) {
  const pattern = settings.optionalObject(key);
  const values = (pattern?.keys ?? []).map((source) => {
    const value = pattern!.number(source, range);
    return orRefuse(source, () => ({ source, value, matches: namePattern(`(.*\\.)?(${source})`) }));
  });
  function orRefuse<T>(source: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof NamePatternError)) throw error;
      const found = JSON.stringify(source.slice(0, 80));
      return settings.fail('unsupported-setting', key, `has the pattern ${found}, which ${error.message}`, { found });
    }
  }
  return (module: string): number | undefined =>
    values.find(({ source, matches }) => orRefuse(source, () => matches(module)))?.value;
}

function expectOneOf(settings: HfSettings, key: string, allowed: readonly (string | boolean | undefined)[]): void {
  const value = settings.get(key);
  if (allowed.some((one) => one === value)) return;
  const found = JSON.stringify(value)?.slice(0, 80) ?? 'left out';
  const expected = allowed.filter((one) => one !== undefined);
  settings.fail('unsupported-setting', key, `is ${found}; supported is ${expected.join(', ')}`, { found, expected });
}

function isOff(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
