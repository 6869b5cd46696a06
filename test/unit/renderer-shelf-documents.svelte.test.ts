import { describe, expect, it, onTestFinished } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import type { FileDoor, FolderDoor } from '../../renderer/app/files.ts';
import { Composer } from '../../renderer/state/composer.svelte.ts';
import { Attached } from '../../renderer/state/attached.svelte.ts';
import { DocumentSearch } from '../../renderer/state/document-search.svelte.ts';
import { Documents } from '../../renderer/state/documents.svelte.ts';
import { Mentions, type Mentioned } from '../../renderer/state/mentions.svelte.ts';
import { PasteOffer } from '../../renderer/state/paste-offer.svelte.ts';
import { SourcePane } from '../../renderer/state/source-pane.svelte.ts';
import { TagChoice } from '../../renderer/state/tag-choice.svelte.ts';
import { Watching } from '../../renderer/state/watching.svelte.ts';
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

it('folders that are watched are known, with their documents by their paths', async () => {
  const { documents, shelf, line } = await open();
  const { id } = await documents.watchFolder('/home/ada/Deeds');
  for (const path of ['b.txt', 'a/c.txt']) shelf.put(path, [plainPart(path)], { info: { folder: { id, path } } });
  await until(() => expect(documents.inFolder(id).map(({ name }) => name)).toEqual(['a/c.txt', 'b.txt']));
  shelf.watchFolder('/home/ada/Deeds', { state: 'missing' });
  await until(() => expect(documents.folders).toMatchObject([{ id, state: 'missing' }]));
  await documents.unwatchFolder(id, 'keep');
  expect(documents.folders).toEqual([]);
  await until(() => expect(documents.inFolder(id)).toEqual([]));
  expect(line.assistant.calls).toEqual(['watch Deeds', 'unwatch Deeds keep']);
});

describe('a folder that is given', () => {
  const deeds = (files: [string, number, number][]) => ({
    file: null,
    show: () => Promise.resolve({ name: 'Deeds', path: null, files }),
  });
  const folder = deeds([['a.txt', 1, 2]]);

  async function give(pathOf: FolderDoor['pathOf']) {
    const { documents, line } = await open();
    const watched: string[] = [];
    const door = { choose: null, pathOf };
    const asked: string[] = [];
    const watching = new Watching({
      documents,
      door,
      isWanted: (path, name) => Promise.resolve(asked.push(`${name} at ${path}`) > 0 && name !== 'Huge'),
      onEmpty: () => watched.push('nothing in it'),
      onWatched: (name) => watched.push(name),
    });
    return { watching, watched, asked, line };
  }

  it('is watched where it is found', async () => {
    const { watching, watched } = await give(() => Promise.resolve('/home/ada/Deeds'));
    await watching.take([folder]);
    expect([watched, watching.asked]).toEqual([['Deeds'], null]);
  });

  it('is not watched where the user does not want what it takes', async () => {
    const { watching, watched, asked } = await give(() => Promise.resolve('/home/ada/Huge/'));
    await watching.take([folder]);
    expect([watched, asked]).toEqual([[], ['Huge at /home/ada/Huge/']]);
  });

  it('is said to have nothing in it where that is why it can’t be told', async () => {
    const { watching, watched } = await give(() => Promise.reject(new LonghandError('invalid-input', 'It is empty.')));
    await watching.take([deeds([])]);
    expect([watched, watching.asked]).toEqual([['nothing in it'], null]);
  });

  it('is asked about where it is not, until the user says where it lies', async () => {
    const { watching, watched } = await give((_, said) =>
      said === '/srv/Deeds' ? Promise.resolve(said) : Promise.reject(new LonghandError('not-found', 'Not here.')),
    );
    await watching.take([folder]);
    expect(watching.asked?.name).toBe('Deeds');
    await watching.say('/srv/elsewhere');
    expect([watching.problem?.code, watched]).toEqual(['not-found', []]);
    await watching.say(' /srv/Deeds ');
    expect([watching.problem, watching.asked, watched]).toEqual([null, null, ['Deeds']]);
  });

  it('that is refused for another reason is not asked about', async () => {
    const refusal = new LonghandError('invalid-input', 'It is empty.');
    const { watching } = await give(() => Promise.reject(refusal));
    await expect(watching.take([folder])).rejects.toBe(refusal);
    expect(watching.asked).toBeNull();
  });
});

