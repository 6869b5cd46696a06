import { isEngineLoss } from '../../engine/client.ts';
import { answersInstead } from './answers-instead.ts';
import type { AnsweringModel, Models } from './models.ts';

/** Deaths of the engine one after the other, with nothing gained between them, before work gives up. */
const MOST_LOSSES = 2;

export type Visiting = {
  models: Pick<Models, 'visit'>;
  /** Of the model that the work is for. */
  name: string;
  signal: AbortSignal;
};

export type Stay = {
  model: AnsweringModel;
  /** Ends this run: the work was stopped, or the model is to be loaded otherwise. */
  stop: AbortSignal;
  /** Something came of this run that the next one need not do again. */
  gained(): void;
};

/**
 * Does work in the background with a model that nobody waits for: whoever loads it otherwise is not held up, and the work is
 * run again once it is back, as after a death of the engine.
 * @throws LonghandError `model-in-use` where another model answers, or the reason of `signal`, or what `run` throws
 */
export async function visiting<T>({ models, name, signal }: Visiting, run: (stay: Stay) => T | Promise<T>): Promise<T> {
  for (let losses = 0; ;) {
    const { model, left } = await models.visit(signal);
    if (model.name !== name) throw answersInstead(model.name, name);
    const stop = AbortSignal.any([signal, left]);
    let hasGained = false;
    try {
      const result = await run({ model, stop, gained: () => (hasGained = true) });
      stop.throwIfAborted();
      return result;
    } catch (error) {
      signal.throwIfAborted();
      losses = hasGained ? 0 : losses + 1;
      if (isEngineLoss(error) ? losses > MOST_LOSSES : !left.aborted) throw error;
    }
  }
}
