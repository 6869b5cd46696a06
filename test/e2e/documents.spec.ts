import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { drag as dragPaths, LANES } from '../support/e2e-drag.ts';
import { cite, compareVersions, shelve, smallEmbedder, twoEmbedders } from '../support/e2e-document-scenes.ts';
import { answers, expect, field, inkUnderMarks, questions, test } from '../support/e2e-page.ts';
import { openConversation } from '../support/e2e-scene-tools.ts';
import { plainPart } from '../support/scripted-documents.ts';

let folder: string;
test.beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'longhand-drop-'));
  writeFileSync(join(folder, 'letter.txt'), 'The loan is repaid in twelve instalments.');
  writeFileSync(join(folder, 'notes.md'), '# Notes');
  mkdirSync(join(folder, 'home', 'Papers', 'Reports', 'old'), { recursive: true });
  mkdirSync(join(folder, 'elsewhere', 'Deeds'), { recursive: true });
  for (const path of ['home/Papers/Reports/spring.md', 'home/Papers/Reports/old/winter.md', 'elsewhere/Deeds/a.txt']) {
    writeFileSync(join(folder, path), path);
  }
});
test.afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Drags files of the folder over the window and, unless told otherwise, lets go. */
const drag = (ui: Page, names: string[], at: { x: number; y: number }, letGo = true) =>
  dragPaths(
    ui,
    names.map((name) => join(folder, name)),
    at,
    letGo,
  );

const chips = (ui: Page) => ui.getByRole('region', { name: 'Documents of this conversation' });
const pane = (ui: Page) => ui.getByRole('complementary', { name: 'Source' });
const openShelf = (ui: Page) => ui.keyboard.press('Control+D');

/** Chooses from the menu of a document on the shelf. */
async function choose(ui: Page, name: string, action: string): Promise<void> {
  await ui.getByRole('button', { name: `More: ${name}` }).press('Enter');
  await ui.getByRole('menuitem', { name: action }).press('Enter');
}

async function paste(ui: Page, text: string): Promise<void> {
  await ui.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await ui.evaluate((words) => navigator.clipboard.writeText(words), text);
  await field(ui).focus();
  await ui.keyboard.press('Control+V');
}

test.describe('documents come in', () => {
  test('dropped on “Ask now” they belong to the conversation, with what reading them takes', async ({
    ui,
    assistant,
  }) => {
    await drag(ui, ['letter.txt', 'notes.md'], LANES.ask, false);
    await expect(ui.getByRole('region', { name: 'Where to put what you drag' })).toContainText('Ask now');
    await drag(ui, ['letter.txt', 'notes.md'], LANES.ask);
    await expect(chips(ui).getByRole('listitem')).toHaveCount(2);
    await expect(chips(ui)).toContainText('letter.txt');
    await expect(chips(ui)).toContainText('Waits to be read');
    await expect(chips(ui)).toContainText('13 tokens');
    await chips(ui).getByLabel('Search').check();
    await expect(chips(ui)).toContainText('up to 13 tokens a question');
    await chips(ui).getByRole('button', { name: 'Remove “notes.md” from this conversation' }).click();
    await expect(chips(ui).getByRole('listitem')).toHaveCount(1);
    expect(assistant.calls.filter((call) => call.startsWith('a'))).toEqual([
      'add letter.txt',
      'attach letter.txt as proposed',
      'add notes.md',
      'attach letter.txt, notes.md as proposed',
      'attach letter.txt, notes.md search',
      'attach letter.txt search',
    ]);
    await ui.reload(); // they are the conversation's, not the page's
    await expect(chips(ui)).toContainText('letter.txt');
  });

  test('dropped on “Keep on the shelf” they are read, and asked about by nobody', async ({ ui, assistant }) => {
    await drag(ui, ['letter.txt'], LANES.keep);
    await expect(ui.getByText('1 document put on the shelf.').first()).toBeVisible();
    await expect(chips(ui)).toBeHidden();
    expect(assistant.calls).toEqual(['add letter.txt']);
    await expect(ui.getByRole('link', { name: 'Documents 1' })).toBeVisible();
  });

  test('that take long are asked about first, and left where they are without a yes', async ({ ui, assistant }) => {
    assistant.documents.secondsToTakeIn = 4e6;
    await drag(ui, ['letter.txt', 'notes.md'], LANES.keep, false);
    const zone = ui.getByRole('region', { name: 'Where to put what you drag' });
    await expect(zone).toContainText('You are dragging 1 Text, 1 Markdown.');
    await drag(ui, ['letter.txt', 'notes.md'], LANES.keep);
    const dialog = ui.getByRole('dialog', { name: 'Put 2 files on the shelf?' });
    await expect(dialog).toContainText('2 files, 48 B: reading takes about');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect(dialog).toBeHidden();
    expect(assistant.calls).toEqual([]);
    await drag(ui, ['letter.txt'], LANES.ask);
    await ui.getByRole('dialog', { name: 'Ask about letter.txt?' }).getByRole('button', { name: 'Read it' }).click();
    await expect(chips(ui)).toContainText('letter.txt');
  });

  test('are chosen with the paperclip, or taken from the shelf', async ({ ui, assistant }) => {
    shelve(assistant);
    await ui.getByRole('button', { name: 'Attach documents' }).click();
    const choosing = ui.waitForEvent('filechooser');
    await ui.getByRole('menuitem', { name: 'Ask about files…' }).click();
    await (await choosing).setFiles(join(folder, 'letter.txt'));
    await expect(chips(ui)).toContainText('letter.txt');
    await ui.getByRole('button', { name: 'Attach documents' }).press('Enter');
    await ui.getByRole('menuitem', { name: 'From the shelf' }).press('ArrowRight');
    await ui.getByRole('menuitem', { name: 'Agreement of 1871.pdf' }).press('Enter');
    await expect(chips(ui).getByRole('listitem')).toHaveCount(2);
  });

  test('a long text that is pasted can become one, and stays in the field until then', async ({ ui, assistant }) => {
    await field(ui).fill('About this: ');
    await paste(ui, 'short');
    await expect(ui.getByRole('button', { name: 'Keep as attachment' })).toBeHidden();
    await paste(ui, 'word '.repeat(900));
    await expect(ui.getByText('You pasted 4,500 characters.')).toBeVisible();
    expect((await field(ui).inputValue()).length).toBe(4517);
    await ui.getByRole('button', { name: 'Keep as attachment' }).click();
    await expect(chips(ui)).toContainText('Pasted text');
    await expect(field(ui)).toHaveValue('About this: short');
    await expect(field(ui)).toBeFocused();
    expect(assistant.calls.some((call) => call.startsWith('add text Pasted text'))).toBe(true);
  });

  test('a refusal is said, and a file of a model goes where models go', async ({ ui, assistant }) => {
    writeFileSync(join(folder, 'mine.gguf'), 'GGUF');
    await drag(ui, ['mine.gguf'], LANES.ask);
    await expect(ui.getByText('Compiling the model')).toBeVisible();
    expect(assistant.calls).toEqual(['import mine.gguf']);
    const { LonghandError } = await import('../../main/contract/errors.ts');
    assistant.documents.refusal = new LonghandError('disk-full', '', { freeBytes: 4e8, neededBytes: 1.9e9 });
    await drag(ui, ['letter.txt'], LANES.ask);
    await expect(ui.getByRole('alert')).toContainText('400 MB free on the disk, 1.9 GB needed.');
  });
});

