import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attach, failureOf, ScriptedEmbedder, startAssistant, tempFolder, until } from './assistant-support.ts';

/** An embedding model as one that was installed lies in the data folder. */
function installEmbedder(dataDir: string, name: string, languages: 'english' | 'many' = 'english'): void {
  const folder = join(dataDir, 'embedders', name);
  mkdirSync(folder, { recursive: true });
  const prefixes = { query: '', passage: '' };
  const manifest = { name, weights: `weights of ${name}`, license: 'mit', pooling: 'mean', prefixes, maxTokens: 256 };
  writeFileSync(join(folder, 'embedder.json'), JSON.stringify({ ...manifest, languages }));
}

type Started = ReturnType<typeof startAssistant>;

function start(setup: Parameters<typeof startAssistant>[0] = {}): Started {
  const dataDir = setup.dataDir ?? tempFolder();
  if (setup.dataDir === undefined) installEmbedder(dataDir, 'toy');
  return startAssistant({ ...setup, dataDir });
}

async function add({ client }: Started, name: string, text: string): Promise<string> {
  return (await client.documents.addText({ name, text })).id;
}

const embeddedOf = async ({ client }: Started) => {
  const { passages, embedded } = await client.documents.embedder();
  return [embedded, passages];
};
const whole = (started: Started) =>
  until(async () => {
    const [embedded, passages] = await embeddedOf(started);
    const documents = await started.client.documents.list();
    return passages! > 0 && embedded === passages && documents.every(({ state }) => state === 'ready');
  });

/** So many passages, each of its own word. */
const manyPassages = (count: number) =>
  Array.from(
    { length: count },
    (_, index) => `Word${String.fromCharCode(97 + (index % 26))}${index} ${'filler '.repeat(160)}.`,
  ).join('\n\n');

