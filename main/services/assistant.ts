import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Port } from '../contract/client.ts';
import type { StoredError } from '../contract/errors.ts';
import type { ShellClient } from '../contract/index.ts';
import { LonghandError } from '../contract/errors.ts';
import { Peer } from '../contract/peer.ts';
import { createServer } from '../contract/serve.ts';
import type { Peer as PeerName } from '../contract/handover.ts';
import { Engine, type EngineOptions } from '../engine/client.ts';
import { Embedder } from '../embedder/client.ts';
import { Reader } from '../reader/client.ts';
import { Ask } from './ask/ask.ts';
import { DocumentReading, documentsAhead } from './ask/reading.ts';
import { Reports } from './ask/reports.ts';
import { chatApp } from './chat/app.ts';
import { Bin } from './chat/bin.ts';
import { Context } from './chat/context.ts';
import { conversationsAhead } from './chat/read-ahead.ts';
import { Turns } from './chat/turn.ts';
import { ConversationWatch } from './chat/watch.ts';
import { Mover } from './data/move.ts';
import { documentsApp } from './documents/app.ts';
import { AddressFetcher, type AddressFetcherOptions } from './documents/address.ts';
import { Documents } from './documents/documents.ts';
import { Embedders } from './documents/embedders.ts';
import { Indexer } from './documents/indexing.ts';
import { READING } from './documents/reading.ts';
import { DocumentSearch } from './documents/search.ts';
import { WatchedFolders, type WatchedFoldersOptions } from './documents/watched-folders.ts';
import { jobsApp } from './jobs/app.ts';
import { Jobs } from './jobs/jobs.ts';
import { modelsApp } from './models/app.ts';
import { Cards } from './models/cards.ts';
import { Installer, type InstallerOptions } from './models/install.ts';
import { MachineGauge } from './models/machine.ts';
import { contextOptionsOf } from './models/load-options.ts';
import { Models } from './models/models.ts';
import { Planner } from './models/planner.ts';
import { Room } from './models/room.ts';
import { Shelf } from './models/shelf.ts';
import { Verifier } from './models/verify/verifier.ts';
import { Prefiller } from './prefill/prefiller.ts';
import { anyPath, chosenPath, type PathRule } from './path-rule.ts';
import { openStore, type Store } from './store/open.ts';
import { openPassageSearcher } from './store/passage-search-thread.ts';
import { openTableQueries } from './store/table-query-thread.ts';
import { openSearcher } from './store/search-thread.ts';
import { systemApp } from './system/app.ts';
import { readSettings } from './system/settings.ts';
import { Snapshots } from './system/snapshots.ts';

export type AssistantOptions = {
  dataDir: string;
  version: string;
  env: NodeJS.ProcessEnv;
  log(line: string): void;
  /** For tests. */
  hungAfterMs?: EngineOptions['hungAfterMs'];
  network?: InstallerOptions['network'];
  memoryBytes?: number;
  pace?: WatchedFoldersOptions['pace'];
  mayReach?: AddressFetcherOptions['mayReach'];
};

export type Assistant = ReturnType<typeof openAssistant>;

/**
 * Every service over one data folder, joined with the other processes as they come. Answers that the last run left
 * unfinished are marked as interrupted, its jobs go on, and a model is loaded or, where that is wanted, fetched.
 * @throws LonghandError as `openStore` does; nothing is open then
 */
export function openAssistant(options: AssistantOptions) {
  const { dataDir, log } = options;
  const store = openStore(join(dataDir, 'longhand.db'), {
    onSlow: ({ name, ms }) => log(`${name} took ${Math.round(ms)} ms`),
  });
  try {
    store.messages.recoverInterrupted();
    return joinServices(store, options);
  } catch (error) {
    store.close();
    throw error;
  }
}

