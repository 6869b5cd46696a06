import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openSearcher } from '../../main/services/store/search-thread.ts';
import { databaseIn, open, tempFolder } from './store-support.ts';

/** A store with one message per text; `found` gives the texts of the hits. */
function withTexts(...texts: string[]) {
  const store = open();
  const conversationId = store.conversations.create().id;
  const add = (text: string) => store.messages.insert({ conversationId, parentId: null, role: 'user', text });
  const byId = new Map(texts.map((text) => [add(text).id, text]));
  const found = (query: string) => store.search.find(query).map(({ messageId }) => byId.get(messageId ?? '') ?? null);
  return { store, conversationId, found };
}

/** The snippet with its matches in brackets. */
function marked(text: string, query: string): string {
  const { store } = withTexts(text);
  const [hit] = store.search.find(query);
  if (hit === undefined) return 'not found';
  let shown = '';
  let at = 0;
  for (const [start, end] of hit.marks) {
    shown += `${hit.snippet.slice(at, start)}[${hit.snippet.slice(start, end)}]`;
    at = end;
  }
  return shown + hit.snippet.slice(at);
}

describe('searching words', () => {
  it.each([
    ['danube', 'The Danube flows', 'in any case'],
    ['DANUBE', 'The Danube flows', 'in any case'],
    ['dan', 'The Danube flows', 'the last word unfinished'],
    ['d', 'The Danube flows', 'its first letter'],
    ['flows danube', 'The Danube flows', 'in any order'],
    ['cafe', 'un café noir', 'without accents'],
    ['café', 'un cafe noir', 'with accents that are not there'],
    ['cafe', 'un cafe\u0301 noir', 'with accents written apart'],
    ["don't", "I don't know", 'with an apostrophe'],
    ['file_name', 'the file_name.txt here', 'with an underscore'],
    ['ABC', 'ＡＢＣ wide letters', 'in wide letters'],
    ['ﬁle', 'the file', 'with a ligature'],
    ['река', 'Широкая Река', 'in Cyrillic'],
    ['हिन्दी', 'यह हिन्दी है', 'in Devanagari'],
    ['straße', 'Die Straße', 'with ß'],
    ['Qwen模型', '用 Qwen 和 模型', 'in two scripts without a space'],
    ['qwen', '这是Qwen模型', 'inside Chinese'],
    ['3.5', 'version 3.5 of it', 'and numbers'],
  ])('finds %j in %j: %s', (query, text) => {
    const { found } = withTexts(text, 'something else altogether');
    expect(found(query)).toEqual([text]);
  });

  it.each([
    ['danube rhine', 'The Danube flows', 'all words must be there'],
    ['dan flows', 'The Danube flows', 'only the last word may be unfinished'],
    ["don't", 'I do not know t', 'the parts of a word stand together'],
    ['anube', 'The Danube flows', 'a word is found from its beginning'],
    ['', 'anything', 'nothing was asked'],
    ['  \t\n ', 'anything', 'nothing was asked'],
    ['?! … —', 'really?!', 'there is no word in it'],
  ])('does not find %j in %j: %s', (query, text) => {
    expect(withTexts(text).found(query)).toEqual([]);
  });
});

describe('searching Chinese, Japanese and Korean', () => {
  const text = '长上下文模型在本地运行，隐私数据不会离开电脑。';
  it.each([
    '模型',
    '上下文',
    '隐私',
    '隐私数据',
    '隐私数据不会离开',
    '电脑',
    '脑',
    '长',
    '型',
    '隐私 电脑',
    '私数 模型',
  ])('finds %s inside a sentence', (query) => {
    expect(withTexts('别的句子', text).found(query)).toEqual([text]);
  });

  it.each(['型模', '隐私模型', '数据会', '猫', '隐私 猫'])('does not find %s, which is not in it', (query) => {
    expect(withTexts(text).found(query)).toEqual([]);
  });

  it.each([
    ['カタカナ', 'これはｶﾀｶﾅです', 'half-width Katakana'],
    ['コーヒー', '熱いコーヒーを飲む', 'the prolonged sound mark'],
    ['ガラス', 'これはｶﾞﾗｽです', 'half-width voiced Katakana'],
    ['飲む', '熱いコーヒーを飲む', 'Kanji with Hiragana'],
    ['한국', '나는 한국어를 배운다', 'Hangul'],
    ['한국', '나는 한국어를 배운다'.normalize('NFD'), 'Hangul written in parts'],
    ['𠮷野家', '昨日𠮷野家へ', 'a character outside the basic plane'],
    ['𠮷', '昨日𠮷野家へ', 'that character alone'],
  ])('finds %s in %s: %s', (query, sentence) => {
    expect(withTexts('何もない', sentence).found(query)).toEqual([sentence]);
  });
});