test.describe('a document at an address', () => {
  const address = 'https://www.harwick.example/deeds/1871';
  const hostDialog = (ui: Page, host: string) => ui.getByRole('dialog', { name: `Fetch from ${host}?` });

  test('is fetched once its host, and the one it leads on to, may be asked', async ({ ui, assistant }) => {
    assistant.documents.leadsOn = ['cdn.example'];
    await ui.getByRole('button', { name: 'Attach documents' }).click();
    await ui.getByRole('menuitem', { name: 'From an address…' }).click();
    await ui.getByRole('textbox', { name: 'Address' }).fill(address);
    await ui.keyboard.press('Enter');
    await expect(hostDialog(ui, 'www.harwick.example')).toContainText('Nothing else is sent');
    await expect(hostDialog(ui, 'www.harwick.example')).toContainText(address);
    await ui.getByRole('button', { name: 'Only this time' }).click();
    await expect(hostDialog(ui, 'cdn.example')).toContainText(`${address} leads on to cdn.example.`);
    expect(assistant.calls).toEqual([]);
    await ui.getByRole('button', { name: 'Only this time' }).click();
    await expect(chips(ui)).toContainText('1871.html');
    await expect(ui.getByRole('dialog')).toBeHidden();
    expect(assistant.calls).toEqual([`fetch ${address}`, 'attach 1871.html as proposed']);
  });

  test('is given up with Cancel, and from a host that is always allowed no question is asked', async ({
    ui,
    assistant,
  }) => {
    assistant.documents.arrived = new Promise(() => {});
    await openShelf(ui);
    await ui.getByRole('button', { name: 'From an address…' }).click();
    await ui.getByRole('textbox', { name: 'Address' }).fill(address);
    await ui.getByRole('button', { name: 'Fetch it' }).click();
    await ui.getByRole('button', { name: 'Always from this host' }).click();
    await expect(ui.getByRole('dialog')).toContainText('12 kB of 48 kB');
    await ui.getByRole('button', { name: 'Cancel' }).click();
    await expect(ui.getByRole('dialog')).toBeHidden();
    await ui.keyboard.press('Control+,');
    await expect(ui.getByText('www.harwick.example')).toBeVisible();
    await ui.getByRole('button', { name: 'Ask again: www.harwick.example' }).click();
    await expect(ui.getByText('Nothing is fetched from any host without asking you first.')).toBeVisible();
  });

  test('that is refused says why, and can be mended', async ({ ui, assistant }) => {
    const { LonghandError } = await import('../../main/contract/errors.ts');
    assistant.documents.hosts = ['router.local'];
    const details = { reason: 'private', host: 'router.local' };
    assistant.documents.refusal = new LonghandError('address-not-fetched', '', details);
    await openShelf(ui);
    await ui.getByRole('button', { name: 'From an address…' }).click();
    await ui.getByRole('textbox', { name: 'Address' }).fill('http://router.local/');
    await ui.keyboard.press('Enter');
    await expect(ui.getByRole('dialog')).toContainText('router.local is this machine or one of its own network');
    assistant.documents.refusal = null;
    await ui.getByRole('button', { name: 'Fetch it' }).click();
    await expect(ui.getByText('1 document put on the shelf.').first()).toBeVisible();
  });
});

