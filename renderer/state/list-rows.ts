import type { Conversation, Folder } from '../../main/contract/chat.ts';
import type { ConversationStack } from './conversation-stack.svelte.ts';

export type Period = 'today' | 'yesterday' | 'week' | 'earlier';

/** One line of the list at the side. `key` stays the same while the line means the same thing. */
export type Row = { key: string } & (
  | { type: 'heading'; text: 'pinned' | 'folders' | Period }
  | { type: 'folder'; folder: Folder; expanded: boolean }
  | { type: 'conversation'; conversation: Conversation; inFolder: boolean }
  | { type: 'empty-folder' }
  | { type: 'more'; stack: ConversationStack }
);

type Lists = {
  pinned: ConversationStack;
  loose: ConversationStack;
  /** `stack` is null while the folder is shut. */
  folders: { folder: Folder; stack: ConversationStack | null }[];
  nowMs: number;
};

const DAY_MS = 86_400_000;

/** The lists one below the other, as one flat run of lines, which is what can be virtualised. */
export function rowsOf({ pinned, loose, folders, nowMs }: Lists): Row[] {
  const rows: Row[] = [];
  if (pinned.items.length > 0)
    rows.push({ type: 'heading', key: 'pinned', text: 'pinned' }, ...stackRows(pinned, false));
  if (folders.length > 0) rows.push({ type: 'heading', key: 'folders', text: 'folders' });
  for (const { folder, stack } of folders) {
    rows.push({ type: 'folder', key: `folder ${folder.id}`, folder, expanded: stack !== null });
    if (stack === null) continue;
    if (stack.loaded && stack.items.length === 0) rows.push({ type: 'empty-folder', key: `empty ${folder.id}` });
    rows.push(...stackRows(stack, true));
  }
  const midnight = new Date(nowMs).setHours(0, 0, 0, 0);
  let period: Period | null = null;
  for (const row of stackRows(loose, false)) {
    const now: Period | null = row.type === 'conversation' ? periodOf(row.conversation.updatedMs, midnight) : period;
    if (now !== null && now !== period) rows.push({ type: 'heading', key: now, text: now });
    period = now;
    rows.push(row);
  }
  return rows;
}

/** Days begin at local midnight. */
export function periodOf(ms: number, midnight: number): Period {
  if (ms >= midnight) return 'today';
  if (ms >= midnight - DAY_MS) return 'yesterday';
  return ms >= midnight - 6 * DAY_MS ? 'week' : 'earlier';
}

function stackRows(stack: ConversationStack, inFolder: boolean): Row[] {
  const rows: Row[] = stack.items.map((conversation) => ({
    type: 'conversation',
    key: conversation.id,
    conversation,
    inFolder,
  }));
  // Another key for each page: coming into sight reads the next one.
  if (stack.hasMore) rows.push({ type: 'more', key: `more ${stack.items.at(-1)?.id}`, stack });
  return rows;
}
