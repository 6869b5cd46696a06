import { parseArgs } from 'node:util';
import { toStoredError } from '../contract/errors.ts';
import type { NodeShellOptions } from '../shell/node/start.ts';
import { ProgressLine } from '../shell/progress.ts';
import { productVersion } from '../shell/version.ts';
import { UsageError, type Command, type Context, type Io } from './command.ts';
import { commands } from './commands/index.ts';
import { commandHelp, commonOptions, overview } from './help.ts';
import { Interrupts } from './interrupts.ts';
import { Session } from './session.ts';

type Ending = {
  /** Calls back for each signal that asks us to end, with the exit code that it stands for. */
  onSignal(listener: (exitCode: number) => void): void;
  exit(code: number): void;
};

/**
 * Runs the command line `argv` to its exit code: 0 done, 1 failed with one line on stderr, 2 wrong usage, 130 stopped
 * with Ctrl-C. Results go to stdout, everything else to stderr.
 */
export async function run(argv: string[], io: Io, ending: Ending, files?: NodeShellOptions['files']): Promise<number> {
  const progress = new ProgressLine(io.stderr);
  const say = (line: string) => {
    progress.clear();
    io.stderr.write(`${line}\n`);
  };
  try {
    const [name, ...rest] = argv;
    const command = commands.find((one) => one.name === name);
    if (command === undefined) return answerAbout(name, rest, io);
    return await runCommand(command, rest, { io, progress, say, ending, files });
  } catch (error) {
    if (error instanceof UsageError) {
      const about = commands.some(({ name }) => name === argv[0]) ? ` ${argv[0]}` : '';
      say(`longhand: ${error.message}. See: longhand help${about}`);
      return 2;
    }
    say(`longhand: ${toStoredError(error).message}`);
    return 1;
  }
}

type Surroundings = Pick<Context, 'io' | 'progress' | 'say'> & { ending: Ending; files?: NodeShellOptions['files'] };

async function runCommand(
  command: Command,
  args: string[],
  { io, progress, say, ending, files }: Surroundings,
): Promise<number> {
  const { values, positionals } = parse(command, args);
  if (values.help === true) {
    io.stdout.write(commandHelp(command));
    return 0;
  }
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined);
  for (const name of ['data', 'model']) if (text(name) === '') throw new UsageError(`--${name} must not be empty`);
  const session = new Session({
    data: text('data'),
    fetch: values['no-fetch'] === true ? 'never' : command.fetch,
    say,
    log: values.verbose === true ? say : () => {},
    files,
  });
  const ended = Promise.withResolvers<number>();
  const interrupts = new Interrupts(
    () => ended.resolve(130),
    () => ending.exit(130),
  );
  ending.onSignal((exitCode) => (exitCode === 130 ? interrupts.interrupt() : ended.resolve(exitCode)));
  const running = command.run({
    values,
    positionals,
    json: values.json === true,
    data: text('data'),
    model: text('model'),
    io,
    progress,
    interrupts,
    connect: () => session.connect(),
    print: (line) => void io.stdout.write(`${line}\n`),
    say,
  });
  running.catch(() => {}); // once a signal has ended us, what is left of the command may fail as it likes
  try {
    return await Promise.race([running, ended.promise]);
  } finally {
    progress.clear();
    await session.close();
  }
}

function parse({ options }: Command, args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { ...options, ...commonOptions },
      allowPositionals: true,
    });
    return { values: values as Record<string, string | boolean | undefined>, positionals };
  } catch (error) {
    // Its second sentence explains how to pass arguments that begin with a dash, which helps nobody who mistyped.
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(first.replace(/^./, (letter) => letter.toLowerCase()));
  }
}

function answerAbout(name: string | undefined, rest: string[], { stdout, stderr }: Io): number {
  if (name === '--version') {
    stdout.write(`${productVersion()}\n`);
    return 0;
  }
  if (name === undefined) {
    stderr.write(overview(commands));
    return 2;
  }
  const about = commands.find((one) => one.name === rest[0]);
  if ((name === 'help' || name === '--help') && (rest.length === 0 || about !== undefined)) {
    stdout.write(about === undefined ? overview(commands) : commandHelp(about));
    return 0;
  }
  throw new UsageError(`there is no command '${name === 'help' ? (rest[0] ?? '') : name}'`);
}