test.describe('a folder', () => {
  const shelfOf = (ui: Page, name: string) => ui.getByRole('region', { name });

  test('dropped on “Watch the folder” is found by its files, though a browser tells no path', async ({
    ui,
    assistant,
  }) => {
    assistant.home = join(folder, 'home');
    await drag(ui, ['home/Papers/Reports'], LANES.watch, false);
    await expect(ui.getByRole('region', { name: 'Where to put what you drag' })).toContainText('Watch the folder');
    await drag(ui, ['home/Papers/Reports'], LANES.watch);
    await expect(ui.getByText('“Reports” is watched from now on.').first()).toBeVisible();
    expect(assistant.calls).toEqual(['watch Reports']);
    expect(assistant.chosen[0]).toBe(join(folder, 'home', 'Papers', 'Reports'));
    await drag(ui, ['letter.txt'], LANES.watch);
    await expect(ui.getByText('Only folders can be watched.').first()).toBeVisible();
  });

  test('that lies elsewhere is asked about, and known by its files', async ({ ui, assistant }) => {
    assistant.home = join(folder, 'home');
    await drag(ui, ['elsewhere/Deeds'], LANES.watch);
    const dialog = ui.getByRole('dialog', { name: 'Where is “Deeds”?' });
    await dialog.getByLabel('Path of the folder').fill(join(folder, 'home', 'Papers', 'Reports'));
    await dialog.getByRole('button', { name: 'Watch' }).click();
    await expect(dialog).toContainText('This is not the folder that you gave');
    expect(assistant.calls).toEqual([]);
    await dialog.getByLabel('Path of the folder').fill(join(folder, 'elsewhere', 'Deeds'));
    await dialog.getByLabel('Path of the folder').press('Enter');
    await expect(dialog).toBeHidden();
    expect(assistant.calls).toEqual(['watch Deeds']);
  });

  test('is chosen with the paperclip as well', async ({ ui, assistant }) => {
    assistant.home = join(folder, 'home');
    await ui.getByRole('button', { name: 'Attach documents' }).click();
    const choosing = ui.waitForEvent('filechooser');
    await ui.getByRole('menuitem', { name: 'Watch a folder…' }).click();
    await (await choosing).setFiles(join(folder, 'home', 'Papers', 'Reports'));
    await expect(ui.getByText('“Reports” is watched from now on.').first()).toBeVisible();
    expect(assistant.calls).toEqual(['watch Reports']);
  });

  test('is a heading on the shelf over its documents, asked about as a whole, and left again', async ({
    ui,
    assistant,
  }) => {
    const { documents } = assistant;
    const { id } = documents.watchFolder('/home/ada/Reports', { files: 5, sizeBytes: 2e6, passedOver: 1 });
    for (const name of ['one.md', 'two.md', 'three.md', 'four.md']) {
      documents.put(name, [plainPart(name)], { info: { origin: '/home/ada/Reports', folder: { id, path: name } } });
    }
    documents.put('alone.md', [plainPart('Alone.')]);
    await openShelf(ui);
    const shelf = shelfOf(ui, 'Reports');
    await expect(shelf).toContainText('Watched · 4 documents · 2.0 MB · 1 file of another kind');
    await expect(ui.getByRole('list', { name: 'Documents on the shelf' }).getByRole('listitem')).toHaveCount(1);
    await expect(shelf.getByRole('listitem')).toHaveCount(0);
    await shelf.getByRole('button', { name: 'Show its 4 documents: Reports' }).click();
    await expect(shelf.getByRole('listitem')).toHaveCount(4);
    documents.watchFolder('/home/ada/Reports', { state: 'missing' });
    await expect(shelf).toContainText('Not there. What was read of it stays; it is watched again when it is back.');
    documents.watchFolder('/home/ada/Reports', { state: 'watched', waiting: 2 });
    await expect(shelf).toContainText('2 changes not taken over yet');

    await shelf.getByRole('button', { name: 'Ask about it: Reports' }).click();
    await expect(chips(ui)).toContainText('Reports');
    await expect(chips(ui)).toContainText('4 documents');
    await expect(field(ui)).toBeFocused();
    expect(assistant.calls).toEqual(['attach Reports as proposed']);
    await ui.reload();
    await chips(ui).getByRole('button', { name: 'Remove “Reports” from this conversation' }).click();
    await expect(chips(ui)).toBeHidden();

    await openShelf(ui);
    await shelf.getByRole('button', { name: 'Stop watching: Reports' }).click();
    await ui.getByRole('dialog', { name: 'Stop watching “Reports”?' }).getByRole('button', { name: 'Keep' }).click();
    await expect(shelf).toBeHidden();
    await expect(ui.getByRole('list', { name: 'Documents on the shelf' }).getByRole('listitem')).toHaveCount(5);
    expect(assistant.calls.at(-1)).toBe('unwatch Reports keep');
  });
});

