const CONVERSATION = 'conversation:';

/** Whose prompt it is, to the engine, which saves and deletes caches for owners, and to the jobs that fill them. */
export const ownerOf = (conversationId: string) => `${CONVERSATION}${conversationId}`;

/** The conversation that an owner is; null where it is something else. */
export const conversationOf = (owner: string) =>
  owner.startsWith(CONVERSATION) ? owner.slice(CONVERSATION.length) : null;
