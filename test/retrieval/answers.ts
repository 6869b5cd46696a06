/**
 * What a model makes of the questions of questions.json, from the passages that the app finds for them: whether it refuses those that the
 * books do not answer, whether the app says so, and whether every citation that is shown stands where it says.
 *
 *     node test/retrieval/answers.ts MODEL_FOLDER FOLDER [OUT.json]
 *
 * MODEL_FOLDER is a compiled model; FOLDER is evaluate.ts's, after it ran. Of the questions that have an answer every third is asked.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Citation } from '../../main/contract/citations.ts';
import { sampling } from '../../main/contract/engine.ts';
import { EmbeddingModel } from '../../main/embedder/model.ts';
import { generate } from '../../main/engine/generate.ts';
import { Model } from '../../main/engine/model.ts';
import { PrefixCache } from '../../main/engine/prefix-cache.ts';
import { Scheduler } from '../../main/engine/scheduler.ts';
import { Ask, type AskedMessage } from '../../main/services/ask/ask.ts';
import { buildPrompt } from '../../main/services/chat/prompt.ts';
import { isClose } from '../../main/services/store/closeness.ts';
import { openReadable } from '../../main/services/store/db.ts';
import { openStore } from '../../main/services/store/open.ts';
import { passageSearch } from '../../main/services/store/passage-search.ts';
import { embedders } from '../../native-models/catalog/index.ts';
import { describeMachine } from '../support/machine.ts';
import { hasAnswer, isEnglish, type Question } from './questions.ts';

const EMBEDDER = 'all-MiniLM-L6-v2';
const ANSWER_TOKENS = 96;
const EVERY = 3;
const REFUSAL = /documents? (?:do|does) not (?:say|mention|contain|provide)|文件(?:中)?没有提到/iu;

const [modelFolder, folder, out] = process.argv.slice(2);
if (modelFolder === undefined || folder === undefined)
  throw new Error('usage: answers.ts MODEL_FOLDER FOLDER [OUT.json]');
const all = JSON.parse(readFileSync(join(import.meta.dirname, 'questions.json'), 'utf8')) as Question[];
const asked = [
  ...all.filter((question) => !hasAnswer(question)),
  ...all.filter(hasAnswer).filter((_, index) => index % EVERY === 0),
];
const path = join(folder, 'longhand.db');
const store = openStore(path);
const search = passageSearch(openReadable(path));
const embedder = await EmbeddingModel.load(join(folder, EMBEDDER), 1);
const embedderId = store.vectors.enrol(EMBEDDER);
const { unrelatedBelow } = embedders.find(({ name }) => name === EMBEDDER)!;
const ask = new Ask({
  store,
  search: {
    async sources(query, { documentIds, limit }) {
      const vector = isEnglish(query) ? await embedder.embed([query], 'query') : null;
      const meaning = vector === null ? null : { embedderId, vector };
      const { hits, closeness } = search.find({ query, meaning, documentIds, limit, judged: true });
      return { hits, isClose: isClose(closeness!, unrelatedBelow) };
    },
  },
  tables: { describe: () => Promise.resolve([]) },
  log: console.error,
});
const model = await Model.load(modelFolder, { threads: 2, contextTokens: 8192 });
const cache = new PrefixCache(model, 1 << 30);
const turns = new Scheduler({ limitMs: () => 600_000, onHung: () => undefined }).client('interactive');
const { id } = store.conversations.create();
store.attachments.set(id, { documentIds: store.documents.list().map((document) => document.id) }, 'search');

type Told = { refused: boolean; nothingClose: boolean; citations: Citation[]; outOfPlace: number };
const told = new Map<Question, Told>();
for (const question of asked) told.set(question, await answer(question));
store.conversations.destroy(id);
store.close();

const groups = {
  'about something else': asked.filter(({ kind }) => kind === 'unanswerable'),
  'absent from the books': asked.filter(({ kind }) => kind === 'absent'),
  'with an answer': asked.filter(hasAnswer),
};
const count = (of: Question[], is: (one: Told) => boolean) => of.filter((question) => is(told.get(question)!)).length;
const citations = [...told.values()].flatMap((one) => one.citations);
const result = {
  command: 'node test/retrieval/answers.ts MODEL_FOLDER FOLDER',
  ...describeMachine(),
  model: model.manifest.name,
  recipe: model.manifest.recipe,
  embedder: EMBEDDER,
  questions: Object.fromEntries(
    Object.entries(groups).map(([name, of]) => [
      name,
      {
        questions: of.length,
        refusedByTheModel: count(of, ({ refused }) => refused),
        saidByTheApp: count(of, ({ nothingClose }) => nothingClose),
        either: count(of, (one) => one.refused || one.nothingClose),
      },
    ]),
  ),
  citations: {
    exact: citations.filter(({ state }) => state === 'exact').length,
    close: citations.filter(({ state }) => state === 'close').length,
    missing: citations.filter(({ state }) => state === 'missing').length,
    shownOutOfPlace: [...told.values()].reduce((sum, { outOfPlace }) => sum + outOfPlace, 0),
  },
};
const text = `${JSON.stringify(result, null, 2)}\n`;
if (out === undefined) process.stdout.write(text);
else writeFileSync(out, text);
model.release();

async function answer({ question, language }: Question): Promise<Told> {
  const input = { way: 'search' as const, question, contextTokens: 8192, knowsTools: false };
  const sources = await ask.sourcesFor(ask.attachedTo(id), [], input);
  const user: AskedMessage = { role: 'user', text: question, sources, language };
  const shown = (message: AskedMessage) => ask.shown(message, false);
  const prompt = buildPrompt([user], { shown, systemPrompt: null, tokenizer: null, tools: null });
  let said = '';
  const options = sampling.parse({ temperature: 0, maxTokens: ANSWER_TOKENS });
  for await (const event of generate(prompt, options, { model, cache, turns })) {
    if (event.type === 'token') said += event.text;
  }
  const rests = (await ask.sourcesOf([user, { role: 'assistant', text: said }]))!;
  console.error(`${question}\n  ${said.replace(/\s+/gu, ' ').slice(0, 160)}`);
  return {
    refused: REFUSAL.test(said),
    nothingClose: rests.nothingClose ?? false,
    citations: rests.citations,
    outOfPlace: rests.citations.filter(({ span, quote }) => span !== null && wordsOf(span) !== quote).length,
  };
}

function wordsOf({ documentId, part, start, end }: NonNullable<Citation['span']>): string {
  const { contentId } = store.documents.known(documentId);
  return store.documents.part(contentId, part)!.text.slice(start, end);
}