test.describe('a document named with @', () => {
  const list = (ui: Page) => ui.getByRole('listbox', { name: 'Documents on the shelf' });

  test('is chosen with the keys, belongs to the conversation, and its name leaves the message', async ({
    ui,
    assistant,
  }) => {
    shelve(assistant);
    assistant.documents.watchFolder('/home/ada/Deeds');
    await field(ui).pressSequentially('What says @');
    await expect(list(ui).getByRole('option')).toHaveCount(5);
    await field(ui).pressSequentially('agr');
    await expect(list(ui).getByRole('option')).toHaveText(['Agreement of 1871.pdf']);
    const active = await field(ui).getAttribute('aria-activedescendant');
    await expect(list(ui).getByRole('option')).toHaveAttribute('id', active ?? '');
    await expect(field(ui)).toHaveAttribute('aria-controls', (await list(ui).getAttribute('id')) ?? '');
    await expect(ui.getByText('1 document; arrow keys choose')).toBeAttached();
    await field(ui).press('Enter');
    await expect(chips(ui)).toContainText('Agreement of 1871.pdf');
    await expect(field(ui)).toHaveValue('What says ');
    await expect(field(ui)).toBeFocused();
    await field(ui).pressSequentially('it @');
    await expect(list(ui).getByRole('option').first()).toContainText('The whole shelf');
    await field(ui).press('ArrowDown');
    await expect(list(ui).getByRole('option', { selected: true })).toContainText('Deeds');
    await field(ui).press('Enter');
    await expect(chips(ui)).toContainText('Deeds');
    expect(assistant.calls).toEqual([
      'attach Agreement of 1871.pdf as proposed',
      'attach Deeds, Agreement of 1871.pdf as proposed',
    ]);
  });

  test('is left with Escape, and Enter sends again', async ({ ui, assistant }) => {
    shelve(assistant);
    await field(ui).pressSequentially('Write to @led');
    await expect(list(ui)).toBeVisible();
    await field(ui).press('Escape');
    await expect(list(ui)).toBeHidden();
    await expect(field(ui)).toBeFocused();
    await field(ui).press('Enter');
    await expect(questions(ui)).toContainText('Write to @led');
  });

  test('is chosen with the pointer too', async ({ ui, assistant }) => {
    shelve(assistant);
    await field(ui).pressSequentially('@');
    await list(ui).getByRole('option', { name: 'Letter to the editor.md' }).click();
    await expect(chips(ui)).toContainText('Letter to the editor.md');
    await expect(field(ui)).toBeFocused();
    await expect(field(ui)).toHaveValue('');
  });

  test('waits for an input method to be done', async ({ ui, assistant }) => {
    assistant.documents.put('房屋租赁合同.pdf', [plainPart('合同')]);
    assistant.documents.put('led.txt', [plainPart('led')]);
    await field(ui).pressSequentially('请看@');
    await expect(list(ui).getByRole('option')).toHaveCount(3);
    const devtools = await ui.context().newCDPSession(ui);
    await devtools.send('Input.imeSetComposition', { text: 'he', selectionStart: 2, selectionEnd: 2 });
    await expect(list(ui).getByRole('option')).toHaveCount(3);
    await devtools.send('Input.insertText', { text: '合同' });
    await expect(list(ui).getByRole('option')).toHaveText(['房屋租赁合同.pdf']);
    await field(ui).press('Enter');
    await expect(field(ui)).toHaveValue('请看');
    await expect(chips(ui)).toContainText('房屋租赁合同.pdf');
  });
});

