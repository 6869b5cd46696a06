import { LonghandError } from '../../contract/errors.ts';

const TRY_EVERY_MS = 100;
const MOST_TRIES = 50;

/** An answer that was stopped is over for us at once, and for the engine after the block that it computes. */
export async function onceIdle<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LonghandError) || error.code !== 'model-in-use' || tries === MOST_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
    }
  }
}
