import { describe, expect, it, onTestFinished } from 'vitest';
import type { FileDoor } from '../../renderer/app/files.ts';
import { Composer } from '../../renderer/state/composer.svelte.ts';
import { Attached } from '../../renderer/state/attached.svelte.ts';
import { DocumentSearch } from '../../renderer/state/document-search.svelte.ts';
import { Documents } from '../../renderer/state/documents.svelte.ts';
import { PasteOffer } from '../../renderer/state/paste-offer.svelte.ts';
import { SourcePane } from '../../renderer/state/source-pane.svelte.ts';
import { memoryStorage, TestLine, until } from '../support/renderer-support.ts';
import { plainPart } from '../support/scripted-documents.ts';

const here = import.meta.filename;
const file = (name: string) => new File(['x'], name);

async function open(door: Partial<FileDoor> = {}) {
  const line = new TestLine();
  const passed: string[] = [];
  const documents = new Documents(line.connection, {
    choose: null,
    chooseDocuments: null,
    pathOf: (one) => {
      passed.push(one.name);
      return Promise.resolve(here);
    },
    ...door,
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void documents.watch(stop.signal);
  await until(() => expect(documents.loaded).toBe(true));
  return { line, documents, passed, shelf: line.assistant.documents };
}

describe('the shelf of documents', () => {
  it('shows what there is, last added first, and every change of it', async () => {
    const { documents, shelf } = await open();
    const letter = shelf.put('Letter.txt', [plainPart('A letter.')]);
    shelf.put('Contract.pdf', [plainPart('A contract.')], { info: { state: 'parsing' } });
    await until(() => expect(documents.items.map(({ name }) => name)).toEqual(['Contract.pdf', 'Letter.txt']));
    expect(documents.busy).toBe(1);
    shelf.change(letter.id, { state: 'failed' });
    await until(() => expect(documents.of(letter.id)?.state).toBe('failed'));
    await documents.remove(letter.id);
    expect(documents.items.map(({ name }) => name)).toEqual(['Contract.pdf']);
  });

  it('is the same again after the line broke', async () => {
    const { line, documents, shelf } = await open();
    line.cut();
    shelf.put('Letter.txt', [plainPart('A letter.')]);
    await until(() => expect(documents.items).toHaveLength(1));
  });

  it('takes files one after the other, and more behind those that are on their way', async () => {
    const { documents, passed, line } = await open();
    const first = documents.addFiles([file('a.txt'), file('b.txt')]);
    await documents.addFiles([file('c.txt')]);
    expect(passed).toEqual(['a.txt', 'b.txt', 'c.txt']);
    expect(await first).toBe(2);
    expect(line.assistant.calls.filter((call) => call.startsWith('add'))).toHaveLength(3);
    expect(documents.passing).toBeNull();
  });

  it('keeps what had arrived when the rest is cancelled, and takes the next', async () => {
    const { documents, passed } = await open({
      pathOf: (one, { signal }) => {
        passed.push(one.name);
        if (one.name !== 'large.pdf') return Promise.resolve(here);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      },
    });
    const adding = documents.addFiles([file('a.txt'), file('large.pdf'), file('b.txt')]);
    await until(() => expect(documents.passing?.name).toBe('large.pdf'));
    documents.cancelPassing();
    expect(await adding).toBe(1);
    await documents.addFiles([file('c.txt')]);
    expect(passed).toEqual(['a.txt', 'large.pdf', 'c.txt']);
  });

  it('tries again with a password', async () => {
    const { documents, shelf, line } = await open();
    const { id } = shelf.put('Secret.pdf', [], { info: { state: 'failed' } });
    await documents.retry(id, 'open sesame');
    expect(line.assistant.calls).toContain('retry Secret.pdf with open sesame');
    expect(documents.of(id)?.state).toBe('queued');
  });
});

it('a search inside documents shows the answer to what stands in the field last', async () => {
  const { line, shelf } = await open();
  shelf.put('Letter.txt', [plainPart('The loan is repaid.')]);
  shelf.wordsOnly = 'no-embedder';
  const search = new DocumentSearch(line.connection);
  search.query = 'loa';
  search.query = 'loan';
  await until(() => expect(search.answered).toBe('loan'));
  expect(search.groups.map(({ name, hits }) => [name, hits.length])).toEqual([['Letter.txt', 1]]);
  expect(search.wordsOnly).toBe('no-embedder');
  search.clear();
  expect([search.active, search.hits]).toEqual([false, []]);
});

describe('documents of a conversation', () => {
  async function attach() {
    const { line, shelf } = await open();
    const ids = ['A.txt', 'B.txt'].map((name) => shelf.put(name, [plainPart('word '.repeat(200))]).id);
    let begun = 0;
    let changes = 0;
    const attached = new Attached({
      connection: line.connection,
      begin: () => Promise.resolve(`c${(begun += 1) && 1}`),
      onChange: () => (changes += 1),
    });
    return { line, shelf, attached, ids, counts: () => ({ begun, changes }) };
  }

  it('are added and removed one choice after the other, with what they take', async () => {
    const { attached, ids, line, counts } = await attach();
    await Promise.all([attached.add([ids[0]!]), attached.add([ids[1]!, ids[0]!])]);
    expect(attached.ids).toEqual(ids);
    expect(attached.plan).toMatchObject({ way: 'whole', tokens: 500, fits: true });
    await attached.choose('search');
    await attached.remove(ids[0]!);
    expect(attached.plan).toMatchObject({ way: 'search', tokens: 250 });
    expect(line.assistant.calls.slice(-2)).toEqual(['attach A.txt, B.txt search', 'attach B.txt search']);
    expect(counts().changes).toBe(4);
  });

  it('are there again when the conversation is opened', async () => {
    const { attached, ids, line } = await attach();
    await attached.add(ids);
    const other = new Attached({ connection: line.connection, begin: () => Promise.resolve('c1'), onChange() {} });
    await other.load('c1');
    expect(other.ids).toEqual(ids);
  });

  it('stay as they were where a choice fails', async () => {
    const { attached, ids } = await attach();
    await attached.add([ids[0]!]);
    await expect(attached.add(['gone'])).rejects.toMatchObject({ code: 'not-found' });
    expect(attached.ids).toEqual([ids[0]]);
    await attached.add([ids[1]!]);
    expect(attached.ids).toEqual(ids);
  });
});

describe('the source pane', () => {
  async function show() {
    const { line, shelf } = await open();
    const parts = ['One.', 'The loan is repaid.', 'Three.'].map((text) => plainPart(text));
    const outline = [{ title: 'Three', level: 1, part: 2, offset: 0 }];
    const { id } = shelf.put('Letter.txt', parts, { outline });
    return { line, pane: new SourcePane(line.connection), id, shelf };
  }

  it('shows the part with the cited words, and steps to its neighbours as far as there are any', async () => {
    const { pane, id } = await show();
    await pane.show({ documentId: id, part: 1, ranges: [[4, 8]] });
    expect([pane.document?.name, pane.part?.text, pane.quote]).toEqual(['Letter.txt', 'The loan is repaid.', 'loan']);
    await pane.step(1);
    expect([pane.number, pane.part?.text, pane.hasNext, pane.quote]).toEqual([2, 'Three.', false, '']);
    await pane.step(1);
    expect(pane.number).toBe(2);
    await pane.step(-1);
    await pane.jump(pane.document!.outline[0]!);
    expect(pane.number).toBe(2);
    pane.close();
    expect([pane.open, pane.document]).toEqual([false, null]);
  });

  it('shows what was asked for last', async () => {
    const { pane, id } = await show();
    await Promise.all([pane.show({ documentId: id, part: 0 }), pane.show({ documentId: id, part: 2 })]);
    expect(pane.part?.text).toBe('Three.');
  });

  it('says why a source cannot be shown', async () => {
    const { pane } = await show();
    await pane.show({ documentId: 'gone', part: 0 });
    expect([pane.open, pane.problem?.code]).toEqual([true, 'not-found']);
  });
});

describe('a text that was pasted', () => {
  const long = 'line\r\n'.repeat(900);
  const kept = 'line\n'.repeat(900);

  function paste(text: string, around: (text: string) => string = (words) => words) {
    const composer = new Composer(null, new TestLine().connection, memoryStorage());
    const offer = new PasteOffer(composer);
    offer.note(text);
    composer.text = around(text.replaceAll('\r', ''));
    return { composer, offer };
  }

  it('can be taken out of the field again when it is long, and leaves the words around it', () => {
    const { composer, offer } = paste(long, (words) => `before ${words} after`);
    expect(offer.text).toBe(kept);
    expect(offer.take()).toBe(kept);
    expect([composer.text, offer.text]).toEqual(['before  after', null]);
  });

  it('is part of the message when it is short, was changed, or is to stay', () => {
    expect(paste('short').offer.text).toBeNull();
    const { composer, offer } = paste(long);
    composer.text = composer.text.slice(1);
    expect([offer.text, offer.take()]).toEqual([null, null]);
    const other = paste(long);
    other.offer.leave();
    expect([other.offer.text, other.composer.text]).toEqual([null, kept]);
  });
});