describe('a query', () => {
  it.each([
    '"',
    '""',
    '"open',
    'a AND',
    'OR',
    'NOT x',
    'NEAR(a b)',
    'words : x',
    '-x',
    '^x',
    '*',
    'x*',
    '(',
    '{a}',
    "'; DROP TABLE messages; --",
    'a + b',
    '\0',
    'x\0y',
    '\ud800',
    '模"型',
    'grams:模型',
  ])('is plain text even when it is %j', (query) => {
    expect(() => withTexts('a b x 模型').store.search.find(query)).not.toThrow();
  });

  it('finds the syntax of the index as words', () => {
    const { found } = withTexts('cats AND dogs', 'cats dogs', 'NEAR the river');
    expect(found('cats AND dogs')).toEqual(['cats AND dogs']);
    expect(found('near')).toEqual(['NEAR the river']);
  });

  it('may be a pasted page', () => {
    const { store } = withTexts('a text');
    expect(store.search.find('word '.repeat(50_000))).toEqual([]);
    expect(store.search.find('模'.repeat(50_000))).toEqual([]);
    expect(store.search.find('a-'.repeat(50_000))).toEqual([]);
  });
});

describe('the results', () => {
  it('come best first, and newest first among equals', () => {
    const filler = 'nothing of interest here at all '.repeat(20);
    const { found } = withTexts(`${filler} otter`, 'otter one', `${filler} other`, 'otter two', 'otter otter otter');
    expect(found('otter')).toEqual(['otter otter otter', 'otter two', 'otter one', `${filler} otter`]);
  });

  it('are titles as well as messages', () => {
    const store = open();
    const { id } = store.conversations.create({ title: 'Otters of Europe' });
    expect(store.search.find('otter')).toMatchObject([
      { conversationId: id, messageId: null, title: 'Otters of Europe', snippet: 'Otters of Europe', marks: [[0, 5]] },
    ]);
    store.conversations.rename(id, '水獭', 'user');
    expect(store.search.find('otter')).toEqual([]);
    expect(store.search.find('水獭')).toHaveLength(1);
  });

  it('leave out the bin, and what only the model reads', () => {
    const { store, conversationId } = withTexts('otter');
    for (const role of ['system', 'tool'] as const) {
      store.messages.insert({ conversationId, parentId: null, role, text: 'otter' });
    }
    expect(store.search.find('otter')).toHaveLength(1);
    store.conversations.softDelete(conversationId);
    expect(store.search.find('otter')).toEqual([]);
    store.conversations.restore(conversationId);
    expect(store.search.find('otter')).toHaveLength(1);
  });

  it('fill the page though the bin holds better ones', () => {
    const store = open();
    const kept = store.conversations.create().id;
    for (let index = 0; index < 3; index += 1) {
      store.messages.insert({
        conversationId: kept,
        parentId: null,
        role: 'user',
        text: `${'filler '.repeat(50)} otter`,
      });
    }
    const binned = store.conversations.create().id;
    for (let index = 0; index < 200; index += 1) {
      store.messages.insert({ conversationId: binned, parentId: null, role: 'user', text: 'otter' });
    }
    store.conversations.softDelete(binned);
    expect(store.search.find('otter', { limit: 2 })).toHaveLength(2);
    expect(store.search.find('otter', { limit: 10 })).toHaveLength(3);
  });
});

