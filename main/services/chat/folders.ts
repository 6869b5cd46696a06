import type { Store } from '../store/open.ts';
import type { ConversationWatch } from './watch.ts';

const PAGE = 500;

/** Removes a folder. What was in it is in none afterwards, and whoever looks at it hears so. */
export function removeFolder(id: string, { store, watch }: { store: Store; watch: ConversationWatch }): void {
  const inside: string[] = [];
  for (let before: string | null = null; ;) {
    const { items, next } = store.conversations.list({ folderId: id, limit: PAGE, before });
    inside.push(...items.map((conversation) => conversation.id));
    if (next === null) break;
    before = next;
  }
  store.folders.remove(id);
  watch.foldersChanged();
  for (const conversationId of inside) {
    const conversation = store.conversations.get(conversationId);
    if (conversation !== null) watch.changed(conversation);
  }
}
