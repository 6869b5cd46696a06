import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type Running = {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** The first match on either stream, once there is one. Rejects with all output when the process ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** The exit code; a signal counts as it does in a shell's `$?`. */
  ended: Promise<number>;
};

const started = new Set<ChildProcess>();

/** Runs a script of the repository as a user would, without a display and with an environment of the test's. */
export function runScript(path: string, args: string[], env: Record<string, string> = {}, stdin?: string): Running {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { DISPLAY: _display, WAYLAND_DISPLAY: _wayland, LONGHAND_DATA: _data, ...own } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path, ...args], {
    cwd: root,
    env: { ...own, ...env },
  });
  started.add(child);
  if (stdin !== undefined) child.stdin.end(stdin);
  const text = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
    started.delete(child);
    return typeof code === 'number' ? code : signal === 'SIGKILL' ? 137 : 143;
  });
  return {
    child,
    ended,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    says(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = () => {
        const match = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
        if (match) resolve(match);
      };
      listeners.add(look);
      look();
      void ended.then(() => reject(new Error(`ended without saying ${pattern}:\n${text.stdout}${text.stderr}`)));
      return promise.finally(() => listeners.delete(look));
    },
  };
}

/** Ends what a test has left running, in order, so that nothing writes into its folder any more. */
export function endScripts(): Promise<unknown> {
  return Promise.all(
    [...started].map((child) => {
      child.kill('SIGTERM');
      return once(child, 'close');
    }),
  );
}
