import type { Settings } from '../../main/contract/system.ts';

/** The numbers of sampling that a user may set, with what the contract allows. */
export type SamplingKey = 'temperature' | 'topP' | 'topK' | 'minP' | 'repetitionPenalty' | 'maxTokens' | 'seed';
export type SamplingValues = Partial<Record<SamplingKey, number | null>>;

export type SamplingField = { key: SamplingKey; least: number; most: number; step: number };

export const samplingFields: SamplingField[] = [
  { key: 'temperature', least: 0, most: 5, step: 0.1 },
  { key: 'topP', least: 0.01, most: 1, step: 0.05 },
  { key: 'topK', least: 0, most: Infinity, step: 1 },
  { key: 'minP', least: 0, most: 1, step: 0.05 },
  { key: 'repetitionPenalty', least: 0.01, most: 10, step: 0.05 },
  { key: 'maxTokens', least: 1, most: Infinity, step: 1 },
  { key: 'seed', least: 0, most: 0xffff_ffff, step: 1 },
];

/** What was typed as a number within the bounds; null where nothing was typed, 'fault' where it is no such number. */
export function readNumber(text: string, { least, most, step }: SamplingField): number | null | 'fault' {
  const trimmed = text.trim().replace(',', '.'); // the comma of many a keyboard
  if (trimmed === '') return null;
  const value = Number(trimmed);
  if (!Number.isFinite(value) || value < least || value > most) return 'fault';
  return step === 1 && !Number.isInteger(value) ? 'fault' : value;
}

/** The values of one conversation after a change; null where nothing is left that differs from the settings. */
export function changeSampling(values: SamplingValues | null, key: SamplingKey, value: number | null) {
  const { [key]: _, ...others } = values ?? {};
  const changed = value === null ? others : { ...others, [key]: value };
  return Object.keys(changed).length === 0 ? null : (changed as Partial<Record<SamplingKey, number>>);
}

export const samplingOf = (settings: Settings): SamplingValues =>
  Object.fromEntries(samplingFields.map(({ key }) => [key, settings[key]]));