describe('a name behind an @ in a message', () => {
  const named = (name: string) => ({ id: name, name });
  function write(names = ['Letter to the editor.md', 'Ledger 1871.xlsx', '房屋租赁合同.pdf'], collections = ['Deeds']) {
    const taken: Mentioned[] = [];
    let documents = $state.raw(names);
    const mentions = new Mentions({
      shelf: () => ({
        documents: documents.map(named) as never,
        collections: collections.map((name) => ({ kind: 'folder', ...named(name) })),
      }),
      take: (chosen) => taken.push(chosen),
    });
    const find = (text: string, caret = text.length) => {
      mentions.look(text, caret);
      return mentions.items.map(({ name }) => name);
    };
    return { mentions, taken, names: find, shrink: (to: string[]) => (documents = to) };
  }

  it('opens the list of what is on the shelf, and narrows it', () => {
    const { names } = write();
    expect(names('What says @')).toEqual(['Deeds', 'Letter to the editor.md', 'Ledger 1871.xlsx', '房屋租赁合同.pdf']);
    expect(names('What says @l')).toContain('Ledger 1871.xlsx');
    expect(names('What says @led')).toEqual(['Ledger 1871.xlsx']);
    expect(names('What says @letter to')).toEqual(['Letter to the editor.md']);
    expect(names('@合同')).toEqual(['房屋租赁合同.pdf']);
    expect(names('请看＠租赁')).toEqual(['房屋租赁合同.pdf']);
  });

  it('is none in an address, in the rest of a sentence, or before the caret has come to it', () => {
    const { names } = write();
    for (const text of ['ada@letter', 'a @ letter', '@letter please', '@letter\n', 'x @nothing like it']) {
      expect(names(text), text).toEqual([]);
    }
    expect(names('@letter', 0)).toEqual([]);
    expect(names('@letter tomorrow', 4)).toEqual(['Letter to the editor.md']);
  });

  it('is taken and leaves the text', () => {
    const { mentions, taken, names } = write();
    names('What says @led about it?', 14);
    expect(mentions.choose('What says @led about it?')).toEqual({ text: 'What says about it?', caret: 10 });
    expect(taken).toEqual([{ kind: 'document', id: 'Ledger 1871.xlsx', name: 'Ledger 1871.xlsx' }]);
    expect(mentions.open).toBe(false);
  });

  it('is chosen by steps that go round, and stays shut where it was closed', () => {
    const { mentions, names } = write();
    names('@');
    mentions.step(-1);
    expect(mentions.current?.name).toBe('房屋租赁合同.pdf');
    mentions.step(1);
    expect(mentions.current?.name).toBe('Deeds');
    mentions.close();
    expect(names('@le')).toEqual([]);
    expect(names('@le and @led')).toEqual(['Ledger 1871.xlsx']);
  });

  it('is the last one of the list when those below it left the shelf', () => {
    const { mentions, names, shrink } = write();
    names('@');
    mentions.step(-1);
    shrink(['Letter to the editor.md']);
    expect(mentions.index).toBe(1);
    expect(mentions.current?.name).toBe('Letter to the editor.md');
    mentions.step(-1);
    expect(mentions.current?.name).toBe('Deeds');
  });

  it('shows documents among many folders, until a letter narrows the list', () => {
    const { names } = write(['A.txt', 'B.txt'], ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7']);
    expect(names('@')).toEqual(['c1', 'c2', 'c3', 'c4', 'A.txt', 'B.txt', 'c5', 'c6']);
    expect(names('@c7')).toEqual(['c7']);
  });
});

describe('tags of a document', () => {
  it('are chosen among those of the shelf, and new ones typed', () => {
    const choice = new TagChoice(['lease'], ['house', 'lease']);
    choice.toggle('house');
    choice.toggle('lease');
    choice.text = ' #Mill  Lane, HOUSE，, mill lane';
    choice.add();
    expect(choice.chosen).toEqual(['house', 'Mill Lane']);
    expect(choice.offered).toEqual(['house', 'lease', 'Mill Lane']);
    expect(choice.text).toBe('');
    choice.toggle('Mill Lane');
    expect([choice.chosen, choice.offered.at(-1)]).toEqual([['house'], 'Mill Lane']);
  });

  it('gather documents on the shelf, and narrow its search', async () => {
    const { documents, shelf, line } = await open();
    const letter = shelf.put('Letter.txt', [plainPart('The loan is repaid.')]);
    shelf.put('Ledger.txt', [plainPart('A loan.')], { info: { tags: ['money', 'Ä'] } });
    await until(() => expect(documents.items).toHaveLength(2));
    await documents.tag(letter.id, ['money']);
    expect(documents.tags).toEqual(['Ä', 'money']);
    const [shelfOf, ä, money] = documents.collections;
    expect([shelfOf?.kind, ä?.id, money?.id]).toEqual(['shelf', 'Ä', 'money']);
    expect(documents.inCollection(ä!).map(({ name }) => name)).toEqual(['Ledger.txt']);
    const search = new DocumentSearch(line.connection);
    search.query = 'loan';
    await until(() => expect(search.groups).toHaveLength(2));
    search.tag = 'Ä';
    await until(() => expect(search.groups.map(({ name }) => name)).toEqual(['Ledger.txt']));
    search.tag = null;
    await until(() => expect(search.groups).toHaveLength(2));
  });
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
