/** Pages beside the conversation. */
export const pages = ['documents', 'settings', 'models', 'bin', 'diagnostics'] as const;
export type PageName = (typeof pages)[number];

/** A place in the window, kept in the address so that a reload and the Back button find it. */
export type Route = { page: PageName | null; conversationId: string | null; messageId: string | null };

const CONVERSATION = /^#\/conversation\/([^?]+)(?:\?message=(.+))?$/;

/** "#/conversation/c1?message=m2", "#/settings"; anything else is a new conversation. */
export function readRoute(hash: string): Route {
  const page = pages.find((name) => hash === routeToPage(name)) ?? null;
  const [, conversationId, messageId] = CONVERSATION.exec(hash) ?? [];
  return { page, conversationId: decode(conversationId), messageId: decode(messageId) };
}

export function routeTo(conversationId: string | null, messageId: string | null = null): string {
  if (conversationId === null) return '#/';
  const message = messageId === null ? '' : `?message=${encodeURIComponent(messageId)}`;
  return `#/conversation/${encodeURIComponent(conversationId)}${message}`;
}

export function routeToPage(page: PageName): string {
  return `#/${page}`;
}

function decode(part: string | undefined): string | null {
  try {
    return part === undefined ? null : decodeURIComponent(part);
  } catch {
    return null; // a percent sign that somebody typed
  }
}
