import type { ProcessRole } from '../contract/shell.ts';
import type { SupervisorOptions } from './supervisor.ts';
import { productVersion } from './version.ts';

/** Whether the assistant may fetch the starter model when there is none. */
export type FetchChoice = 'starter' | 'never';

export type LaunchOptions = { dataFolder: string; fetch: FetchChoice; files: Record<ProcessRole, string> };

/** How each shell starts the processes: only the files differ. */
export function processLaunches({ dataFolder, fetch, files }: LaunchOptions): SupervisorOptions['launches'] {
  return {
    assistant: {
      file: files.assistant,
      args: ['--data', dataFolder],
      env: {
        LONGHAND_FETCH: fetch,
        LONGHAND_VERSION: productVersion(),
        NODE_USE_ENV_PROXY: '1', // downloads go through the proxy that the environment names
      },
    },
    engine: { file: files.engine, args: [], env: {} },
    reader: { file: files.reader, args: [], env: {} },
    embedder: { file: files.embedder, args: [], env: {} },
  };
}
