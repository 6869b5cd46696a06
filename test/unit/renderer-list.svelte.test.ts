import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Conversation } from '../../main/contract/chat.ts';
import { Bin, daysLeft } from '../../renderer/state/bin.svelte.ts';
import { ConversationStack } from '../../renderer/state/conversation-stack.svelte.ts';
import { Conversations } from '../../renderer/state/conversations.svelte.ts';
import { groupByConversation } from '../../renderer/state/search.svelte.ts';
import { memoryStorage, TestLine } from '../support/renderer-support.ts';

afterEach(() => void vi.useRealTimers());

/** The list beside an assistant with conversations of these titles, the newest first. */
async function listOf(...titles: string[]) {
  const line = new TestLine();
  for (const [index, title] of titles.entries())
    line.assistant.addConversation(title, ['Hello'], { ageMs: index * 1000 });
  const storage = memoryStorage();
  const list = new Conversations(line.connection, storage);
  const stop = new AbortController();
  void list.watch(stop.signal, () => void list.refresh());
  await vi.waitFor(() => expect(line.connection.state).toBe('connected'));
  await list.refresh();
  const idOf = (title: string) => list.loose.items.find((one) => one.title === title)?.id ?? '';
  /** "Pinned: a | #Folder: b | c": headings without their period. */
  const shown = () =>
    list.rows
      .map((row) => {
        if (row.type === 'conversation') return `${row.inFolder ? '  ' : ''}${row.conversation.title}`;
        if (row.type === 'folder') return `#${row.folder.name}`;
        return row.type === 'heading' && row.text === 'pinned' ? 'pinned:' : null;
      })
      .filter((words) => words !== null);
  return { line, list, storage, idOf, shown, stop: () => stop.abort() };
}

describe('the list', () => {
  it('shows each conversation once: pinned, in its folder, or among the rest', async () => {
    const { list, idOf, shown, stop } = await listOf('a', 'b', 'c');
    const folder = await list.createFolder('F');
    await list.expand(folder.id, true);
    await list.move(idOf('b'), folder.id);
    await list.pin(idOf('c'), true);
    expect(shown()).toEqual(['pinned:', 'c', '#F', '  b', 'a']);
    await list.expand(folder.id, false);
    expect(shown()).toEqual(['pinned:', 'c', '#F', 'a']);
    stop();
  });

  it('gives the conversations of a folder that is removed back to the rest', async () => {
    const { list, idOf, shown, stop } = await listOf('a', 'b');
    const folder = await list.createFolder('F');
    await list.move(idOf('b'), folder.id);
    await list.removeFolder(folder.id);
    await vi.waitFor(() => expect(shown()).toEqual(['a', 'b']));
    stop();
  });

  it('follows what another client does', async () => {
    const { line, list, idOf, shown, stop } = await listOf('a', 'b');
    const other = line.assistant.conversations;
    const b = idOf('b');
    other.change(b, { title: 'renamed elsewhere' });
    await vi.waitFor(() => expect(shown()).toEqual(['a', 'renamed elsewhere']));
    other.remove(idOf('a'));
    await vi.waitFor(() => expect(shown()).toEqual(['renamed elsewhere']));
    other.createFolder('Made elsewhere');
    await vi.waitFor(() => expect(shown()).toContain('#Made elsewhere'));
    expect(list.find(b)?.title).toBe('renamed elsewhere');
    stop();
  });

  it('remembers which folders are open', async () => {
    const { line, list, storage, idOf, stop } = await listOf('a');
    const folder = await list.createFolder('F');
    await list.move(idOf('a'), folder.id);
    await list.expand(folder.id, true);
    const again = new Conversations(line.connection, storage);
    const end = new AbortController();
    void again.watch(end.signal, () => void again.refresh());
    await vi.waitFor(() => expect(again.find(list.rows.at(-1)?.key ?? '')?.title).toBe('a'));
    stop();
    end.abort();
  });

  it('offers to undo a deletion for ten seconds', async () => {
    const { list, shown, idOf, stop } = await listOf('a', 'b');
    const b = list.find(idOf('b'))!;
    await list.remove(b);
    expect([shown(), list.removed?.title]).toEqual([['a'], 'b']);
    expect(await list.undo()).toBe(b.id);
    expect([shown(), list.removed]).toEqual([['a', 'b'], null]);
    vi.useFakeTimers();
    const removing = list.remove(b);
    await vi.advanceTimersByTimeAsync(100);
    await removing;
    await vi.advanceTimersByTimeAsync(9800);
    expect(list.removed).not.toBeNull();
    await vi.advanceTimersByTimeAsync(300);
    expect(list.removed).toBeNull();
    stop();
  });
});

