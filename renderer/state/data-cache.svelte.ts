import type { Connection } from '../app/connection.ts';

/** What was computed of conversations and is kept on the disk. */
export class DataCache {
  /** Bytes that are kept, and that may be; null while that is unknown. */
  room = $state.raw<{ bytes: number; budgetBytes: number } | null>(null);
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  load = async () => {
    this.room = await this.#connection.call((client) => client.system.cache());
  };

  /** @returns bytes that are free again */
  clear = async (): Promise<number> => {
    const { freedBytes } = await this.#connection.call((client) => client.system.clearCache());
    await this.load();
    return freedBytes;
  };
}
