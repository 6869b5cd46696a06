import { LonghandError } from '../contract/errors.ts';
import { Connection } from '../shell/connection.ts';
import { findDataFolder, ensureDataFolder } from '../shell/data-folder.ts';
import { awaitInstance, findInstance, type Instance } from '../shell/instance.ts';
import { createNodeSupervisor, type NodeShellOptions } from '../shell/node/start.ts';
import { openSocketPort } from '../shell/socket-port.ts';
import type { Supervisor } from '../shell/supervisor.ts';

export type SessionOptions = {
  data: string | undefined;
  fetch: 'starter' | 'never';
  say(line: string): void;
  log(line: string): void;
  files?: NodeShellOptions['files'];
};

/** The way to an assistant: that of a running Longhand, or one with processes of our own. */
export class Session {
  readonly #options: SessionOptions;
  #connection: Promise<Connection> | null = null;
  #supervisor: Supervisor | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** @throws LonghandError `data-folder-unusable` | `data-folder-in-use` | why the assistant cannot start */
  connect(): Promise<Connection> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  /** Ends what was started, in order; a Longhand that ran before goes on. */
  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => null);
    await connection?.close();
    await this.#supervisor?.stop();
  }

  async #connect(): Promise<Connection> {
    const { data, files, fetch, say, log } = this.#options;
    const dataFolder = findDataFolder(data);
    ensureDataFolder(dataFolder);
    const running = await findInstance(dataFolder);
    if (running) return connectTo(running);

    const supervisor = createNodeSupervisor({ dataFolder, fetch, say, log, files });
    this.#supervisor = supervisor;
    supervisor.start();
    const connection = new Connection(() => supervisor.connectClient());
    try {
      await connection.run((client) => client.system.hello());
      return connection;
    } catch (error) {
      if (!(error instanceof LonghandError && error.code === 'data-folder-in-use')) throw error;
      const started = await awaitInstance(dataFolder);
      if (started === null) throw error;
      return connectTo(started);
    }
  }
}

function connectTo({ address, commandToken }: Instance): Connection {
  return new Connection(() => openSocketPort(address, commandToken));
}
