import type { PrefillSource } from '../prefill/prefiller.ts';
import type { Store } from '../store/open.ts';
import type { Context } from './context.ts';
import { PROBE } from './scales.ts';
import { openConversation } from './watch.ts';

/** Conversations as something to be read before the next question: all that will stand before it. */
export function conversationsAhead({ store, context }: { store: Store; context: Context }): PrefillSource {
  return {
    noun: 'a conversation',
    check: (id) => void openConversation(store, id),
    async prompt(id, model) {
      const path = await context.path(id, openConversation(store, id).leafId);
      const isAsked = path.at(-1)?.role === 'user';
      return context.prompt(id, isAsked ? path : [...path, { role: 'user', text: PROBE }], { model });
    },
    changed: () => context.changed(),
  };
}
