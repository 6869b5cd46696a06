import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export type Run = {
  /** Whether its window came to be shown. */
  hasStarted: boolean;
  exitCode: number;
};

const READY = 'Longhand is ready';

/**
 * Runs Electron on the project until it ends; what it prints goes on to our own output.
 * @param root the folder with package.json
 */
export function runElectron(binary: string, root: string, args: string[]): Promise<Run> {
  const { ELECTRON_RUN_AS_NODE: _set, ...env } = process.env; // terminals inside an editor made with Electron set it
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : []; // it refuses otherwise
  const child = spawn(binary, [...asRoot, root, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: process.platform !== 'win32', // a Ctrl-C is for us to pass on, lest it hit the assistant at its work
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4096);
    process.stdout.write(chunk);
    hasStarted ||= said.includes(READY);
  });
  let hasStarted = false;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    child.kill('SIGTERM');
  };
  for (const signal of signals) process.on(signal, stop);
  return new Promise((resolve) => {
    const end = (exitCode: number) => {
      for (const signal of signals) process.off(signal, stop);
      resolve({ hasStarted: hasStarted || isStopped, exitCode });
    };
    child.on('error', () => end(1));
    child.on('close', (code, signal) => end(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
}
