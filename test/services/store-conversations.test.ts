import { describe, expect, it } from 'vitest';
import { newId } from '../../main/services/store/ids.ts';
import { databaseIn, failure, open, startAnswer, tempFolder } from './store-support.ts';

const NOWHERE = '00000000-0000-7000-8000-000000000000';

/** Builds the tree that `shape` draws: "a(b(c) d)" is a with children b and d, b with child c. Returns ids by letter. */
function tree(store: ReturnType<typeof open>, shape: string): { conversationId: string; ids: Record<string, string> } {
  const conversationId = store.conversations.create().id;
  const ids: Record<string, string> = {};
  const parents: (string | null)[] = [null];
  let last: string | null = null;
  for (const symbol of shape.replaceAll(' ', '')) {
    if (symbol === '(') parents.push(last);
    else if (symbol === ')') parents.pop();
    else {
      const parentId = parents.at(-1) ?? null;
      last = store.messages.insert({ conversationId, parentId, role: 'user', text: symbol }).id;
      ids[symbol] = last;
    }
  }
  return { conversationId, ids };
}

describe('the list of conversations', () => {
  it('shows the one written to last first', () => {
    let now = 1000;
    const store = open(':memory:', { now: () => (now += 1) });
    const [first, second, third] = ['first', 'second', 'third'].map((title) => store.conversations.create({ title }));
    store.messages.insert({ conversationId: first!.id, parentId: null, role: 'user', text: 'again' });
    store.conversations.rename(second!.id, 'renaming is not writing', 'user');
    expect(store.conversations.list({ limit: 10 }).items.map(({ id }) => id)).toEqual([
      first!.id,
      third!.id,
      second!.id,
    ]);
  });

  it('is read page by page, each conversation once, even where the clock stood still', () => {
    const store = open(':memory:', { now: () => 5 });
    const made = Array.from({ length: 25 }, (_, index) => store.conversations.create({ title: `${index}` }).id);
    const seen: string[] = [];
    const sizes: number[] = [];
    let before: string | null = null;
    do {
      const page = store.conversations.list({ limit: 10, before });
      seen.push(...page.items.map(({ id }) => id));
      sizes.push(page.items.length);
      before = page.next;
    } while (before !== null);
    expect(sizes).toEqual([10, 10, 5]);
    expect(seen).toEqual(made.reverse());
  });

  it('has no next page when the last one is just full', () => {
    const store = open();
    store.conversations.create();
    expect(store.conversations.list({ limit: 1 }).next).toBeNull();
  });

  it('refuses a page that it never gave', () => {
    const store = open();
    expect(failure(() => store.conversations.list({ limit: 1, before: 'page 2' })).code).toBe('invalid-input');
  });
});

describe('a conversation', () => {
  it('keeps a title that the user chose when the app makes one', () => {
    const { conversations } = open();
    const { id } = conversations.create();
    expect(conversations.rename(id, 'made by the app', 'auto').title).toBe('made by the app');
    expect(conversations.rename(id, 'chosen', 'user')).toMatchObject({ title: 'chosen', titleSource: 'user' });
    expect(conversations.rename(id, 'made again', 'auto')).toMatchObject({ title: 'chosen', titleSource: 'user' });
    expect(conversations.rename(id, 'chosen anew', 'user').title).toBe('chosen anew');
  });

  it('has a system prompt or none', () => {
    const { conversations } = open();
    const { id } = conversations.create({ systemPrompt: 'Be brief.' });
    expect(conversations.get(id)?.systemPrompt).toBe('Be brief.');
    expect(conversations.setSystemPrompt(id, null).systemPrompt).toBeNull();
  });

  it('goes to the bin and comes back whole', () => {
    const store = open();
    const { conversationId, answer } = startAnswer(store);
    expect(store.conversations.softDelete(conversationId).deletedMs).not.toBeNull();
    expect(store.conversations.list({ limit: 10 }).items).toEqual([]);
    expect(store.conversations.bin({ limit: 10 }).items).toMatchObject([{ id: conversationId }]);
    expect(store.conversations.restore(conversationId).deletedMs).toBeNull();
    expect(store.messages.path(answer.id)).toHaveLength(2);
  });

  it.each(['rename', 'setSystemPrompt', 'setLeaf', 'softDelete', 'restore', 'destroy'] as const)(
    'that is not there cannot be changed (%s)',
    (method) => {
      const { conversations } = open();
      const refused = failure(() => conversations[method](NOWHERE, null as never, 'user'));
      expect(refused).toMatchObject({ code: 'not-found', details: { id: NOWHERE } });
    },
  );

  it('cannot show a message of another one', () => {
    const store = open();
    const other = startAnswer(store);
    const { id } = store.conversations.create();
    expect(() => store.conversations.setLeaf(id, other.answer.id)).toThrow('FOREIGN KEY');
    expect(store.conversations.get(id)?.leafId).toBeNull();
  });
});