test.describe('tags', () => {
  const filter = (ui: Page) => ui.getByRole('group', { name: 'Show only what carries a tag' });

  test('are set in the menu of a document, narrow the shelf and its search, and are asked about', async ({
    ui,
    assistant,
  }) => {
    const { letter } = shelve(assistant);
    assistant.documents.change(letter.id, { tags: ['press'] });
    await openShelf(ui);
    await choose(ui, 'Agreement of 1871.pdf', 'Tags…');
    const dialog = ui.getByRole('dialog', { name: 'Tags of “Agreement of 1871.pdf”' });
    await dialog.getByRole('textbox', { name: 'New tag' }).fill('#Mill Lane, PRESS');
    await ui.keyboard.press('Enter');
    await expect(dialog.getByRole('button', { name: 'press', pressed: true })).toBeVisible();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(filter(ui).getByRole('button')).toHaveText(['Mill Lane', 'press']);
    expect(assistant.calls).toEqual(['tag Agreement of 1871.pdf Mill Lane, press']);
    await filter(ui).getByRole('button', { name: 'Mill Lane' }).press('Enter');
    await expect(ui.getByRole('list', { name: '#Mill Lane: 1 document' }).getByRole('listitem')).toHaveCount(1);
    await ui.getByRole('searchbox', { name: 'Search inside documents' }).fill('the');
    await expect(ui.getByRole('region', { name: 'Agreement of 1871.pdf' })).toBeVisible();
    await expect(ui.getByRole('region', { name: 'Letter to the editor.md' })).toBeHidden();
    await filter(ui).getByRole('button', { name: 'Mill Lane' }).press('Enter');
    await expect(ui.getByRole('region', { name: 'Letter to the editor.md' })).toBeVisible();
    await ui.getByRole('searchbox', { name: 'Search inside documents' }).fill('');
    await filter(ui).getByRole('button', { name: 'press' }).click();
    await ui.getByRole('button', { name: 'Ask about all of them' }).click();
    await expect(chips(ui)).toContainText('#press 2 documents');
    await field(ui).pressSequentially('And @mill');
    await field(ui).press('Enter');
    await expect(chips(ui).getByRole('listitem')).toHaveCount(2);
    await chips(ui).getByRole('button', { name: 'Remove “#press” from this conversation' }).click();
    await expect(chips(ui).getByRole('listitem')).toHaveCount(1);
    expect(assistant.calls.at(-1)).toBe('attach #Mill Lane as proposed');
  });

  test('that no document carries any more let go of the shelf', async ({ ui, assistant }) => {
    const { letter } = shelve(assistant);
    assistant.documents.change(letter.id, { tags: ['press'] });
    await openShelf(ui);
    await filter(ui).getByRole('button', { name: 'press' }).click();
    await expect(ui.getByText('Agreement of 1871.pdf')).toBeHidden();
    assistant.documents.change(letter.id, { tags: [] });
    await expect(ui.getByText('Agreement of 1871.pdf').first()).toBeVisible();
    await expect(filter(ui)).toBeHidden();
  });
});

