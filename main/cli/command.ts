import type { Connection } from '../shell/connection.ts';
import type { ProgressLine, ProgressStream } from '../shell/progress.ts';
import type { Interrupts } from './interrupts.ts';

/** `value` is how help names what the option takes. */
export type Option = { help: string } & ({ type: 'boolean' } | { type: 'string'; value: string });
export type Options = Record<string, Option>;
type ValueOf<T extends Option['type']> = T extends 'boolean' ? boolean : string;
type Values<O extends Options> = { [K in keyof O]?: ValueOf<O[K]['type']> | undefined };

/** Standard streams, as `process` has them. */
export type Io = {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: { write(text: string): unknown; isTTY?: boolean };
  stderr: ProgressStream;
};

export type Context<O extends Options = Options> = {
  values: Values<O>;
  positionals: string[];
  /** One JSON object instead of words, or one per line where results stream. */
  json: boolean;
  /** `--data` and `--model`. */
  data: string | undefined;
  model: string | undefined;
  io: Io;
  progress: ProgressLine;
  interrupts: Interrupts;
  /** The Longhand that runs on the data folder, or else processes of our own: started at the first call. */
  connect(): Promise<Connection>;
  /** A line of the result, on stdout. */
  print(line: string): void;
  /** A line about what happens, on stderr. */
  say(line: string): void;
};

export type Command<O extends Options = Options> = {
  name: string;
  /** What follows the name: '"QUESTION"'. */
  usage: string;
  summary: string;
  options: O;
  /** Whether it may fetch the starter model when there is none. */
  fetch: 'starter' | 'never';
  /** Resolves to the exit code. @throws UsageError, or what the assistant throws */
  run(context: Context<O>): Promise<number>;
};

/** Checks a command's use of its options against their declaration. */
export function defineCommand<const O extends Options>(command: Command<O>): Command {
  return command;
}

/** The command line makes no sense: exit code 2, and a hint at the help. */
export class UsageError extends Error {}

/** @throws UsageError unless `text` is absent or a number from `min` to `max`, and whole where `isWhole` */
export function parseNumber(
  option: string,
  text: string | undefined,
  { min, max, isWhole = false }: { min: number; max: number; isWhole?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  throw new UsageError(`--${option} takes a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}, not '${text}'`);
}
