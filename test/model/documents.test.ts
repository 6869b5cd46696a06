import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../main/contract/chat.ts';
import { runScript } from '../support/run.ts';
import { TinyApp } from '../support/tiny-app.ts';
import { mulberry32 } from '../support/tiny-checkpoint.ts';

/** Of the tiny model each letter is a token: a document of about 20,000, and questions with what is said around them. */
const CONTEXT_TOKENS = 30_000;
const PARAGRAPHS = 100;
const QUESTION_TOKENS = 400;

let app: TinyApp;
beforeAll(async () => {
  app = await TinyApp.create({ contextTokens: CONTEXT_TOKENS });
}, 60_000);
afterAll(() => app.remove());

const ready = () =>
  expect.poll(async () => (await app.run((client) => client.models.status())).state, { timeout: 20_000 }).toBe('ready');

/** A text like no other. */
function text(seed: number): string {
  const random = mulberry32(seed);
  const word = () => Array.from({ length: 5 }, () => 'abcdefgijk'[Math.floor(random() * 10)]).join('');
  const paragraph = () => `${Array.from({ length: 32 }, word).join(' ')}.`;
  return Array.from({ length: PARAGRAPHS }, paragraph).join('\n\n');
}

/** Such a text, on the shelf. */
async function added(name: string, seed: number): Promise<string> {
  await ready();
  const path = join(app.dataFolder, name);
  await writeFile(path, text(seed));
  const { documents } = await app.run((client) => client.documents.add({ paths: [path] }));
  const { id } = documents[0]!;
  await expect
    .poll(async () => (await app.run((client) => client.documents.get({ id }))).state, { timeout: 20_000 })
    .toMatch(/^(indexing|ready)$/);
  return id;
}

async function conversationOver(documentId: string, way: 'whole' | 'search' | null = null) {
  const { id } = await app.run((client) => client.chat.create({}));
  const plan = await app.run((client) =>
    client.documents.attach({ conversationId: id, documentIds: [documentId], way }),
  );
  return { id, plan: plan! };
}

async function ask(id: string, question: string): Promise<Message> {
  const sampling = { temperature: 0, repetitionPenalty: 1, maxTokens: 4 };
  const { reply } = await app.run((client) => client.chat.send({ conversationId: id, text: question, sampling }));
  const ended = async () => (await app.run((client) => client.chat.path({ id }))).find((one) => one.id === reply.id)!;
  await expect.poll(async () => (await ended()).state, { timeout: 120_000 }).toBe('complete');
  return ended();
}

describe('a whole document in a conversation', { timeout: 240_000 }, () => {
  it('is read once: a second question reads its own tokens, also after a restart of everything', async () => {
    const document = await added('once.txt', 1);
    const { id, plan } = await conversationOver(document);
    expect(plan).toMatchObject({ way: 'whole', proposed: 'whole', fits: true, contextTokens: CONTEXT_TOKENS });
    const first = await ask(id, 'What?');
    expect(first.metrics!.promptTokens).toBeGreaterThan(19_000);
    expect(Math.abs(first.metrics!.promptTokens - plan.tokens)).toBeLessThan(16); // but for the question
    const second = await ask(id, 'And then?');
    expect(second.metrics!.newTokens).toBeLessThan(QUESTION_TOKENS);
    await app.stop();
    app.start();
    await ready();
    expect((await ask(id, 'And now?')).metrics!.newTokens).toBeLessThan(QUESTION_TOKENS);
  });

  it('is read ahead as a job, for any conversation that begins with it', async () => {
    const document = await added('ahead.txt', 2);
    const { id: jobId } = await app.run((client) => client.documents.read({ id: document }));
    const state = async () => (await app.run((client) => client.jobs.list())).find(({ id }) => id === jobId)!.state;
    await expect.poll(state, { timeout: 120_000 }).toBe('done');
    for (const question of ['What?', 'Why?']) {
      const { id } = await conversationOver(document);
      expect((await ask(id, question)).metrics!.newTokens).toBeLessThan(QUESTION_TOKENS);
    }
  });

  it('is read ahead from the command line too, for the conversation that is named', async () => {
    await app.stop();
    const path = join(app.dataFolder, 'said.txt');
    await writeFile(path, text(4));
    const told = async (...argv: string[]) => {
      const running = runScript('main/cli/main.ts', [...argv, '--no-fetch', '--json', '--data', app.dataFolder]);
      expect(await running.ended, running.stderr()).toBe(0);
      return JSON.parse(running.stdout()) as {
        conversationId: string;
        readTokens: number;
        metrics: { newTokens: number };
      };
    };
    const { conversationId, readTokens } = await told('read', path);
    expect(readTokens).toBeGreaterThan(19_000);
    const options = ['--temperature', '0', '--max-tokens', '4'];
    const { metrics } = await told('ask', '--conversation', conversationId, ...options, 'What?');
    expect(metrics.newTokens).toBeLessThan(QUESTION_TOKENS);
    app.start();
  });

  it('is proposed only where it fits; else passages are searched for each question', async () => {
    const documents = [await added('one.txt', 3), await added('two.txt', 4)];
    const { id } = await app.run((client) => client.chat.create({}));
    const attach = (way: 'whole' | null) =>
      app.run((client) => client.documents.attach({ conversationId: id, documentIds: documents, way }));
    expect(await attach('whole')).toMatchObject({ way: 'whole', proposed: 'search', fits: false });
    expect(await attach(null)).toMatchObject({ way: 'search', proposed: 'search', fits: true });
    const [part, again] = await Promise.all(
      documents.map((document) => app.run((client) => client.documents.part({ id: document, part: 0 }))),
    );
    const words = [part!, again!].map(({ text }) => text.split(' ').slice(40, 43).join(' '));
    const first = await ask(id, words[0]!);
    expect(first.metrics!.promptTokens).toBeLessThan(20_000);
    const path = await app.run((client) => client.chat.path({ id }));
    const asked = path.find(({ role }) => role === 'user')!.sources!;
    expect(asked.way).toBe('search');
    expect(asked.passages.some(({ documentId }) => documentId === documents[0])).toBe(true);
    expect(first.sources).toMatchObject({ way: 'search', passages: asked.passages });
  });
});