describe('the tree of messages', () => {
  it('gives the path from the root to any message', () => {
    const store = open();
    const { ids } = tree(store, 'a(b(c d(e)) f)');
    const path = (leaf: string) =>
      store.messages
        .path(ids[leaf]!)
        .map(({ text }) => text)
        .join('');
    expect(['a', 'c', 'e', 'f'].map(path)).toEqual(['a', 'abc', 'abde', 'af']);
    expect(store.messages.path(NOWHERE)).toEqual([]);
  });

  it('knows siblings, children and where it branches, oldest first', () => {
    const store = open();
    const { conversationId, ids } = tree(store, 'a(b(c d(e)) f) g');
    const letters = (of: string[]) => of.map((id) => Object.keys(ids).find((letter) => ids[letter] === id)).join('');
    tree(store, 'x(y z)');
    expect(letters(store.messages.siblings(ids.d!))).toBe('cd');
    expect(letters(store.messages.siblings(ids.a!))).toBe('ag');
    expect(letters(store.messages.siblings(ids.e!))).toBe('e');
    expect(letters(store.messages.children(ids.a!))).toBe('bf');
    expect(letters(store.messages.children(ids.e!))).toBe('');
    const forks = store.messages
      .forks(conversationId)
      .map(({ parentId, ids }) => [letters([parentId ?? '']), letters(ids)]);
    expect(forks).toEqual([
      ['', 'ag'],
      ['a', 'bf'],
      ['b', 'cd'],
    ]);
  });

  it('follows the newest branch down from a message', () => {
    const store = open();
    const { ids } = tree(store, 'a(b(c d(e)) f)');
    expect(store.messages.newestLeaf(ids.a!)).toBe(ids.f);
    expect(store.messages.newestLeaf(ids.b!)).toBe(ids.e);
    expect(store.messages.newestLeaf(ids.c!)).toBe(ids.c);
  });

  it('refuses a parent from another conversation, and one that does not exist', () => {
    const store = open();
    const { answer } = startAnswer(store);
    const conversationId = store.conversations.create().id;
    for (const parentId of [answer.id, NOWHERE]) {
      expect(() => store.messages.insert({ conversationId, parentId, role: 'user' })).toThrow('FOREIGN KEY');
    }
    expect(failure(() => store.messages.siblings(NOWHERE)).code).toBe('not-found');
  });

  it('keeps a message exactly as it was', () => {
    const path = databaseIn(tempFolder());
    const store = open(path);
    const conversationId = store.conversations.create().id;
    const text = ' zero \0 and \u{1F30A}, 长上下文,\r\n <|im_end|> ';
    const sampling = {
      temperature: 0.7,
      topK: 20,
      topP: 0.8,
      minP: 0,
      repetitionPenalty: 1.05,
      seed: 7,
      maxTokens: null,
      stop: ['\n\n'],
    };
    const tokens = [0, 151645, -1, 2147483647];
    const { id } = store.messages.insert({
      conversationId,
      parentId: null,
      role: 'assistant',
      text,
      model: 'tiny',
      sampling,
      tokens,
    });
    store.close();
    expect(open(path).messages.get(id)).toMatchObject({
      text,
      sampling,
      model: 'tiny',
      tokens: Int32Array.from(tokens),
      metrics: null,
      error: null,
    });
  });
});

describe('one user action', () => {
  it('is kept whole or not at all', () => {
    const store = open();
    const { id } = store.conversations.create();
    const action = () =>
      store.durably(() => {
        const question = store.messages.insert({ conversationId: id, parentId: null, role: 'user', text: 'sky' });
        store.conversations.setLeaf(id, question.id);
        store.messages.insert({ conversationId: id, parentId: NOWHERE, role: 'assistant' });
      });
    expect(action).toThrow('FOREIGN KEY');
    expect(store.conversations.get(id)?.leafId).toBeNull();
    expect(store.search.find('sky')).toEqual([]);
  });

  it('may go on after a part of it failed, without that part', () => {
    const store = open();
    const { id } = store.conversations.create({ title: 'before' });
    store.durably(() => {
      expect(() =>
        store.durably(() => {
          store.conversations.rename(id, 'half', 'user');
          throw new Error('no');
        }),
      ).toThrow('no');
      store.conversations.setSystemPrompt(id, 'kept');
    });
    expect(store.conversations.get(id)).toMatchObject({ title: 'before', systemPrompt: 'kept' });
  });

  it('cannot wait for something', () => {
    const store = open();
    expect(() => store.durably(() => Promise.resolve())).toThrow('promise');
  });
});

describe('an id', () => {
  it('is a UUID of version 7 that tells its time', () => {
    const id = newId(Date.UTC(2100, 0, 1));
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(Date.UTC(2100, 0, 1));
  });

  it('sorts in the order of making, in one millisecond and when the clock goes back', () => {
    const start = Date.UTC(2100, 0, 2);
    const ids = Array.from({ length: 20_000 }, (_, index) => newId(index < 10_000 ? start : start - index));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
