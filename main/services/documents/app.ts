import { implement } from '@orpc/server';
import { documents as contract } from '../../contract/documents.ts';
import type { PathRule } from '../path-rule.ts';
import type { Prefiller } from '../prefill/prefiller.ts';
import type { Store } from '../store/open.ts';
import type { Documents } from './documents.ts';
import type { DocumentSearch } from './search.ts';

type Parts = {
  store: Store;
  documents: Documents;
  search: DocumentSearch;
  prefiller: Prefiller;
  mayName: PathRule;
};

export function documentsApp({ store, documents, search, prefiller, mayName }: Parts) {
  const os = implement(contract);
  return os.router({
    add: os.add.handler(async ({ input: { paths, ...options } }) => {
      for (const path of paths) await mayName(path);
      return { documents: await documents.add(paths, options) };
    }),
    addText: os.addText.handler(({ input }) => documents.addText(input.name, input.text)),
    retry: os.retry.handler(({ input }) => documents.retry(input.id, input.password)),
    list: os.list.handler(() => documents.list()),
    watch: os.watch.handler(({ signal }) => documents.watch(signal)),
    get: os.get.handler(({ input }) => documents.get(input.id)),
    part: os.part.handler(({ input }) => documents.part(input.id, input.part)),
    bytes: os.bytes.handler(({ input }) => documents.bytes(input.id, input.from, input.to)),
    remove: os.remove.handler(({ input }) => documents.remove(input.id)),
    search: os.search.handler(({ input: { query, ...options }, signal }) => search.find(query, { ...options, signal })),
    query: os.query.handler(({ input }) => search.query(input)),
    attach: os.attach.handler(({ input: { conversationId, documentIds, way } }) => {
      store.attachments.set(conversationId, documentIds, way);
      return null;
    }),
    attached: os.attached.handler(({ input }) => {
      const { documents: attached, way } = store.attachments.of(input.conversationId);
      return { documentIds: attached.map(({ documentId }) => documentId), way, plan: null };
    }),
    read: os.read.handler(({ input }) => prefiller.start(`document:${store.documents.known(input.id).id}`)),
  });
}
