/**
 * A store of 1,000,000 messages in 10,000 conversations, one of which has 10,000: how long opening it, the list and
 * searches take. Half of the conversations are Chinese.
 *
 *     node test/bench/store-scale.ts make FOLDER [SECONDS]   adds messages, and goes on where it stopped
 *     node test/bench/store-scale.ts measure FOLDER          prints one JSON object
 *
 * The messages go through the store's own functions, several conversations in one transaction; nothing else is shortened.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSearcher } from '../../main/services/store/search-thread.ts';
import { openStore, type Store } from '../../main/services/store/open.ts';
import { median } from '../../main/services/system/bench.ts';
import { describeMachine } from '../support/machine.ts';
import { chineseText, englishText, RARE_WORD } from '../support/words.ts';

const CONVERSATIONS = 10_000;
const LONG = 10_000;
const OTHERS = 99; // messages in each of the others, and one more in the last hundred of them
const AT_ONCE = 20;
const RUNS = 20;

const [action, folder, limit = '600'] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: store-scale.ts make|measure FOLDER [SECONDS]');
mkdirSync(folder, { recursive: true });
const path = join(folder, 'longhand.db');
const madeFile = join(folder, 'made');
const made = existsSync(madeFile) ? Number(readFileSync(madeFile, 'utf8')) : 0;

if (action === 'make') make(made, performance.now() + Number(limit) * 1000);
else if (action === 'measure') console.log(JSON.stringify(await measure(), null, 2));

function make(from: number, endMs: number): void {
  const store = openStore(path);
  let next = from;
  while (next < CONVERSATIONS && performance.now() < endMs) {
    const last = next === 0 ? 1 : Math.min(next + AT_ONCE, CONVERSATIONS); // the long one is a transaction of its own
    store.durably(() => {
      for (; next < last; next++) addConversation(store, next);
    });
    writeFileSync(madeFile, String(next));
  }
  store.checkpoint();
  store.close();
  console.log(`${next} of ${CONVERSATIONS} conversations, ${(statSync(path).size / 1e9).toFixed(2)} GB`);
}

function addConversation(store: Store, index: number): void {
  const text = index % 2 === 0 ? englishText : chineseText;
  const conversationId = store.conversations.create({ title: text(index * 7919, 6) }).id;
  const count = index === 0 ? LONG : OTHERS + (index >= CONVERSATIONS - 99 ? 1 : 0);
  let parentId: string | null = null;
  for (let number = 0; number < count; number++) {
    const seed = index * 100_003 + number;
    const isUser = number % 2 === 0;
    const role = isUser ? 'user' : 'assistant';
    const words = text(seed, isUser ? 20 : 70);
    const rare = index % 2000 === 1 && number === 4 ? ` ${RARE_WORD}` : '';
    parentId = store.messages.insert({ conversationId, parentId, role, text: words + rare }).id;
  }
  store.conversations.setLeaf(conversationId, parentId);
}

async function measure() {
  const opened = performance.now();
  const store = openStore(path);
  const openMs = performance.now() - opened;
  const searcher = openSearcher(path);
  const longId = idOfLongest(store);
  const { leafId } = store.conversations.get(longId)!;
  const messages = store.messages.path(leafId!).length;
  const find = (query: string) => () => searcher.find(query, { limit: 50 });
  const results = {
    'open the long conversation': await time(() => store.messages.path(leafId!).length),
    'first page of the list (100)': await time(() => store.conversations.list({ limit: 100 }).items.length),
    [`search "${RARE_WORD}" (rare)`]: await time(find(RARE_WORD)),
    'search "the" (common)': await time(find('the')),
    'search "the river" (two common words)': await time(find('the river')),
    'search "我们" (common)': await time(find('我们')),
    'search "河流" (rarer)': await time(find('河流')),
    ...(await timePrefixes('river', find)),
  };
  // While a search runs, the thread of the writer is free: what a call behind it waits for.
  const busy = find('the')();
  const before = performance.now();
  store.conversations.list({ limit: 1 });
  const besideSearchMs = performance.now() - before;
  await busy;
  await searcher.close();
  store.close();
  return {
    ...describeMachine(),
    messagesInLong: messages,
    bytes: statSync(path).size,
    openMs: round(openMs),
    results,
    besideSearchMs: round(besideSearchMs),
  };
}

async function timePrefixes(word: string, find: (query: string) => () => Promise<unknown>) {
  const rows: [string, Awaited<ReturnType<typeof time>>][] = [];
  for (let end = 1; end <= word.length; end++) {
    const typed = word.slice(0, end);
    rows.push([`search "${typed}" (as typed)`, await time(find(typed))]);
  }
  return Object.fromEntries(rows);
}

/** The first conversation that was made is the long one, and the oldest. */
function idOfLongest(store: Store): string {
  for (let before: string | null = null; ;) {
    const { items, next } = store.conversations.list({ limit: 500, before });
    if (next === null) return items.at(-1)!.id;
    before = next;
  }
}

async function time(work: () => unknown) {
  const runs: number[] = [];
  await work(); // once unmeasured: the first reads from the disk
  for (let run = 0; run < RUNS; run++) {
    const from = performance.now();
    await work();
    runs.push(performance.now() - from);
  }
  const sorted = runs.toSorted((a, b) => a - b);
  return { medianMs: round(median(runs)), p95Ms: round(sorted[Math.ceil(RUNS * 0.95) - 1]!) };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
