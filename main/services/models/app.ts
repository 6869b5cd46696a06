import { implement } from '@orpc/server';
import { models as contract } from '../../contract/models.ts';
import type { Cards } from './cards.ts';
import type { Installer } from './install.ts';
import type { Models } from './models.ts';
import type { Planner } from './planner.ts';

type Parts = { models: Models; installer: Installer; cards: Cards; planner: Planner };

export function modelsApp({ models, installer, cards, planner }: Parts) {
  const os = implement(contract);
  return os.router({
    list: os.list.handler(() => models.list()),
    cards: os.cards.handler(({ input }) => cards.list(input)),
    status: os.status.handler(() => models.status()),
    watch: os.watch.handler(({ signal }) => models.watch(signal)),
    plan: os.plan.handler(({ input }) => planner.plan(input)),
    look: os.look.handler(({ input, signal }) => installer.look(input.name, signal)),
    import: os.import.handler(({ input }) => installer.import(input)),
    pull: os.pull.handler(({ input }) => installer.pull(input.name, input)),
    use: os.use.handler(({ input }) => models.use(input.name)),
    remove: os.remove.handler(({ input }) => installer.remove(input.name)),
  });
}
