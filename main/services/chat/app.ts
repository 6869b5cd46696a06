import { implement } from '@orpc/server';
import { chat as contract } from '../../contract/chat.ts';
import type { Store } from '../store/open.ts';
import type { Context } from './context.ts';
import type { Turns } from './turn.ts';
import { openConversation, showConversation, showMessage, type ConversationWatch } from './watch.ts';

export function chatApp(options: { store: Store; turns: Turns; context: Context; watch: ConversationWatch }) {
  const { store, turns, context, watch } = options;
  const { conversations, messages, search } = store;
  const os = implement(contract);
  const changed = (conversation: ReturnType<typeof conversations.create>) => {
    const shown = showConversation(conversation);
    watch.publish(shown.id, { type: 'conversation', conversation: shown });
    return shown;
  };

  return os.router({
    conversations: os.conversations.handler(({ input }) => {
      const { items, next } = conversations.list(input);
      return { items: items.map(showConversation), next };
    }),
    create: os.create.handler(({ input }) => showConversation(conversations.create(input))),
    rename: os.rename.handler(({ input }) => changed(conversations.rename(input.id, input.title, 'user'))),
    setSystemPrompt: os.setSystemPrompt.handler(({ input }) =>
      changed(conversations.setSystemPrompt(input.id, input.systemPrompt)),
    ),
    remove: os.remove.handler(async ({ input }) => {
      await turns.stopConversation(input.id);
      conversations.softDelete(input.id);
    }),
    restore: os.restore.handler(({ input }) => changed(conversations.restore(input.id))),
    path: os.path.handler(({ input }) => {
      const leafId = input.leafId ?? openConversation(store, input.id).leafId;
      return context.path(input.id, leafId).map(showMessage);
    }),
    choose: os.choose.handler(({ input }) => {
      context.path(input.id, input.leafId); // refuses a message of another conversation
      const conversation = conversations.setLeaf(input.id, messages.newestLeaf(input.leafId));
      watch.refresh(input.id);
      return showConversation(conversation);
    }),
    search: os.search.handler(({ input }) => search.find(input.query, { limit: input.limit })),
    send: os.send.handler(({ input }) => turns.send(input)),
    regenerate: os.regenerate.handler(({ input }) => turns.regenerate(input)),
    continue: os.continue.handler(({ input }) => turns.continue(input)),
    stop: os.stop.handler(({ input }) => turns.stop(input.messageId)),
    count: os.count.handler(({ input }) => context.count(input)),
    watch: os.watch.handler(({ input, signal }) => watch.watch(input.id, signal)),
  });
}