describe('finding by meaning', () => {
  it('finds a passage that says it in other words, and says which search did', async () => {
    const started = start();
    started.embedder.synonyms = { automobile: 'car' };
    const id = await add(started, 'a.txt', 'The automobile stands in the garage.');
    await add(started, 'b.txt', 'Otters swim in the river.');
    await whole(started);
    const { hits, wordsOnly } = await started.client.documents.search({ query: 'car' });
    expect(wordsOnly).toBeNull();
    expect(hits[0]).toMatchObject({ documentId: id, found: ['meaning'] });
    const both = await started.client.documents.search({ query: 'garage' });
    expect(both.hits[0]).toMatchObject({ documentId: id, found: ['words', 'meaning'] });
  });

  it('keeps to the documents that were named', async () => {
    const started = start();
    await add(started, 'a.txt', 'The garage is red.');
    const second = await add(started, 'b.txt', 'A garage is blue.');
    await whole(started);
    const { hits } = await started.client.documents.search({ query: 'garage', documentIds: [second] });
    expect(hits.map(({ documentId }) => documentId)).toEqual([second]);
  });

  it('says why it went by words alone', async () => {
    const started = start();
    const why = async (query: string) => (await started.client.documents.search({ query })).wordsOnly;
    expect(await why('garage')).toBe('not-indexed');
    await add(started, 'a.txt', 'The garage is red.');
    await whole(started);
    expect(await why('garage')).toBeNull();
    expect(await why('车库是什么颜色')).toBe('language');
    started.embedder.die();
    await until(async () => (await why('garage')) === 'embedder-stopped');
    expect((await started.client.documents.search({ query: 'garage' })).hits).toHaveLength(1);
  });

  it('embeds the same words once, whatever document they are in', async () => {
    const started = start();
    const text = manyPassages(6);
    await add(started, 'v1.txt', text);
    await whole(started);
    const before = started.embedder.embedded.length;
    await add(started, 'v2.txt', `${text}\n\nOne more paragraph ${'more '.repeat(200)}.`);
    await whole(started);
    expect(started.embedder.embedded.length - before).toBeLessThan(3);
    expect(new Set(started.embedder.embedded).size).toBe(started.embedder.embedded.length);
  });

  it('shows a document as indexing until its passages have their vectors, with the job that makes them', async () => {
    const started = start();
    const gate = Promise.withResolvers<void>();
    started.embedder.hold = gate.promise;
    const id = await add(started, 'a.txt', 'The garage is red.');
    const document = async () => (await started.client.documents.list()).find((one) => one.id === id)!;
    await until(async () => (await document()).state === 'indexing');
    const { jobId, embedded } = await document();
    expect([(await started.client.jobs.list()).find((job) => job.id === jobId)?.kind, embedded]).toEqual(['index', 0]);
    expect((await started.client.documents.search({ query: 'garage' })).hits).toHaveLength(1);
    gate.resolve();
    await whole(started);
    expect(await document()).toMatchObject({ state: 'ready', jobId: null, embedded: 1 });
  });

  it('goes on after the app ended, without embedding anything twice', async () => {
    const dataDir = tempFolder();
    installEmbedder(dataDir, 'toy');
    const first = start({ dataDir });
    await add(first, 'a.txt', manyPassages(60));
    await until(async () => (await embeddedOf(first))[0]! > 0);
    await first.close();
    const again = start({ dataDir });
    await whole(again);
    const all = [...first.embedder.embedded, ...again.embedder.embedded];
    expect(all.length - new Set(all).size).toBeLessThanOrEqual(16); // the batch under way was not stored
    expect(again.embedder.embedded.length).toBeLessThan(new Set(all).size);
  });

  it('goes on with a process that came back', async () => {
    const started = start();
    const gate = Promise.withResolvers<void>();
    started.embedder.hold = gate.promise;
    await add(started, 'a.txt', manyPassages(3));
    await until(() => started.embedder.loads.length > 0);
    const next = new ScriptedEmbedder();
    started.embedder.die();
    attach(started.assistant, 'embedder', next);
    await whole(started);
    expect(next.loads).toEqual(['toy']);
    gate.resolve();
  });

  it('embeds anew for another model, and forgets the vectors of the one before', async () => {
    const dataDir = tempFolder();
    installEmbedder(dataDir, 'toy');
    installEmbedder(dataDir, 'zeta');
    const started = start({ dataDir });
    await add(started, 'a.txt', 'The garage is red.');
    await whole(started);
    expect((await started.client.documents.embedder()).model).toBe('toy');
    await started.client.documents.useEmbedder({ name: 'zeta' });
    await whole(started);
    expect(started.embedder.loads).toEqual(['toy', 'zeta']);
    expect(started.embedder.embedded).toHaveLength(2);
    await started.client.documents.useEmbedder({ name: 'toy' });
    await until(() => started.embedder.embedded.length === 3);
  });

  it('is fetched unasked only where the starter model may be, and once there is a document', async () => {
    const kinds = async ({ client }: Started) => (await client.jobs.list()).map(({ kind }) => kind);
    const quiet = startAssistant({ env: {} });
    await add(quiet, 'a.txt', 'Otters.');
    expect(await kinds(quiet)).not.toContain('embedder');
    const network = { pips: [['/nonexistent']], probeMs: 1 };
    const allowed = startAssistant({ env: { LONGHAND_FETCH: 'starter', HF_ENDPOINT: 'http://127.0.0.1:9' }, network });
    expect(await kinds(allowed)).not.toContain('embedder');
    await add(allowed, 'a.txt', 'Otters.');
    expect(await kinds(allowed)).toContain('embedder');
  });

  it('refuses to import what is no model', async () => {
    const started = start();
    const folder = tempFolder();
    writeFileSync(join(folder, 'model.onnx'), 'x');
    const { importEmbedder } = started.client.documents;
    expect(await failureOf(importEmbedder({ path: folder }))).toMatchObject({ code: 'model-damaged' });
    expect(await failureOf(importEmbedder({ path: join(folder, 'nothing') }))).toMatchObject({ code: 'not-found' });
  });

  it('imports a model under the name of its folder, and nothing under a name that leads elsewhere', async () => {
    const dataDir = tempFolder();
    installEmbedder(dataDir, 'toy');
    const { client } = start({ dataDir });
    const model = (...names: string[]) => {
      const folder = join(tempFolder(), ...names);
      mkdirSync(join(folder, 'sub'), { recursive: true });
      for (const file of ['model.onnx', 'tokenizer.json']) writeFileSync(join(folder, file), '{}');
      return folder;
    };
    const folder = model('mine');
    const { installed } = await client.documents.importEmbedder({ path: `${folder}/sub/..` });
    expect(installed.map(({ name }) => name)).toEqual([basename(folder), 'toy']);
    expect(existsSync(join(dataDir, 'embedders', 'toy', 'embedder.json'))).toBe(true);
    for (const name of ['...', '---', 'toy.part']) {
      const failure = await failureOf(client.documents.importEmbedder({ path: model(name) }));
      expect(failure).toMatchObject({ code: 'invalid-input' });
    }
  });

  it('imports what a page has sent under the name that it gives, and keeps no copy of it', async () => {
    const dataDir = tempFolder();
    installEmbedder(dataDir, 'toy');
    const { client } = start({ dataDir });
    const sent = join(dataDir, 'incoming', 'b3a1f0c2-0000-4000-8000-000000000000');
    mkdirSync(sent, { recursive: true });
    for (const file of ['model_quantized.onnx', 'tokenizer.json']) writeFileSync(join(sent, file), '{}');
    writeFileSync(join(sent, '1_Pooling_config.json'), '{"pooling_mode_cls_token": true}');
    const path = join(sent, 'model_quantized.onnx');
    const { model } = await client.documents.importEmbedder({ path, name: 'bge small' });
    expect(model).toBe('bge-small');
    const manifest = JSON.parse(
      readFileSync(join(dataDir, 'embedders', 'bge-small', 'embedder.json'), 'utf8'),
    ) as object;
    expect(manifest).toMatchObject({ name: 'bge-small', pooling: 'first' });
    expect(existsSync(sent)).toBe(false);
  });

  it('tells whoever watches the shelf that all is indexed anew', async () => {
    const dataDir = tempFolder();
    installEmbedder(dataDir, 'toy');
    installEmbedder(dataDir, 'zeta');
    const started = start({ dataDir });
    await add(started, 'a.txt', manyPassages(3));
    await whole(started);
    const changes = await started.client.documents.watch();
    await changes.next(); // documents, then folders
    await changes.next();
    started.embedder.hold = new Promise(() => {});
    await started.client.documents.useEmbedder({ name: 'zeta' });
    const { value } = await changes.next();
    expect(value).toMatchObject({ type: 'documents', documents: [{ state: 'indexing', embedded: 0 }] });
  });

  it('keeps the vectors of a model that is chosen again while another embeds', async () => {
    const dataDir = tempFolder();
    installEmbedder(dataDir, 'toy');
    installEmbedder(dataDir, 'zeta');
    const started = start({ dataDir });
    await add(started, 'a.txt', manyPassages(40));
    await whole(started);
    const before = started.embedder.embedded.length;
    const gate = Promise.withResolvers<void>();
    started.embedder.hold = gate.promise;
    await started.client.documents.useEmbedder({ name: 'zeta' });
    await until(() => started.embedder.loads.includes('zeta'));
    await started.client.documents.useEmbedder({ name: 'toy' });
    gate.resolve();
    await whole(started);
    expect(started.embedder.embedded.length - before).toBeLessThanOrEqual(16); // the batch of the other that was under way
  });

  it('finds by meaning beside passages that the model cannot read', async () => {
    const started = start();
    started.embedder.synonyms = { automobile: 'car' };
    await add(started, 'zh.txt', '车库是红色的。');
    await whole(started);
    const id = await add(started, 'en.txt', 'The automobile is red.');
    await whole(started);
    const { hits, wordsOnly } = await started.client.documents.search({ query: 'car' });
    expect(wordsOnly).toBeNull();
    expect(hits[0]).toMatchObject({ documentId: id, found: ['meaning'] });
  });

  it('embeds with its own model after another was tried in the process', async () => {
    const started = start();
    await add(started, 'a.txt', 'The garage is red.');
    await whole(started);
    const folder = join(tempFolder(), 'other');
    mkdirSync(folder);
    for (const file of ['model.onnx', 'tokenizer.json']) writeFileSync(join(folder, file), '{}');
    await started.client.documents.importEmbedder({ path: folder });
    await started.client.documents.useEmbedder({ name: 'toy' });
    await add(started, 'b.txt', 'Otters swim in the river.');
    await whole(started);
    expect(started.embedder.loads.at(-1)).toBe('toy');
    expect((await started.client.documents.search({ query: 'otters' })).wordsOnly).toBeNull();
  });
});
