import type { ModelStatus } from '../contract/models.ts';
import type { Connection } from './connection.ts';

/**
 * Reports how the model comes to be there, until `onStatus` returns true or `signal` aborts. A restart of the
 * assistant does not end it.
 */
export async function followModel(
  connection: Connection,
  onStatus: (status: ModelStatus) => boolean,
  signal: AbortSignal,
): Promise<void> {
  try {
    await connection.run(async (client) => {
      for await (const status of await client.models.watch(undefined, { signal })) if (onStatus(status)) return;
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
