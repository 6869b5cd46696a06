import { implement } from '@orpc/server';
import { documents as contract } from '../../contract/documents.ts';
import type { PathRule } from '../path-rule.ts';
import { readSettings } from '../system/settings.ts';
import type { DocumentReading } from '../ask/reading.ts';
import type { Reports } from '../ask/reports.ts';
import type { Documents } from './documents.ts';
import type { Embedders } from './embedders.ts';
import type { Collection } from '../../contract/collections.ts';
import type { Store } from '../store/open.ts';
import type { TableQueries } from '../store/table-query-thread.ts';
import type { DocumentSearch } from './search.ts';
import type { WatchedFolders } from './watched-folders.ts';

type Parts = {
  store: Store;
  documents: Documents;
  folders: WatchedFolders;
  search: DocumentSearch;
  reading: DocumentReading;
  reports: Reports;
  embedders: Embedders;
  tables: TableQueries;
  mayName: PathRule;
};

export function documentsApp({
  store,
  documents,
  folders,
  search,
  reading,
  reports,
  embedders,
  tables,
  mayName,
}: Parts) {
  const os = implement(contract);
  /** A conversation over documents was opened, or has come to be one. */
  const expectQuestions = ({ documentIds, collections }: { documentIds: string[]; collections: Collection[] }) => {
    if (documentIds.length + collections.length > 0) search.warm();
  };
  /** What is searched; undefined: everything. */
  const scopeOf = (documentIds: string[] | undefined, within: readonly Collection[] = []): string[] | undefined => {
    if (within.length === 0) return documentIds;
    const there = store.collections.documentsInAll(within);
    return documentIds === undefined ? there : there.filter((id) => documentIds.includes(id));
  };
  return os.router({
    add: os.add.handler(async ({ input: { paths, password }, signal }) => {
      for (const path of paths) await mayName(path);
      return { documents: await documents.add(paths, { password, signal }) };
    }),
    addAddress: os.addAddress.handler(({ input: { address, allow }, signal }) =>
      documents.addAddress(address, { hosts: [...readSettings(store).documentHosts, ...allow], signal }),
    ),
    estimate: os.estimate.handler(async ({ input: { files, paths }, signal }) => {
      for (const path of paths) await mayName(path);
      return documents.estimate(files, paths, signal);
    }),
    addText: os.addText.handler(({ input }) => documents.addText(input.name, input.text)),
    retry: os.retry.handler(({ input }) => documents.retry(input.id, input.password)),
    list: os.list.handler(() => documents.list()),
    watch: os.watch.handler(({ signal }) => documents.watch(signal)),
    get: os.get.handler(({ input }) => documents.get(input.id)),
    part: os.part.handler(({ input }) => documents.part(input.id, input.part)),
    bytes: os.bytes.handler(({ input }) => documents.bytes(input.id, input.from, input.to)),
    tag: os.tag.handler(({ input: { id, tags } }) => {
      const tagged = documents.tag(id, tags);
      reading.changed();
      return tagged;
    }),
    remove: os.remove.handler(({ input }) => reading.removed(input.id, () => documents.remove(input.id))),
    folders: os.folders.handler(() => folders.list()),
    watchFolder: os.watchFolder.handler(async ({ input: { path }, signal }) => {
      await mayName(path);
      return folders.add(path, signal);
    }),
    unwatchFolder: os.unwatchFolder.handler(({ input }) => folders.remove(input.id, input.documents)),
    search: os.search.handler(({ input: { query, documentIds, within, ...options }, signal }) =>
      search.find(query, { ...options, documentIds: scopeOf(documentIds, within), signal }),
    ),
    embedder: os.embedder.handler(() => embedders.status()),
    installEmbedder: os.installEmbedder.handler(({ input }) => embedders.install(input.name ?? null)),
    importEmbedder: os.importEmbedder.handler(
      async ({ input: { path, name }, signal = new AbortController().signal }) => {
        await mayName(path);
        await embedders.import(path, { name, signal });
        return embedders.status();
      },
    ),
    useEmbedder: os.useEmbedder.handler(({ input }) => {
      embedders.use(input.name);
      return embedders.status();
    }),
    query: os.query.handler(async ({ input: { documentIds, sql }, signal }) => {
      const documents = documentIds.map((documentId) => ({ documentId }));
      return (await tables.run({ documents, sql }, signal)).result;
    }),
    attach: os.attach.handler(({ input: { conversationId, way, ...chosen } }) => {
      expectQuestions(chosen);
      return reading.attach(conversationId, chosen, way);
    }),
    attached: os.attached.handler(async ({ input }) => {
      const attached = await reading.attached(input.conversationId);
      expectQuestions(attached);
      return attached;
    }),
    summarise: os.summarise.handler(({ input }) => reports.start('summary', [input.id])),
    compare: os.compare.handler(({ input }) => reports.start('comparison', [input.before, input.after])),
    price: os.price.handler(({ input }) => reading.price(input.id)),
    read: os.read.handler(({ input }) => reading.start(input.id)),
  });
}
