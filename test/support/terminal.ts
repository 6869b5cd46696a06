import { Readable } from 'node:stream';
import { run } from '../../main/cli/run.ts';
import type { NodeShellOptions } from '../../main/shell/node/start.ts';

export type Typed = { code: number; stdout: string; stderr: string };
export type TypingOptions = {
  stdin?: string;
  isTerminal?: boolean;
  files?: NodeShellOptions['files'];
  /** Called with all output so far whenever there is more, and with a way to press Ctrl-C. */
  onOutput?(stdout: string, pressCtrlC: () => void): void;
};

/** Runs the command line in this process, as typed: `type(['ask', 'Why?'])`. */
export async function type(argv: string[], options: TypingOptions = {}): Promise<Typed> {
  const { stdin, isTerminal = false, files, onOutput } = options;
  const text = { stdout: '', stderr: '' };
  let pressCtrlC = () => {};
  const exited = Promise.withResolvers<number>();
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: isTerminal,
    write(chunk: string) {
      text[name] += chunk;
      onOutput?.(text.stdout, () => pressCtrlC());
    },
  });
  const io = {
    stdin: Object.assign(Readable.from(stdin === undefined ? [] : [stdin]), { isTTY: stdin === undefined }),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  };
  const ending = {
    onSignal: (listener: (exitCode: number) => void) => void (pressCtrlC = () => listener(130)),
    exit: (code: number) => exited.resolve(code),
  };
  const code = await Promise.race([run(argv, io, ending, files), exited.promise]);
  return { code, ...text };
}
