import type { NodeShellOptions } from '../shell/node/start.ts';
import { run } from './run.ts';

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs the command line of this very process and ends it. `files` are other entry files, for tests. */
export async function runAsProgram(files?: NodeShellOptions['files']): Promise<void> {
  // A reader that has seen enough (`longhand ask … | head -1`) closes the pipe; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const code = await run(
    process.argv.slice(2),
    process,
    {
      onSignal(listener) {
        for (const [signal, exitCode] of Object.entries(EXIT_CODES)) process.on(signal, () => listener(exitCode));
      },
      exit: (exitCode) => process.exit(exitCode),
    },
    files,
  );
  // Not by itself: standard input may still be open. The empty write waits for what a pipe has not taken yet.
  process.stdout.write('', () => process.exit(code));
}