test.describe('the shelf', () => {
  test('tells of every document where it stands, and what can be done about it', async ({ ui, assistant }) => {
    await openShelf(ui);
    await expect(ui.getByRole('heading', { level: 1, name: 'Documents' })).toBeFocused();
    await expect(ui.getByText('Nothing on the shelf yet.')).toBeVisible();
    const { documents } = assistant;
    const part = plainPart('One.', { kind: 'page', label: '1' });
    const { id } = documents.put('Register.pdf', [part], { info: { state: 'queued', parts: 0, jobId: 'read' } });
    const row = ui.getByRole('listitem').filter({ hasText: 'Register.pdf' });
    await expect(row).toContainText('Waits to be read');
    documents.change(id, { state: 'parsing', parts: 11, partsTotal: 80, partKind: 'page', passages: 40 });
    await expect(row).toContainText('Reading page 12 of 80');
    await expect(row.getByRole('progressbar')).toHaveAttribute('value', '11');
    documents.change(id, { jobId: null });
    await expect(row).toContainText('Stopped; what was read is kept');
    await row.getByRole('button', { name: 'Go on: Register.pdf' }).click();
    await expect(row).toContainText('Waits to be read');
    documents.change(id, { state: 'indexing', parts: 80, passages: 400, embedded: 90 });
    await expect(row).toContainText('Indexing passage 90 of 400; words can be found already');
    documents.change(id, { state: 'ready', embedded: 400, jobId: null });
    await expect(row).toContainText('80 pages · 400 passages');
    await row.getByRole('button', { name: 'Ask about it: Register.pdf' }).click();
    await expect(chips(ui)).toContainText('Register.pdf');
    await expect(field(ui)).toBeFocused();
  });

  test('of many documents builds the rows in sight, and the others before they are reached', async ({
    ui,
    assistant,
  }) => {
    const count = 60;
    for (let at = 1; at <= count; at++) assistant.documents.put(`Letter ${at}.txt`, [plainPart(`Letter ${at}.`)]);
    await openShelf(ui);
    const rows = ui.getByRole('list', { name: 'Documents on the shelf' }).getByRole('listitem');
    const remove = (row: number) => rows.nth(row).getByRole('button', { name: /^Remove: / });
    await expect(remove(8)).toBeVisible();
    expect(await rows.count()).toBeLessThan(count / 2);
    // By the keyboard, from the last button of a row on to the next row: there is always one.
    for (let row = 8; row < 24; row++) {
      await remove(row).focus();
      await expect(rows.nth(row + 1)).toBeAttached();
    }
    await expect(async () => {
      await rows.last().scrollIntoViewIfNeeded();
      expect(await rows.count()).toBe(count);
    }).toPass();
    await expect(rows.last()).toContainText(/Letter (1|60)\.txt/);
    assistant.documents.put('Postscript.txt', [plainPart('P.S.')]);
    await expect(rows.filter({ hasText: 'Postscript.txt' })).toHaveCount(1);
  });

  test('sums a document up as work that can be paused, and then gives way to the summary', async ({
    ui,
    assistant,
  }) => {
    const { documents } = assistant;
    const { id, name } = documents.put('Register.pdf', [plainPart('One.')]);
    await openShelf(ui);
    const row = ui.getByRole('listitem').filter({ hasText: name });
    await choose(ui, name, 'Sum up');
    const work = row.getByRole('region', { name: `Summary of “${name}”` });
    await expect(work).toContainText('2 sections of 7 sections · 1 min 24 s left');
    await row.getByRole('button', { name: `More: ${name}` }).click();
    await expect(ui.getByRole('menuitem', { name: 'Sum up' })).toBeHidden(); // it is under way
    await ui.keyboard.press('Escape');
    expect(documents.calls).toContain(`summarise ${name}`);
    const conversation = assistant.addConversation('Register.pdf', ['Sum up the document.', 'One.']);
    assistant.summarise(id, { state: 'done', result: { conversationId: conversation.id } });
    await expect(ui.getByText('Sum up the document.')).toBeVisible();
    await expect(ui).toHaveURL(new RegExp(conversation.id));
  });

  test('compares a document with another one that is chosen, and gives way to the comparison', async ({
    ui,
    assistant,
  }) => {
    const { contract, letter } = shelve(assistant);
    await openShelf(ui);
    const row = ui.getByRole('listitem').filter({ hasText: letter.name });
    await choose(ui, letter.name, 'Compare with…');
    const dialog = ui.getByRole('dialog', { name: `Compare “${letter.name}” with` });
    await expect(dialog.getByRole('listitem')).toHaveCount(2); // not itself
    await dialog.getByRole('button', { name: contract.name }).press('Enter');
    await expect(dialog).toBeHidden();
    expect(assistant.calls).toContain(`compare ${contract.name} with ${letter.name}`);
    const work = row.getByRole('region', { name: `Comparison of “${contract.name}” and “${letter.name}”` });
    await expect(work).toContainText('3 sections of 9 sections · 51 s left');
    assistant.compare(contract.id, letter.id);
    await work.getByRole('button', { name: 'Pause' }).click();
    await expect(work).toContainText('Paused; what was read is kept');
    await work.getByRole('button', { name: 'Go on' }).click();
    const conversation = assistant.addConversation('Two documents', ['Compare the two documents.', 'They differ.']);
    assistant.compare(contract.id, letter.id, { state: 'done', result: { conversationId: conversation.id } });
    await expect(ui.getByText('Compare the two documents.')).toBeVisible();
    await expect(ui).toHaveURL(new RegExp(conversation.id));
  });

  test('reads a document ahead: at once what is cheap, and after a yes what is not', async ({ ui, assistant }) => {
    const { contract, letter } = shelve(assistant);
    await openShelf(ui);
    await choose(ui, letter.name, 'Read ahead');
    const dialog = ui.getByRole('dialog', { name: `Read “${letter.name}” ahead?` });
    await expect(dialog).toContainText(/\d+ tokens: about 2 min 10 s, and 412 MB of memory while it is open\./);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(assistant.calls).toEqual([]);
    await choose(ui, letter.name, 'Read ahead');
    await dialog.getByRole('button', { name: 'Read it' }).click();
    const row = ui.getByRole('listitem').filter({ hasText: letter.name });
    await expect(row.getByRole('region', { name: `Reading “${letter.name}” ahead` })).toContainText(
      '12,400 tokens of 38,000',
    );
    assistant.documents.secondsToRead = 5;
    await choose(ui, contract.name, 'Read ahead');
    await expect(ui.getByRole('region', { name: `Reading “${contract.name}” ahead` })).toBeVisible();
    expect(assistant.calls).toEqual([`read ${letter.name}`, `read ${contract.name}`]);
    assistant.documents.contextTokens = 10;
    const ledger = 'Ledger 1871–72.xlsx';
    await choose(ui, ledger, 'Read ahead');
    await expect(ui.getByRole('dialog')).toContainText('the model takes 10. Ask about it all the same');
  });

  test('asks for the password of a locked document, and tries again what failed otherwise', async ({
    ui,
    assistant,
  }) => {
    const failed = (code: 'document-encrypted' | 'reader-stopped', details = {}) => ({
      info: { state: 'failed' as const, parts: 0, error: { code, message: '', details } },
    });
    assistant.documents.put('Will.pdf', [], failed('document-encrypted', { password: 'missing' }));
    assistant.documents.put('Deed.pdf', [], failed('reader-stopped'));
    await openShelf(ui);
    await expect(ui.getByText('The document is locked.')).toBeVisible();
    await ui.getByLabel('Password of the document').fill('open sesame');
    await ui.keyboard.press('Enter');
    await expect(ui.getByText('The document is locked.')).toBeHidden();
    await ui.getByRole('button', { name: 'Try again: Deed.pdf' }).click();
    expect(assistant.calls).toEqual(['retry Will.pdf with open sesame', 'retry Deed.pdf']);
  });

  test('offers a model that finds by meaning where there is none, and shows how it comes', async ({
    ui,
    assistant,
  }) => {
    shelve(assistant);
    assistant.documents.embedder = { ...assistant.documents.embedder, offered: [smallEmbedder] };
    await openShelf(ui);
    await expect(ui.getByText('multilingual-e5-small (mit) knows many languages.')).toBeVisible();
    await ui.getByRole('button', { name: 'Download 118 MB' }).click();
    await expect(ui.getByRole('region', { name: 'Getting the model that finds by meaning' })).toContainText(
      '48 MB of 145 MB',
    );
    expect(assistant.calls).toEqual(['install multilingual-e5-small']);
  });

  test('lets another model find by meaning: one that is here, or one of the user’s own', async ({ ui, assistant }) => {
    const { letter } = shelve(assistant);
    assistant.documents.embedder = twoEmbedders(assistant);
    await openShelf(ui);
    await expect(
      ui.getByText('found by their meaning too, with all-MiniLM-L6-v2. It has read all of them.'),
    ).toBeVisible();
    await ui.getByRole('button', { name: 'Other models' }).click();
    const models = ui.getByRole('list', { name: 'Models that find by meaning' });
    await models.getByRole('button', { name: 'Use bge-small-zh' }).click();
    await expect(models.getByRole('button', { name: 'Use all-MiniLM-L6-v2' })).toBeVisible();
    assistant.documents.change(letter.id, { embedded: 0, state: 'indexing', jobId: 'index' });
    await expect(ui.getByText(/with bge-small-zh\. It has read \d of \d passages\./)).toBeVisible();
    const own = join(folder, 'e5-tuned');
    for (const path of ['onnx/model.onnx', 'tokenizer.json', '1_Pooling/config.json', 'README.md']) {
      mkdirSync(join(own, path, '..'), { recursive: true });
      writeFileSync(join(own, path), '{}');
    }
    const choosing = ui.waitForEvent('filechooser');
    await models.getByRole('button', { name: 'Use a model of your own…' }).click();
    await (await choosing).setFiles(own);
    await expect(ui.getByText(/with e5-tuned\./)).toBeVisible();
    expect(assistant.calls).toEqual(['use bge-small-zh', 'import model.onnx as e5-tuned']);
  });

  test('removes a document after a question', async ({ ui, assistant }) => {
    shelve(assistant);
    await openShelf(ui);
    await ui.getByRole('button', { name: 'Remove: Letter to the editor.md' }).click();
    await ui.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await ui.getByRole('button', { name: 'Remove: Letter to the editor.md' }).click();
    await ui.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect(ui.getByText('“Letter to the editor.md” removed from the shelf.').first()).toBeVisible();
    await expect(ui.getByRole('listitem').filter({ hasText: 'Letter to the editor.md' })).toBeHidden();
    expect(assistant.calls).toEqual(['remove Letter to the editor.md']);
  });

  test('is searched as one types, and a passage opens on its words', async ({ ui, assistant }) => {
    shelve(assistant);
    await openShelf(ui);
    await ui.getByRole('searchbox').fill('twelve');
    await expect(ui.locator('main mark')).toHaveText('twelve');
    await ui.locator('main mark').click();
    await expect(pane(ui).getByRole('heading', { name: 'Agreement of 1871.pdf' })).toBeFocused();
    await expect(pane(ui).locator('[data-marked]')).toBeVisible();
    await ui.getByRole('searchbox').fill('nowhere');
    await expect(ui.getByText('Nothing in the documents about “nowhere”.')).toBeVisible();
  });

  test('builds no more of many passages than are near, and the others as one goes down', async ({ ui, assistant }) => {
    const pages = Array.from({ length: 50 }, (_, at) => plainPart(`The ferry of day ${at}.`, { kind: 'page' }));
    assistant.documents.put('Log.pdf', pages);
    await openShelf(ui);
    await ui.getByRole('searchbox').fill('ferry');
    await expect(ui.getByText('50 passages')).toBeVisible();
    const marks = ui.locator('main mark');
    await expect(marks.nth(8)).toBeVisible();
    expect(await marks.count()).toBeLessThan(40);
    await expect(async () => {
      await marks.last().scrollIntoViewIfNeeded();
      expect(await marks.count()).toBe(50);
    }).toPass();
  });
});

