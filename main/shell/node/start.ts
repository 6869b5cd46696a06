import { fileURLToPath } from 'node:url';
import type { ProcessRole } from '../../contract/shell.ts';
import { processLaunches, type FetchChoice } from '../launches.ts';
import { isFatalLine, Supervisor, type SupervisorOptions } from '../supervisor.ts';
import { createChannel } from './channel.ts';
import { spawnNode } from './node-process.ts';

export type NodeShellOptions = {
  dataFolder: string;
  fetch: FetchChoice;
  /** Takes what a user should know about the processes. */
  say(line: string): void;
  /** Takes what the processes print, with the role in front. */
  log(line: string): void;
  /** Other entry files, and other patience with processes that die, for tests. */
  files?: Partial<Record<ProcessRole, string>> | undefined;
  restartDelayMs?: SupervisorOptions['restartDelayMs'];
  isChosen?: SupervisorOptions['isChosen'];
  onMoved?: SupervisorOptions['onMoved'];
};

const sources = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Longhand's processes as children of this plain Node process. */
export function createNodeSupervisor(options: NodeShellOptions): Supervisor {
  const { dataFolder, fetch, say, log, files, restartDelayMs, isChosen, onMoved } = options;
  return new Supervisor({
    say,
    restartDelayMs,
    isChosen,
    onMoved,
    platform: {
      channel: createChannel,
      spawn: (launch) => spawnNode(launch, (line) => isFatalLine(line) || log(`[${launch.role}] ${line}`)),
    },
    launches: processLaunches({
      dataFolder,
      fetch,
      files: {
        assistant: files?.assistant ?? sources('services/process.ts'),
        engine: files?.engine ?? sources('engine/process.ts'),
        reader: files?.reader ?? sources('reader/process.ts'),
        embedder: files?.embedder ?? sources('embedder/process.ts'),
      },
    }),
  });
}
