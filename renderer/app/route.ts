/** A place in the window, kept in the address so that a reload and the Back button find it. */
export type Route = { conversationId: string | null; messageId: string | null };

const CONVERSATION = /^#\/conversation\/([^?]+)(?:\?message=(.+))?$/;

/** "#/conversation/c1?message=m2"; anything else is a new conversation. */
export function readRoute(hash: string): Route {
  const [, conversationId, messageId] = CONVERSATION.exec(hash) ?? [];
  return { conversationId: decode(conversationId), messageId: decode(messageId) };
}

export function routeTo(conversationId: string | null, messageId: string | null = null): string {
  if (conversationId === null) return '#/';
  const message = messageId === null ? '' : `?message=${encodeURIComponent(messageId)}`;
  return `#/conversation/${encodeURIComponent(conversationId)}${message}`;
}

function decode(part: string | undefined): string | null {
  try {
    return part === undefined ? null : decodeURIComponent(part);
  } catch {
    return null; // a percent sign that somebody typed
  }
}
