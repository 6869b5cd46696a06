import { implement } from '@orpc/server';
import { chat as contract } from '../../contract/chat.ts';
import { conversationOwner } from '../../contract/owner.ts';
import type { Store } from '../store/open.ts';
import type { Searcher } from '../store/search-thread.ts';
import type { Prefiller } from '../prefill/prefiller.ts';
import type { Bin } from './bin.ts';
import { branch } from './branch.ts';
import type { Context } from './context.ts';
import { exportConversation } from './export.ts';
import { removeFolder } from './folders.ts';
import type { Turns } from './turn.ts';
import { openConversation, showBinned, showConversation, showMessage, type ConversationWatch } from './watch.ts';

/** Changed messages that watchers are told of one by one: for more, they get the path again, part by part. */
const MOST_TOLD = 100;

export type ChatOptions = {
  store: Store;
  searcher: Searcher;
  turns: Turns;
  context: Context;
  prefiller: Prefiller;
  watch: ConversationWatch;
  bin: Bin;
};

export function chatApp({ store, searcher, turns, context, prefiller, watch, bin }: ChatOptions) {
  const { conversations, folders, messages } = store;
  const os = implement(contract);
  const changed = (conversation: ReturnType<typeof conversations.create>) => watch.changed(conversation);

  return os.router({
    conversations: os.conversations.handler(({ input }) => {
      const { items, next } = conversations.list(input);
      return { items: items.map(showConversation), next };
    }),
    watchList: os.watchList.handler(({ signal }) => watch.watchList(signal)),
    create: os.create.handler(({ input: { title = '', systemPrompt = null } }) =>
      changed(conversations.create({ title: title ?? '', systemPrompt })),
    ),
    rename: os.rename.handler(({ input }) => changed(conversations.rename(input.id, input.title, 'user'))),
    setSystemPrompt: os.setSystemPrompt.handler(({ input }) =>
      changed(conversations.setSystemPrompt(input.id, input.systemPrompt)),
    ),
    setSampling: os.setSampling.handler(({ input }) => changed(conversations.setSampling(input.id, input.sampling))),
    pin: os.pin.handler(({ input }) => changed(conversations.setPinned(input.id, input.pinned))),
    move: os.move.handler(({ input }) => changed(conversations.move(input.id, input.folderId))),

    remove: os.remove.handler(({ input }) => bin.add(input.id)),
    restore: os.restore.handler(({ input }) => changed(conversations.restore(input.id))),
    bin: os.bin.handler(({ input }) => {
      const { items, next } = conversations.bin(input);
      return { items: items.map(showBinned), next };
    }),
    purge: os.purge.handler(async ({ input }) => ({ purged: await bin.purge(input.id) })),

    createFolder: os.createFolder.handler(({ input }) => {
      const folder = folders.create(input.name);
      watch.foldersChanged();
      return folder;
    }),
    renameFolder: os.renameFolder.handler(({ input }) => {
      const folder = folders.rename(input.id, input.name);
      watch.foldersChanged();
      return folder;
    }),
    removeFolder: os.removeFolder.handler(({ input }) => removeFolder(input.id, { store, watch })),

    path: os.path.handler(async ({ input }) => {
      const leafId = input.leafId ?? openConversation(store, input.id).leafId;
      return (await context.path(input.id, leafId)).map(showMessage);
    }),
    choose: os.choose.handler(({ input }) => {
      context.check(input.id, input.leafId);
      const conversation = conversations.setLeaf(input.id, messages.newestLeaf(input.leafId));
      watch.refresh(input.id);
      return changed(conversation);
    }),
    branch: os.branch.handler(({ input }) => changed(branch(input.messageId, store))),
    leaveOut: os.leaveOut.handler(({ input }) => {
      const { leafId } = openConversation(store, input.id);
      messages.leaveOut(input.id, input.messageIds, input.leftOut);
      context.changed();
      if (leafId === null) return;
      const shown = messages.onPath(leafId, input.messageIds);
      if (shown.length > MOST_TOLD) return watch.refresh(input.id);
      for (const message of shown.map((id) => messages.get(id)!)) {
        watch.publish(input.id, { type: 'message', message: showMessage(message) });
      }
    }),
    weigh: os.weigh.handler(({ input }) => context.weigh(input.id)),
    export: os.export.handler(({ input }) => exportConversation(input, store)),
    search: os.search.handler(({ input, signal }) => searcher.find(input.query, { limit: input.limit, signal })),

    send: os.send.handler(({ input }) => turns.send(input)),
    regenerate: os.regenerate.handler(({ input }) => turns.regenerate(input)),
    continue: os.continue.handler(({ input }) => turns.continue(input)),
    stop: os.stop.handler(({ input }) => turns.stop(input.messageId)),
    prefill: os.prefill.handler(({ input }) => prefiller.start(conversationOwner.of(input.id))),
    count: os.count.handler(({ input }) => context.count(input)),
    watch: os.watch.handler(({ input, signal }) => watch.watch(input.id, signal)),
  });
}