function joinServices(store: Store, options: AssistantOptions) {
  const { dataDir, version, env, log, hungAfterMs, network, memoryBytes = totalmem(), pace, mayReach } = options;
  const shell = new Peer<ShellClient>(() => new LonghandError('internal', 'The shell is not there.'));
  const restartEngine = (reason: string) => {
    shell.call((client) => client.restart({ role: 'engine', reason })).catch((error: Error) => log(error.message));
  };
  const engine = new Engine({ restart: restartEngine, hungAfterMs });
  const reader = new Reader();
  const embedder = new Embedder();

  const snapshots = new Snapshots({ dataDir, store, engine, log }); // before the models, so that they are loaded with it
  const jobs = new Jobs(store, { log });
  const shelf = new Shelf(dataDir);
  const models = new Models({
    ...{ store, shelf, engine, jobs, memoryBytes },
    engineFailure: () => engineFailure(shell),
    reviveEngine: () => restartEngine('a model was chosen'),
  });
  const gauge = new MachineGauge({ dataDir, engine, chosenThreads: () => readSettings(store).threads });
  const room = new Room({ dataDir, engine });
  const planner = new Planner({
    ...{ shelf, reader, gauge, room, memoryBytes },
    contextOptions: (name) => contextOptionsOf(readSettings(store), name),
  });
  const installer = new Installer({ dataDir, env, jobs, shelf, models, reader, planner, network, memoryBytes });
  const verifier = new Verifier({ store, engine, models, jobs });
  const price = (range: { promptTokens: number; cachedTokens: number }) => {
    const model = models.current();
    if (model === null) return Promise.resolve(null);
    return planner.readingPrice(models.find(model.name), { ...range, kvType: model.kvType });
  };
  const passages = openPassageSearcher(store.path);
  const tables = openTableQueries(store.path);
  const embedders = new Embedders({
    ...{ dataDir, env, store, jobs, embedder, network },
    changed: () => {
      indexer.modelChanged();
      documents.modelChanged();
    },
  });
  const indexer = new Indexer({
    ...{ store, jobs, embedder, embedders },
    changed: (contentId) => documents.changed(contentId),
  });
  const search = new DocumentSearch({ searcher: passages, indexer });
  const ask = new Ask({ store, search, tables, log });
  const context = new Context({ store, engine, models, ask });
  const prefiller = new Prefiller({
    ...{ engine, models, jobs },
    sources: {
      conversation: conversationsAhead({ store, context }),
      document: documentsAhead({ store, context }),
    },
  });
  const watch = new ConversationWatch(store);
  const turns = new Turns({ store, engine, models, context, watch, ask, tables, log });
  const reports = new Reports({ store, engine, models, jobs, ask, watch });
  const reading = new DocumentReading({ store, context, ask, price, prefiller, turns, reports, watch, snapshots });
  const bin = new Bin({ store, turns, prefiller, watch, snapshots, log });
  const mover = new Mover({
    ...{ dataDir, store, jobs },
    quieten: () => turns.close(),
    restart: () => shell.call((client) => client.moved()),
  });
  const searcher = openSearcher(store.path);
  const addresses = new AddressFetcher({ env, log, mayReach });
  const documents: Documents = new Documents({
    ...{ dataDir, store, jobs, reader, indexer, addresses, log },
    folders: () => folders.list(),
    added: () => embedders.ensure(),
    left: (ids) => folders.left(ids),
  });
  const folders: WatchedFolders = new WatchedFolders({
    ...{ dataDir, store, jobs, documents, pace, log },
    remove: (id, isStill) => reading.removed(id, () => documents.remove(id, isStill), isStill),
    changed: () => reading.changed(),
  });
  jobs.onChange(({ kind, state }) => {
    if (kind === READING && state === 'done') reading.changed();
  });
  const cards = new Cards({ store, shelf, planner, gauge, room, env, memoryBytes });

  const routerFor = (mayName: PathRule) => ({
    chat: chatApp({ store, searcher, turns, context, prefiller, watch, bin }),
    documents: documentsApp({ store, documents, folders, search, reading, reports, embedders, tables, mayName }),
    jobs: jobsApp(jobs),
    models: modelsApp({ verifier, models, installer, cards, planner, price, mayName }),
    system: systemApp({
      ...{ dataDir, version, store, engine, models, shelf, mover, snapshots, mayName },
      processes: () => shell.call((client) => client.processes()),
    }),
  });
  const server = createServer(routerFor(anyPath));
  const pageServer = createServer(routerFor(chosenPath((path) => shell.call((client) => client.isChosen({ path })))));

  models.start();
  installer.sweep();
  documents.start();
  folders.start();
  indexer.start();
  jobs.resumeInterrupted();
  installer.ensureModel();
  bin.start();

  const connections: Record<PeerName, (port: Port) => void> = {
    client: (port) => server.serve(port),
    page: (port) => pageServer.serve(port),
    engine: (port) => engine.attach(port),
    reader: (port) => reader.attach(port),
    embedder: (port) => embedder.attach(port),
    shell: (port) => shell.attach(port),
  };
  return {
    connect: (peer: PeerName, port: Port) => connections[peer](port),

    /** Ends answers and jobs where they are, so that they can go on, and closes the store. */
    async close(): Promise<void> {
      bin.close();
      await folders.close();
      await Promise.all([
        turns.close(),
        jobs.close(),
        documents.close(),
        searcher.close(),
        passages.close(),
        tables.close(),
      ]);
      store.close();
    },
  };
}

async function engineFailure(shell: Peer<ShellClient>): Promise<StoredError | null> {
  const processes = await shell.call((client) => client.processes());
  const info = processes.find(({ role }) => role === 'engine');
  if (info?.failed !== true) return null;
  const message = `The model process keeps stopping (${info.lastExit ?? 'no reason was given'}). Choose another model, or start Longhand again.`;
  return { code: 'engine-stopped', message, details: { lastExit: info.lastExit, ...info.outOfMemory } };
}
