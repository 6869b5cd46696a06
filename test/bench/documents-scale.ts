/**
 * 100,000 passages in 100 documents, half of them Chinese, with vectors of chance: how long they take to store, what a search by
 * words and by meaning takes, and what it takes while documents come and go.
 *
 *     node test/bench/documents-scale.ts make FOLDER
 *     node test/bench/documents-scale.ts measure FOLDER   prints one JSON object
 */
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { openStore, type Store } from '../../main/services/store/open.ts';
import { openPassageSearcher } from '../../main/services/store/passage-search-thread.ts';
import { describeMachine } from '../support/machine.ts';
import { chineseText, englishText } from '../support/words.ts';

const DOCUMENTS = 100;
const PARTS = 100; // of each document
const PASSAGES = 10; // of each part
const DIMENSIONS = 384;
const QUERIES = 100;

const [action, folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: documents-scale.ts make|measure FOLDER');
mkdirSync(folder, { recursive: true });
const path = join(folder, 'longhand.db');
let seed = 1;

if (action === 'make') make();
else if (action === 'measure') console.log(JSON.stringify(await measure(), null, 2));

function make(): void {
  if (existsSync(path)) rmSync(folder!, { recursive: true });
  mkdirSync(folder!, { recursive: true });
  const store = openStore(path);
  const embedderId = store.vectors.enrol('chance');
  const began = performance.now();
  for (let number = 0; number < DOCUMENTS; number++) addDocument(store, number, PARTS);
  const storeSeconds = (performance.now() - began) / 1000;
  const indexed = performance.now();
  for (const contentId of store.vectors.unindexed(embedderId)) embed(store, contentId, embedderId);
  const vectorSeconds = (performance.now() - indexed) / 1000;
  store.checkpoint();
  store.close();
  const passages = DOCUMENTS * PARTS * PASSAGES;
  const rates = {
    passagesPerSecond: Math.round(passages / storeSeconds),
    vectorsPerSecond: Math.round(passages / vectorSeconds),
  };
  console.log(JSON.stringify({ passages, ...rates, databaseBytes: statSync(path).size }, null, 2));
}

function addDocument(store: Store, number: number, parts: number): string {
  const hash = (number + 1).toString(16).padStart(64, '0');
  const { id, contentId } = store.documents.add({ hash, sizeBytes: 0, name: `${number}.txt`, origin: null });
  for (let part = 0; part < parts; part++) {
    let text = '';
    const passages = Array.from({ length: PASSAGES }, (_, index) => {
      const from = (number * PARTS + part) * PASSAGES + index;
      const start = text.length;
      text += number % 2 === 0 ? englishText(from, 200) : chineseText(from, 140);
      const end = text.length;
      text += '\n';
      return { start, end, context: '' };
    });
    const label = String(part + 1);
    const page = { kind: 'page' as const, label, text, blocks: [], size: null, boxes: [], recognised: false };
    store.documents.addPart(contentId, part, page, passages);
  }
  store.documents.finish(contentId, { outline: [], notes: [] });
  return id;
}

function embed(store: Store, contentId: number, embedderId: number): void {
  for (;;) {
    const waiting = store.vectors.unembedded(contentId, embedderId, 64);
    if (waiting.length === 0) break;
    store.vectors.put(
      embedderId,
      waiting.map(({ hash }) => ({ hash, vector: chance() })),
    );
  }
  store.vectors.count(contentId, embedderId);
}

async function measure() {
  const store = openStore(path);
  const embedderId = store.vectors.enrol('chance');
  const searcher = openPassageSearcher(path);
  const find = (number: number, by: 'words' | 'meaning' | 'both') => {
    const query = by === 'meaning' ? '' : question(number);
    const meaning = by === 'words' ? null : { embedderId, vector: chance() };
    return searcher.find({ query, meaning, documentIds: null, limit: 20 });
  };
  const rssBefore = process.memoryUsage.rss();
  const first = await time(1, () => find(0, 'both'));
  const results = {
    'the first search, which loads the signs of all vectors': first,
    'by words': await time(QUERIES, (number) => find(number, 'words')),
    'by meaning': await time(QUERIES, (number) => find(number, 'meaning')),
    'by both': await time(QUERIES, (number) => find(number, 'both')),
    'by both, while documents are added and removed': await besideChanges(store, embedderId, find),
  };
  const searchBytes = process.memoryUsage.rss() - rssBefore;
  await searcher.close();
  store.close();
  return {
    ...describeMachine(),
    passages: DOCUMENTS * PARTS * PASSAGES,
    databaseBytes: statSync(path).size,
    searchBytes,
    results,
  };
}

async function besideChanges(store: Store, embedderId: number, find: (number: number, by: 'both') => Promise<unknown>) {
  let isOver = false;
  let changes = 0;
  const changing = (async () => {
    for (let number = 1000; !isOver; number++) {
      const id = addDocument(store, number, 2);
      const orphan = store.documents.remove(id)!;
      embed(store, orphan.contentId, embedderId);
      await setImmediate();
      while (!store.documents.destroySome(orphan.contentId)) await setImmediate();
      changes++;
      await setImmediate();
    }
  })();
  const timed = await time(QUERIES, (number) => find(number, 'both'));
  isOver = true;
  await changing;
  return { ...timed, documentsAddedAndRemoved: changes };
}

/** Eight words, of which some are rare and some are not. */
function question(number: number): string {
  const from = 900_000 + number;
  return number % 2 === 0 ? englishText(from, 8) : chineseText(from, 4);
}

async function time(runs: number, work: (run: number) => Promise<unknown>) {
  const taken: number[] = [];
  for (let run = 0; run < runs; run++) {
    const from = performance.now();
    await work(run);
    taken.push(performance.now() - from);
  }
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(runs - 1, Math.ceil(runs * share) - 1)]! * 10) / 10;
  return { medianMs: at(0.5), p95Ms: at(0.95) };
}

/** A vector of length 1 in a direction of chance, the same at each run. */
function chance(): Float32Array {
  const vector = Float32Array.from({ length: DIMENSIONS }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 31 - 1;
  });
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
