import type { Port } from '../contract/client.ts';
import type { ProcessRole } from '../contract/shell.ts';

/** What to start: `file` is a module of ours, `env` is added to the shell's own environment. */
export type Launch = { role: ProcessRole; file: string; args: string[]; env: Record<string, string> };

/** How a process ended, with the last lines it printed: a crash of native code explains itself nowhere else. */
export type ProcessExit = { code: number | null; signal: string | null; lastLines: string[] };

/** A running process, whichever way the platform started it. */
export type ShellProcess = {
  readonly pid: number | null;
  /** Settles once, when the process is gone and its ports are closed. */
  readonly exited: Promise<ProcessExit>;
  /** Hands over ports of `Platform.channel`. A process that is gone ignores it. */
  postMessage(data: unknown, ports: Port[]): void;
  /** Asks it to close what it has open and end. */
  end(): void;
  /** Ends it at once (SIGKILL). */
  kill(): void;
};

/** The one difference between the shells: child processes under Node, utility processes under Electron. */
export type Platform = {
  spawn(launch: Launch): ShellProcess;
  /** A pair of joined ports, either of which `ShellProcess.postMessage` may take away. */
  channel(): [Port, Port];
};