describe('a stack of conversations', () => {
  const one = (ms: number): Conversation => ({
    id: String(ms),
    title: String(ms),
    systemPrompt: null,
    sampling: null,
    leafId: null,
    folderId: null,
    pinned: false,
    createdMs: ms,
    updatedMs: ms,
  });
  const all = Array.from({ length: 1200 }, (_, index) => one(2000 - index));
  const stack = () => {
    const limits: number[] = [];
    const made = new ConversationStack(async ({ limit, before }) => {
      limits.push(limit);
      const from = before === undefined ? 0 : all.findIndex(({ id }) => id === before) + 1;
      const items = all.slice(from, from + limit);
      return { items, next: from + limit < all.length ? (items.at(-1)?.id ?? null) : null };
    });
    return { made, limits };
  };

  it('reads little at first and then more, one call at once', async () => {
    const { made, limits } = stack();
    await made.refresh();
    await Promise.all([made.more(), made.more()]);
    expect([made.items.length, limits]).toEqual([600, [100, 500]]);
  });

  it('reads again what a change has overtaken, so that no change is lost', async () => {
    const moved = one(2000);
    const pages = [[moved, one(1999)], [one(1999)]];
    const first = Promise.withResolvers<void>();
    const made = new ConversationStack(async () => {
      const items = pages.shift() ?? [];
      if (pages.length === 1) await first.promise;
      return { items, next: null };
    });
    const reading = made.refresh();
    made.drop(moved.id); // heard of before the page that still holds it has arrived
    first.resolve();
    await reading;
    expect(made.items.map(({ id }) => id)).toEqual([one(1999).id]);
  });

  it('reads as much again as was shown', async () => {
    const { made, limits } = stack();
    await made.refresh();
    await made.more();
    limits.length = 0;
    await made.refresh();
    expect([made.items.length, limits]).toEqual([600, [500, 100]]);
    expect(made.hasMore).toBe(true);
  });

  it('takes in what is newer than its end, and leaves what is older to its page', async () => {
    const { made } = stack();
    await made.refresh();
    made.put(one(5000));
    expect(made.items[0]?.id).toBe('5000');
    made.put({ ...one(5000), updatedMs: 10 });
    expect(made.items.some(({ id }) => id === '5000')).toBe(false);
    made.drop('2000');
    expect(made.items[0]?.id).toBe('1999');
  });
});

describe('the bin', () => {
  it('lists what was deleted, restores it and destroys it', async () => {
    const line = new TestLine();
    const [a, b] = ['a', 'b'].map((title) => line.assistant.addConversation(title, ['Hello']));
    for (const one of [a, b]) line.assistant.conversations.remove(one?.id ?? '');
    await vi.waitFor(() => expect(line.connection.state).toBe('connected'));
    const bin = new Bin(line.connection);
    await bin.load();
    expect(bin.items.map(({ title }) => title)).toEqual(['b', 'a']);
    await bin.restore(a?.id ?? '');
    expect(bin.items.map(({ title }) => title)).toEqual(['b']);
    expect(await bin.destroy()).toBe(1);
    expect(bin.items).toEqual([]);
  });

  it.each([
    [0, 30],
    [1, 30],
    [86_400_000, 29],
    [29.5 * 86_400_000, 1],
    [40 * 86_400_000, 0],
  ])('%i ms after the deletion there are %i days left', (ms, days) => expect(daysLeft(1000, 1000 + ms)).toBe(days));
});

describe('search results', () => {
  it('of one conversation stand together, where its best one stood', () => {
    const hit = (conversationId: string, messageId: string) => {
      return { conversationId, messageId, title: conversationId, snippet: '', marks: [], updatedMs: 0 };
    };
    const groups = groupByConversation([hit('a', '1'), hit('b', '2'), hit('a', '3')]);
    expect(groups.map(({ title, hits }) => [title, hits.map(({ messageId }) => messageId)])).toEqual([
      ['a', ['1', '3']],
      ['b', ['2']],
    ]);
  });
});
