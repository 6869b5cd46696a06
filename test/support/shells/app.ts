import type { Page } from '@playwright/test';
import { connect, type Port } from '../../../main/contract/client.ts';
import type { LonghandClient } from '../../../main/contract/index.ts';
import type { ProcessRole } from '../../../main/contract/shell.ts';

export type ShellName = 'browser' | 'stand-in' | 'electron';

export type Start = {
  /** The data folder; anything may be there already. */
  dataFolder: string;
  /** A GGUF to install at the first start; null: there is no model, and none is fetched. */
  model: string | null;
};

/** The whole product in one of its shells, over a data folder of its own. */
export type App = {
  /** The page as a user finds it after a start. `spare` is a page that a shell without a window of its own may use. */
  show(spare: Page): Promise<Page>;
  /** One call over a line of its own. */
  call<T>(run: (client: LonghandClient) => Promise<T>): Promise<T>;
  /** SIGKILL, as the system does when memory runs out. */
  kill(role: ProcessRole): Promise<void>;
  /** Does what makes the shell ask for files, and answers with `paths`. */
  chooseFiles(ui: Page, paths: string[], ask: () => Promise<void>): Promise<void>;
  /** Lets go of the file at `path` over the window, as the system does after a drag. */
  dropFile(ui: Page, path: string): Promise<void>;
  /** Ends it as a user does, and settles when nothing of it runs any more. */
  stop(): Promise<void>;
};

/** A drag of a real file, which has a path where the shell tells it. */
export const dropFile = (ui: Page, path: string): Promise<void> => dropFiles(ui, [path]);

/** The same of several at once. */
export async function dropFiles(ui: Page, files: string[]): Promise<void> {
  const devtools = await ui.context().newCDPSession(ui);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await devtools.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
  }
  await devtools.detach();
}

/** `call` and `kill` over any way of opening a port. */
export function overPorts(openPort: () => Promise<Port>): Pick<App, 'call' | 'kill'> {
  const call: App['call'] = async (run) => {
    const port = await openPort();
    try {
      return await run(connect<LonghandClient>(port));
    } finally {
      port.close?.();
    }
  };
  return {
    call,
    async kill(role) {
      const processes = await call((client) => client.system.processes());
      const pid = processes.find((one) => one.role === role)?.pid ?? null;
      if (pid === null) throw new Error(`the ${role} does not run`);
      process.kill(pid, 'SIGKILL');
    },
  };
}