test.describe('an answer about documents', () => {
  test('says how much of it is borne out, and marks where', async ({ ui, assistant }) => {
    cite(assistant);
    await openConversation(ui, 'What does the agreement say?');
    await expect(answers(ui)).toContainText('5 claims, 3 found, 1 close to the source, 1 not found');
    await expect(answers(ui)).toContainText('read 2 passages');
    await expect(questions(ui)).toContainText('Agreement of 1871.pdf, Letter to the editor.md');
    const marks = answers(ui).getByRole('button', { name: /^Source \d/ });
    await expect(marks).toHaveCount(4);
    await expect(marks.nth(0)).toHaveAccessibleName('Source 1, found: Agreement of 1871.pdf · Page ii');
    await expect(marks.nth(2)).toHaveAccessibleName(/^Source 3, close to the source: .*the number 1872 is not there/);
    await expect(answers(ui).locator('.text')).toContainText('named in a second letter.not found');
    await ui.getByRole('button', { name: 'Show sources' }).click();
    const list = ui.getByRole('list', { name: 'What the answer rests on' });
    await expect(list.getByRole('listitem')).toHaveCount(5);
    await expect(list).toContainText('Doubt: the number 1872 is not there');
    const read = ui.getByRole('list', { name: 'What was read' });
    await expect(read.getByRole('button')).toHaveText(['Agreement of 1871.pdf · Page ii', 'Letter to the editor.md']);
  });

  test('opens the page of a citation with the words marked and in sight, and gives the focus back', async ({
    ui,
    assistant,
  }) => {
    cite(assistant);
    await openConversation(ui, 'What does the agreement say?');
    const mark = answers(ui).getByRole('button', { name: /^Source 1,/ });
    await mark.focus();
    await ui.keyboard.press('Enter');
    await expect(pane(ui).getByRole('heading', { name: 'Agreement of 1871.pdf' })).toBeFocused();
    await expect(pane(ui).getByRole('status')).toHaveText('Page ii');
    const words = pane(ui).locator('[data-marked]');
    await expect(words).toHaveCount(1); // one line
    await expect(words).toBeInViewport();
    await expect.poll(() => inkUnderMarks(ui)).toBeGreaterThan(100);
    await pane(ui).getByRole('button', { name: 'Next page' }).click();
    await expect(pane(ui).getByRole('status')).toHaveText('Page iii');
    await expect(words).toHaveCount(0);
    await expect(pane(ui).getByRole('button', { name: 'Next page' })).toBeDisabled();
    await pane(ui).getByRole('button', { name: 'Contents' }).click();
    await ui.getByRole('button', { name: 'Terms' }).click();
    await expect(pane(ui).getByRole('status')).toHaveText('Page ii');
    await ui.keyboard.press('Escape');
    await expect(pane(ui)).toBeHidden();
    await expect(mark).toBeFocused();
  });

  test('that compares two documents opens the words of either', async ({ ui, assistant }) => {
    compareVersions(assistant);
    await openConversation(ui, 'Terms, draft.md / Terms.md');
    const marksIn = (text: string) =>
      answers(ui)
        .getByRole('listitem')
        .filter({ hasText: text })
        .getByRole('button', { name: /^Source \d/ });
    await marksIn('Before').click();
    await expect(pane(ui).getByRole('heading', { name: 'Terms, draft.md' })).toBeFocused();
    await expect(pane(ui).locator('mark')).toHaveText('The loan is repaid in ten instalments.');
    await marksIn('After').click();
    await expect(pane(ui).getByRole('heading', { name: 'Terms.md' })).toBeVisible();
    await expect(pane(ui).locator('mark')).toHaveText('The loan is repaid in twelve instalments.');
  });

  test('shows the words of a page as text too, and copies the quote', async ({ ui, assistant }) => {
    await ui.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    cite(assistant);
    await openConversation(ui, 'What does the agreement say?');
    await answers(ui)
      .getByRole('button', { name: /^Source 1,/ })
      .click();
    await pane(ui).getByLabel('Text').check();
    await expect(pane(ui).locator('mark')).toHaveText('The loan is repaid in twelve instalments,');
    await pane(ui).getByRole('button', { name: 'Copy the quote' }).click();
    expect(await ui.evaluate(() => navigator.clipboard.readText())).toBe('The loan is repaid in twelve instalments,');
  });

  test('shows other documents as text, the words marked', async ({ ui, assistant }) => {
    cite(assistant);
    await openConversation(ui, 'What does the agreement say?');
    await answers(ui)
      .getByRole('button', { name: /^Source 3,/ })
      .click();
    await expect(pane(ui).locator('mark')).toHaveText('The last instalment was paid on the second of June.');
    await expect(pane(ui).locator('mark')).toBeInViewport();
    await expect(pane(ui).getByRole('heading', { level: 3 })).toHaveText(['# To the editor', '# What I ask']);
  });

  test('falls back to the text where a page cannot be drawn', async ({ ui, assistant }) => {
    const part = plainPart('What the page says.', { kind: 'page', label: '1' });
    assistant.documents.put('Broken.pdf', [part], { bytes: new TextEncoder().encode('%PDF-1.4 and nothing more') });
    await openShelf(ui);
    await ui.getByRole('button', { name: 'Broken.pdf', exact: true }).click();
    await expect(pane(ui)).toContainText('The page could not be drawn, so its text is shown.');
    await expect(pane(ui)).toContainText('What the page says.');
  });

  test('a document that is gone is said to be, not shown', async ({ ui, assistant }) => {
    const { contract, conversation } = cite(assistant);
    await openConversation(ui, 'What does the agreement say?');
    await openShelf(ui);
    await ui.getByRole('button', { name: `Remove: ${contract.name}` }).click();
    await ui.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await ui.keyboard.press('Escape');
    await answers(ui)
      .getByRole('button', { name: /^Source 1,/ })
      .click();
    await expect(pane(ui).getByRole('alert')).toContainText('not on the shelf any more');
    const { conversations } = assistant; // as the assistant then does
    const answer = conversations.path(conversation.id).at(-1)!;
    const citations = answer.sources!.citations.map((one) => ({ ...one, quote: '' }));
    conversations.changeMessage(answer.id, { sources: { ...answer.sources!, citations } });
    await ui.getByRole('button', { name: 'Show sources' }).click();
    await expect(answers(ui).getByText('The document was removed, and its words with it.')).toHaveCount(4);
  });
});
