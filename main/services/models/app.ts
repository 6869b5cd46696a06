import { isAbsolute } from 'node:path';
import { implement } from '@orpc/server';
import { models as contract, type ReadingPrice } from '../../contract/models.ts';
import type { PathRule } from '../path-rule.ts';
import type { Cards } from './cards.ts';
import type { Installer } from './install.ts';
import type { Models } from './models.ts';
import type { Planner } from './planner.ts';
import type { Verifier } from './verify/verifier.ts';

type Parts = {
  verifier: Verifier;
  models: Models;
  installer: Installer;
  cards: Cards;
  planner: Planner;
  /** What the model that answers takes for the end of a prompt. */
  price(range: { promptTokens: number; cachedTokens: number }): Promise<ReadingPrice | null>;
  mayName: PathRule;
};

export function modelsApp({ verifier, models, installer, cards, planner, price, mayName }: Parts) {
  const os = implement(contract);
  return os.router({
    list: os.list.handler(() => models.list()),
    cards: os.cards.handler(({ input }) => cards.list(input)),
    status: os.status.handler(() => models.status()),
    watch: os.watch.handler(({ signal }) => models.watch(signal)),
    plan: os.plan.handler(async ({ input }) => {
      for (const path of [input.name, input.base ?? '']) if (isAbsolute(path)) await mayName(path);
      return installer.withBase(input.base, (base) => planner.plan({ ...input, base }));
    }),
    look: os.look.handler(({ input, signal }) => installer.look(input.name, signal)),
    import: os.import.handler(async ({ input }) => {
      await mayName(input.path);
      if (input.base !== undefined && isAbsolute(input.base)) await mayName(input.base);
      return installer.import(input);
    }),
    pull: os.pull.handler(({ input }) => installer.pull(input.name, input)),
    readingPrice: os.readingPrice.handler(({ input }) => price(input)),
    contexts: os.contexts.handler(({ input }) => planner.contexts(models.find(input.name))),
    setContext: os.setContext.handler(async ({ input: { name, ...changes } }) => {
      await planner.checkContext(models.find(name), changes);
      return models.setContext(name, changes);
    }),
    verify: os.verify.handler(({ input }) => verifier.start(input.name, input.to)),
    verification: os.verification.handler(({ input }) => verifier.result(input.name)),
    use: os.use.handler(({ input }) => models.use(input.name)),
    remove: os.remove.handler(({ input }) => installer.remove(input.name)),
  });
}
