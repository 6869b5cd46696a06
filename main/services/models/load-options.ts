import type { KvType } from '../../../native-models/attention/kv-type.ts';
import { KV_PAGE } from '../../../native-models/attention/kv-type.ts';
import { kvBytes } from '../../../native-models/plan/index.ts';
import { contextOptions, type ContextOptions } from '../../contract/models.ts';
import type { Settings } from '../../contract/system.ts';
import type { LoadInput } from '../../engine/client.ts';
import type { Manifest } from './shelf.ts';

/** Of this machine's memory, what the keys and values of a whole context may take in float32 before int8 is chosen. */
const FLOAT_SHARE = 0.25;

/** What the user wants of a model's context; what was never chosen is as the schema says. */
export function contextOptionsOf({ contexts }: Pick<Settings, 'contexts'>, name: string): ContextOptions {
  return Object.hasOwn(contexts, name) ? contexts[name]! : contextOptions.parse({});
}

/** A model as the engine is to load it: as its checkpoint claims, unless the user chose otherwise. */
export function loadOptions(
  manifest: Manifest,
  options: ContextOptions,
  memoryBytes: number,
): Pick<LoadInput, 'contextTokens' | 'method' | 'kvType' | 'sparse'> {
  const contextTokens = options.contextTokens ?? manifest.contextTokens;
  const { method, sparse } = options;
  return {
    contextTokens: options.contextTokens,
    method,
    sparse,
    kvType: chosenKvType(manifest, contextTokens, options, memoryBytes),
  };
}

/** The form of the cache: the chosen one; left to us, the exact one while a whole context in it is no burden. */
export function chosenKvType(
  shape: Pick<Manifest, 'layers' | 'heads' | 'kvHeads' | 'headDim'>,
  contextTokens: number,
  { kvType }: Pick<ContextOptions, 'kvType'>,
  memoryBytes: number,
): KvType {
  if (kvType !== 'auto') return kvType;
  const { layers, heads, kvHeads, headDim } = shape;
  if (layers === undefined || heads === undefined || kvHeads === undefined || headDim === undefined) return 'float32';
  const bytes = kvBytes({ layers, heads, kvHeads, headDim }, contextTokens, 'float32');
  return bytes <= memoryBytes * FLOAT_SHARE ? 'float32' : 'int8';
}

/** Whether a context can be longer than the checkpoint claims: its trained length must hold a chunk of whole pages. */
export function canBeLonger({ contextTokens }: Pick<Manifest, 'contextTokens'>): boolean {
  return contextTokens >= 2 * KV_PAGE;
}
