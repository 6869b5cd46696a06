import { contextMethod } from '../contract/engine.ts';
import { contextOptions, type ContextChoices, type ContextOptions } from '../contract/models.ts';
import { formatBytes } from '../shell/progress.ts';
import { parseNumber, UsageError } from './command.ts';
import { table } from './table.ts';

/** What the command line asks of a model's context; empty where it only wants to know. @throws UsageError */
export function contextChanges(values: Record<string, unknown>): Partial<ContextOptions> {
  const changes: Partial<ContextOptions> = {};
  if (typeof values.context === 'string') {
    const isTrained = values.context === 'trained';
    const limits = { min: 256, max: 1e8, isWhole: true };
    changes.contextTokens = isTrained ? null : (parseNumber('context', values.context, limits) ?? null);
  }
  if (values.method !== undefined) changes.method = oneOf('method', contextMethod.options, values.method);
  const kvType = kvTypeOf(values.kv);
  if (kvType !== undefined) changes.kvType = kvType;
  if (values.sparse !== undefined) changes.sparse = oneOf('sparse', ['on', 'off'], values.sparse) === 'on';
  return changes;
}

const HEADINGS = ['context', 'cache', 'memory when full', 'time to fill', ''];

/** The lengths that can be chosen, a row each, with what they take, and whether what lies far behind is read sparsely. */
export function describeChoices(all: ContextChoices): string[] {
  const { fromTokens, readTokens } = all.sparse;
  const [from, read] = [fromTokens.toLocaleString('en'), readTokens.toLocaleString('en')];
  const means = `beyond ${from} tokens, ${read} are read for each: faster far down, may miss things`;
  return [...describeLengths(all), `Sparse reading is ${all.options.sparse ? `on: ${means}` : `off (${means})`}.`];
}

function describeLengths({ options, claimedTokens, choices }: ContextChoices): string[] {
  const chosen = options.contextTokens ?? claimedTokens;
  return table(
    HEADINGS,
    choices.map(({ contextTokens, kvType, memoryBytes, fillSeconds, fits }) => [
      contextTokens.toLocaleString('en'),
      kvType,
      formatBytes(memoryBytes),
      fillSeconds === null ? 'not measured' : `about ${Math.round(fillSeconds)} s`,
      [
        ...(contextTokens === chosen ? ['chosen'] : []),
        ...(contextTokens > claimedTokens ? ['beyond the trained length'] : []),
        ...(fits ? [] : ['too large for this machine']),
      ].join(', '),
    ]),
  );
}

/** The form of the cache that was asked for. @throws UsageError */
export function kvTypeOf(value: unknown): ContextOptions['kvType'] | undefined {
  return value === undefined ? undefined : oneOf('kv', contextOptions.shape.kvType.unwrap().options, value);
}

function oneOf<T extends string>(option: string, choices: readonly T[], value: unknown): T {
  const chosen = choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  throw new UsageError(`--${option} takes ${choices.join(', ')}, not '${String(value)}'`);
}