describe('a snippet', () => {
  it.each([
    ['The Danube flows to the Black Sea.', 'danube sea', 'The [Danube] flows to the Black [Sea].'],
    ['The Danube flows', 'dan', 'The [Dan]ube flows'],
    ['Dan and the Danube', 'dan flows', 'not found'],
    ['dan, danube, dan', 'danube dan', '[dan], [danube], [dan]'],
    ['un cafe\u0301 noir', 'cafe', 'un [cafe\u0301] noir'],
    ['ＡＢＣ wide', 'abc', '[ＡＢＣ] wide'],
    ['隐私数据不会离开电脑', '数据', '隐私[数据]不会离开电脑'],
    ['隐私数据', '私', '隐[私]数据'],
    ['用Qwen模型', 'qwen 模型', '用[Qwen][模型]'],
    ['昨日𠮷野家へ', '野家', '昨日𠮷[野家]へ'],
    ["I don't, don't", "don't", "I [don't], [don't]"],
    ['line one\nline\ttwo', 'two', 'line one line [two]'],
    ['これはｶﾞﾗｽです', 'ガラス', 'これは[ｶﾞﾗｽ]です'],
  ])('of %j for %j is %j', (text, query, expected) => {
    expect(marked(text, query)).toBe(expected);
  });

  it('shows the surroundings of a match deep in a long text, cut between words', () => {
    const words = 'alpha beta gamma delta '.repeat(2000);
    const snippet = marked(`${words}needle ${words}`, 'needle');
    expect(snippet).toMatch(/^…(alpha|beta|gamma|delta)\b.* \[needle\] .*\b(alpha|beta|gamma|delta) ?…$/);
    expect(snippet.length).toBeLessThan(180);
  });

  it('never cuts a character in two', () => {
    for (let lead = 35; lead < 45; lead += 1) {
      const snippet = marked(
        `${'x'.repeat(lead)}${'🌊'.repeat(100)} needle ${'🌊'.repeat(lead)}x${'🌊'.repeat(200)}`,
        'needle',
      );
      expect(snippet.isWellFormed()).toBe(true);
    }
  });
});

describe('searching beside the writer', () => {
  it('finds the same, also what was written since', async () => {
    const store = open(databaseIn(tempFolder()));
    const searcher = openSearcher(store.path);
    onTestFinished(() => searcher.close());
    const conversationId = store.conversations.create({ title: 'Rivers' }).id;
    const insert = (text: string) => store.messages.insert({ conversationId, parentId: null, role: 'user', text });
    insert('The Danube and the Rhine');
    expect(await searcher.find('danub')).toEqual(store.search.find('danub'));
    insert('One more on the Danube');
    expect(await searcher.find('danub', { limit: 1 })).toHaveLength(1);
    expect(await searcher.find('danub')).toEqual(store.search.find('danub'));
    expect(await searcher.find('nothing like it')).toEqual([]);
  });

  it('answers many searches at once, in their order, and does not make those that were given up', async () => {
    const store = open(databaseIn(tempFolder()));
    const searcher = openSearcher(store.path);
    onTestFinished(() => searcher.close());
    store.conversations.create({ title: 'Rivers' });
    const stop = new AbortController();
    const searches = ['r', 'ri', 'riv'].map((query) => searcher.find(query));
    const given = searcher.find('rive', { signal: stop.signal });
    stop.abort(new Error('typed on'));
    await expect(given).rejects.toThrow('typed on');
    await expect(searcher.find('river', { signal: stop.signal })).rejects.toThrow('typed on');
    expect((await Promise.all(searches)).map((hits) => hits.length)).toEqual([1, 1, 1]);
  });

  it('fails with a reason when there is nothing to search, and when it is closed', async () => {
    const searcher = openSearcher(join(tempFolder(), 'absent.db'));
    await expect(searcher.find('x')).rejects.toMatchObject({ name: 'LonghandError' });
    const store = open(databaseIn(tempFolder()));
    const other = openSearcher(store.path);
    const refused = expect(other.find('x')).rejects.toMatchObject({ code: 'cancelled' });
    await other.close();
    await refused;
  });
});

describe('a word that is very common', () => {
  it('is looked for as it stands, while a rarer one may be unfinished', () => {
    const store = open();
    const conversationId = store.conversations.create().id;
    store.durably(() => {
      for (let index = 0; index < 5000; index++) {
        store.messages.insert({ conversationId, parentId: null, role: 'user', text: 'the end' });
      }
      for (let index = 0; index < 3; index++) {
        store.messages.insert({ conversationId, parentId: null, role: 'user', text: 'there endeth' });
      }
    });
    expect(store.search.find('the', { limit: 10 }).every(({ snippet }) => snippet === 'the end')).toBe(true);
    expect(store.search.find('ther').map(({ snippet }) => snippet)).toEqual(Array(3).fill('there endeth'));
    expect(store.search.find('endet')).toHaveLength(3);
  });
});
