import { implement } from '@orpc/server';
import { models as contract } from '../../contract/models.ts';
import type { Cards } from './cards.ts';
import type { Installer } from './install.ts';
import type { Models } from './models.ts';

export function modelsApp({ models, installer, cards }: { models: Models; installer: Installer; cards: Cards }) {
  const os = implement(contract);
  return os.router({
    list: os.list.handler(() => models.list()),
    cards: os.cards.handler(() => cards.list()),
    status: os.status.handler(() => models.status()),
    watch: os.watch.handler(({ signal }) => models.watch(signal)),
    import: os.import.handler(({ input }) => installer.import(input)),
    pull: os.pull.handler(({ input }) => installer.pull(input.name)),
    use: os.use.handler(({ input }) => models.use(input.name)),
    remove: os.remove.handler(({ input }) => installer.remove(input.name)),
  });
}
