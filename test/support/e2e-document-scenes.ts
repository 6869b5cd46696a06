import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { Sources } from '../../main/contract/citations.ts';
import type { DocumentInfo } from '../../main/contract/documents.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Part } from '../../main/contract/extraction.ts';
import { drag, LANES } from './e2e-drag.ts';
import { fill, field, openConversation, type Scene } from './e2e-scene-tools.ts';
import type { ScriptedAssistant } from './scripted-assistant.ts';
import { plainPart } from './scripted-documents.ts';
import { tinyPage, tinyPdf } from './tiny-pdf.ts';

const CONTRACT = [
  [
    'LOAN AGREEMENT',
    '',
    'between the Bank of Harwick and Josiah Marsh,',
    'given at Harwick on the third day of March 1871.',
    '',
    '1. The loan is 1,200 pounds.',
  ],
  [
    '2. The loan is repaid in twelve instalments,',
    'the first of them on the first of July.',
    '',
    '3. The house in Mill Lane stays with the family',
    'for as long as the instalments are paid.',
    '',
    '4. Neither party speaks of this agreement in',
    'public, nor lets a copy of it be printed.',
  ],
  ['5. Disputes are heard at Harwick.', '', 'Josiah Marsh'],
];

const LETTER = [
  '# To the editor',
  'Sir, I send you herewith a copy of an agreement that will interest your readers.',
  'The last instalment was paid on the second of June. What is owed is owed no more, and I see no reason to be silent.',
  '# What I ask',
  'That you print it whole, or not at all.',
].join('\n');

const LEDGER = ['Date\tInstalment\tPounds', '1 July 1871\tfirst\t100', '2 June 1872\ttwelfth\t100'].join('\n');

function ledgerPart(): Part {
  const part = plainPart(LEDGER, { kind: 'sheet', label: 'Instalments' });
  const blocks = part.blocks.map((block, index) => ({ ...block, kind: 'row' as const, cell: `A${index + 1}` }));
  return { ...part, blocks };
}

/** A contract as a PDF of three pages, a letter and a ledger. */
export function shelve(assistant: ScriptedAssistant) {
  const { documents } = assistant;
  const pages = CONTRACT.map((lines, index) =>
    plainPart('', { kind: 'page', label: 'i'.repeat(index + 1), ...tinyPage(lines) }),
  );
  const parts = pages.map((page) => ({ ...page, blocks: plainPart(page.text).blocks }));
  const outline = [
    { title: 'Loan agreement', level: 1, part: 0, offset: 0 },
    { title: 'Terms', level: 2, part: 1, offset: 0 },
    { title: 'Disputes', level: 2, part: 2, offset: 0 },
  ];
  const ledger = documents.put('Ledger 1871–72.xlsx', [ledgerPart()]);
  const letter = documents.put('Letter to the editor.md', [plainPart(LETTER)], { info: { format: 'markdown' } });
  const contract = documents.put('Agreement of 1871.pdf', parts, { outline, bytes: tinyPdf(CONTRACT) });
  return { contract, letter, ledger };
}

const ANSWER =
  'The loan is repaid **in twelve instalments**. The house stays with the family, and the last instalment was paid in May 1872. Who sent the copy to the newspaper is named in a second letter.\n\n- Neither side may speak of it in public.';

/** A model that finds by meaning, to be fetched. */
export const smallEmbedder = {
  name: 'multilingual-e5-small',
  license: 'mit',
  languages: 'many' as const,
  sizeBytes: 118_000_000,
};

/** One that is used, one of the user's own, and one to be fetched. */
export const twoEmbedders = ({ documents }: ScriptedAssistant) => ({
  ...documents.embedder,
  model: 'all-MiniLM-L6-v2',
  installed: [
    { name: 'all-MiniLM-L6-v2', license: 'apache-2.0', languages: 'english' as const },
    { name: 'bge-small-zh', license: null, languages: 'many' as const },
  ],
  offered: [smallEmbedder],
});

/** A conversation whose answer cites the documents: exactly, closely with a doubt, and not at all. */
export function cite(assistant: ScriptedAssistant) {
  const { contract, letter } = shelve(assistant);
  const conversation = assistant.addConversation('What does the agreement say?', [
    'What does the agreement say, and was it kept?',
    ANSWER,
  ]);
  const page = tinyPage(CONTRACT[1]!).text;
  const spanOf = (document: DocumentInfo, part: number, text: string, words: string) => {
    const start = text.indexOf(words);
    if (start === -1) throw new Error(`no words "${words}"`);
    return { documentId: document.id, part, start, end: start + words.length };
  };
  const claim = (words: string) => {
    const start = ANSWER.indexOf(words);
    return { start, end: start + words.length };
  };
  const [instalments, house, silence] = [
    'The loan is repaid in twelve instalments,',
    'The house in Mill Lane stays with the family',
    'Neither party speaks of this agreement in\npublic',
  ];
  const paid = 'The last instalment was paid on the second of June.';
  const secondPage = { kind: 'page' as const, label: 'ii' };
  const sources: Sources = {
    way: 'search',
    documents: [contract, letter].map(({ id, name }) => ({ id, name })),
    passages: [
      { ...spanOf(contract, 1, page, page), place: secondPage },
      { ...spanOf(letter, 0, LETTER, LETTER), place: { kind: 'text', label: '1' } },
    ],
    firstMark: 1,
    citations: [
      {
        ...claim('The loan is repaid **in twelve instalments**.'),
        state: 'exact',
        span: spanOf(contract, 1, page, instalments),
        part: secondPage,
        quote: instalments,
        doubts: [],
      },
      {
        ...claim('The house stays with the family'),
        state: 'exact',
        span: spanOf(contract, 1, page, house),
        part: secondPage,
        quote: house,
        doubts: [],
      },
      {
        ...claim('the last instalment was paid in May 1872.'),
        state: 'close',
        span: spanOf(letter, 0, LETTER, paid),
        part: { kind: 'text', label: '1' },
        quote: paid,
        doubts: [{ kind: 'number', text: '1872' }],
      },
      {
        ...claim('Who sent the copy to the newspaper is named in a second letter.'),
        state: 'missing',
        span: null,
        part: null,
        quote: '',
        doubts: [],
      },
      {
        ...claim('Neither side may speak of it in public.'),
        state: 'exact',
        span: spanOf(contract, 1, page, silence),
        part: secondPage,
        quote: silence,
        doubts: [],
      },
    ],
  };
  const [question, answer] = assistant.conversations.path(conversation.id);
  const asked = { ...sources, passages: [], citations: [] };
  assistant.conversations.changeMessage(question!.id, { sources: asked });
  assistant.conversations.changeMessage(answer!.id, { sources });
  return { conversation, contract, letter };
}

const DRAFT = ['# Terms', 'The loan is repaid in ten instalments.', 'The house stays with the family.'].join('\n');
const FINAL = [
  '# Terms',
  'The loan is repaid in twelve instalments.',
  'The house stays with the family.',
  'Neither party speaks of this agreement in public.',
].join('\n');

const COMPARISON = [
  '“Terms, draft.md” (before) and “Terms.md” (after): 2 of 3 and 2 of 4 paragraphs are the same. 1 change, 1 addition.',
  'The loan is repaid in twelve instalments, and neither party may speak of it.',
  '# 1. Changed: Terms',
  '- **Before**: “The loan is repaid in ten instalments.”\n- **After**: “The loan is repaid in twelve instalments.”',
  'The loan is repaid in twelve instalments, no longer in ten.',
  '# 2. Added: Terms',
  '- **Added**: “Neither party speaks of this agreement in public.”',
  'Both have to keep the agreement to themselves.',
].join('\n\n');

/** A conversation that begins with a comparison of two versions. */
export function compareVersions(assistant: ScriptedAssistant) {
  const { documents, conversations } = assistant;
  const before = documents.put('Terms, draft.md', [plainPart(DRAFT)], { info: { format: 'markdown' } });
  const after = documents.put('Terms.md', [plainPart(FINAL)], { info: { format: 'markdown' } });
  const { id } = assistant.addConversation('Terms, draft.md / Terms.md', ['Compare the two documents.', COMPARISON]);
  const shown = (line: string, document: DocumentInfo, text: string, quote: string) => {
    const [start, at] = [COMPARISON.indexOf(line), text.indexOf(quote)];
    const span = { documentId: document.id, part: 0, start: at, end: at + quote.length };
    const place = { kind: 'text' as const, label: '1' };
    return { start, end: start + line.length, state: 'exact' as const, span, part: place, quote, doubts: [] };
  };
  const [ten, twelve] = ['The loan is repaid in ten instalments.', 'The loan is repaid in twelve instalments.'];
  const silence = 'Neither party speaks of this agreement in public.';
  const sources: Sources = {
    way: 'whole',
    documents: [before, after].map(({ id, name }) => ({ id, name })),
    passages: [],
    firstMark: 1,
    citations: [
      {
        ...shown('The loan is repaid in twelve instalments, and neither party may speak of it.', after, FINAL, twelve),
      },
      { ...shown(`**Before**: “${ten}”`, before, DRAFT, ten) },
      { ...shown(`**After**: “${twelve}”`, after, FINAL, twelve) },
      { ...shown('The loan is repaid in twelve instalments, no longer in ten.', after, FINAL, twelve) },
      { ...shown(`**Added**: “${silence}”`, after, FINAL, silence) },
    ],
  };
  conversations.changeMessage(conversations.path(id)[1]!.id, { sources });
}

/** A folder with one file, on the disk. */
function deeds(): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'longhand-scene-')), 'Deeds');
  mkdirSync(folder);
  writeFileSync(join(folder, 'deed.txt'), 'A deed.');
  return folder;
}

/** In a narrow window the lanes lie one below the other. */
async function dropOn(page: Page, lane: 'keep' | 'watch', paths: string[]): Promise<void> {
  await drag(page, paths, LANES.ask, false);
  const box = (await page.locator(`[data-lane="${lane}"]`).boundingBox())!;
  await drag(page, paths, { x: box.x + box.width / 2, y: box.y + box.height / 2 });
}

const muchIntake = { files: 240, sizeBytes: 1.2e9, seconds: 5400, meaningSeconds: 61_000, bytes: 3.9e9 };

/** Two folders that are watched, one of which is away, and documents beside them. */
function watch(assistant: ScriptedAssistant): void {
  shelve(assistant);
  const { documents } = assistant;
  const deeds = documents.watchFolder('/home/ada/Deeds', { files: 7, sizeBytes: 3_400_000, passedOver: 2, waiting: 1 });
  const letters = documents.watchFolder('/media/ada/Backup/Letters of the family', { state: 'missing', files: 1 });
  for (const path of ['1868/lease.md', '1871/loan.md', '1871/receipt.md', 'index.md']) {
    const folder = { id: deeds.id, path };
    documents.put(path.split('/').at(-1)!, [plainPart(path)], { info: { origin: deeds.path, folder } });
  }
  const folder = { id: letters.id, path: 'to-the-editor.md' };
  documents.put(folder.path, [plainPart('Sir,')], { info: { origin: letters.path, folder } });
  const gone = { isGone: true, origin: deeds.path };
  documents.put('mortgage.md', [plainPart('The house.')], { info: gone });
}

/** The same with tags, one of which is on documents in and beside a folder. */
function tag(assistant: ScriptedAssistant): void {
  watch(assistant);
  const { documents } = assistant;
  const tags: Record<string, string[]> = {
    'lease.md': ['Mill Lane', '1868'],
    'loan.md': ['Mill Lane', 'bank'],
    'Agreement of 1871.pdf': ['Mill Lane', 'bank', 'to be asked about at the notary’s'],
  };
  for (const [name, some] of Object.entries(tags)) documents.change(documents.named(name).id, { tags: some });
}

const openCited = (page: Page) => openConversation(page, 'What does the agreement say?');
const goToShelf = (page: Page) => page.keyboard.press('Control+D');

async function askForPage(page: Page, address: string): Promise<void> {
  await goToShelf(page);
  await page.getByRole('button', { name: /^(From an address…|从网址添加…)$/ }).click();
  await page.getByRole('dialog').getByRole('textbox').fill(address);
  await page.getByRole('button', { name: /^(Fetch it|获取)$/ }).click();
  await page.waitForTimeout(300);
}

/** From the menu of the document on the shelf whose name begins so. */
async function choose(page: Page, document: string, action: RegExp): Promise<void> {
  await page.getByRole('button', { name: new RegExp(`^(More: |更多：)${document}`) }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

async function openSource(page: Page, number: number): Promise<void> {
  await openCited(page);
  await page.locator(`button.cite[data-number="${number}"]`).first().click();
  await page.locator('[data-marked]').first().waitFor();
  await page.waitForTimeout(700); // a page is drawn beneath its marks
}

const price = { seconds: 189.6, followUpSeconds: 1.4, kvBytes: 1_300_000_000, fits: true };

/** A conversation that no cache knows, with its price. */
function long(assistant: ScriptedAssistant) {
  const { id } = assistant.addConversation('A long story', ['word '.repeat(4000), 'Indeed.']);
  assistant.cachedShare = 0;
  assistant.readingPrice = price;
  return id;
}

/** Documents: how they come in, the shelf, answers about them and their sources. */
export const documentScenes: Scene[] = [
  {
    name: 'shelf',
    arrange(assistant) {
      const { letter } = shelve(assistant);
      const { documents } = assistant;
      documents.change(letter.id, { embedded: 0, passages: 2, state: 'indexing', jobId: 'index' });
      const about = { format: 'pdf', partKind: 'page' as const };
      const none = { parts: 0, passages: 0, embedded: 0, partsTotal: null };
      documents.put('Parish register, complete.pdf', [], {
        info: {
          ...about,
          ...{ state: 'parsing', parts: 11, partsTotal: 80, passages: 57, embedded: 0 },
          jobId: 'parse',
          sizeBytes: 48e6,
        },
      });
      documents.put('Will of J. Marsh.pdf', [], {
        info: {
          ...about,
          ...none,
          state: 'failed',
          sizeBytes: 812_000,
          error: { code: 'document-encrypted', message: '', details: { password: 'missing' } },
        },
      });
      documents.put('Minutes.doc', [], {
        info: {
          ...none,
          state: 'failed',
          format: null,
          sizeBytes: 91_000,
          error: { code: 'unsupported-document', message: '', details: { found: 'doc' } },
        },
      });
      documents.put('Newspaper cuttings.pdf', [plainPart('x', { kind: 'page', label: '1' })], {
        info: { ...about, notes: [{ code: 'no-text-layer', details: { pages: [1, 2, 3] } }], sizeBytes: 9_300_000 },
      });
      documents.put('Photographs.zip', [], { info: { ...none, state: 'queued', jobId: 'wait', sizeBytes: 210e6 } });
    },
    act: async (page) => {
      await goToShelf(page);
      await page.getByText('Ledger 1871–72.xlsx').first().waitFor();
    },
  },
  { name: 'shelf-empty', act: goToShelf },
  {
    name: 'shelf-folders',
    arrange: (assistant) => void watch(assistant),
    async act(page) {
      await goToShelf(page);
      await page.getByText('/home/ada/Deeds', { exact: true }).waitFor();
    },
  },
  {
    name: 'shelf-tags',
    arrange: (assistant) => void tag(assistant),
    async act(page) {
      await goToShelf(page);
      await page.getByRole('group', { name: /^(Show only what carries a tag|只显示带有某个标签的文档)$/ }).waitFor();
    },
  },
  {
    name: 'shelf-tag-chosen',
    arrange: (assistant) => void tag(assistant),
    async act(page) {
      await goToShelf(page);
      const filter = page.getByRole('group', { name: /^(Show only what carries a tag|只显示带有某个标签的文档)$/ });
      await filter.getByRole('button', { name: 'Mill Lane' }).click();
    },
  },
  {
    name: 'shelf-tags-of',
    arrange: (assistant) => void tag(assistant),
    async act(page) {
      await goToShelf(page);
      await choose(page, 'Letter', /^(Tags…|标签…)$/);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'attached-collections',
    arrange: (assistant) => void tag(assistant),
    async act(page) {
      // The first of all is the shelf.
      for (const name of ['@', '@mill', '@deeds']) {
        await field(page).pressSequentially(name);
        await field(page).press('Enter');
        await page.waitForTimeout(200);
      }
    },
  },
  {
    name: 'shelf-unwatch',
    arrange: (assistant) => void watch(assistant),
    async act(page) {
      await goToShelf(page);
      await page.getByRole('button', { name: /^(Stop watching: Deeds|停止关注：Deeds)$/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'intake-files',
    arrange: (assistant) => void (assistant.documents.intake = muchIntake),
    act: async (page) => {
      await dropOn(page, 'keep', [deeds()]);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'address',
    async act(page) {
      await goToShelf(page);
      await page.getByRole('button', { name: /^(From an address…|从网址添加…)$/ }).click();
      await page.getByRole('dialog').getByRole('textbox').fill('ftp://example.org/deed');
    },
  },
  {
    name: 'address-host',
    act: (page) => askForPage(page, 'https://www.harwick.example/deeds/1871/of-loan-and-house?year=1871'),
  },
  {
    name: 'address-coming',
    arrange(assistant) {
      assistant.documents.arrived = new Promise(() => {});
      assistant.documents.hosts = ['www.harwick.example'];
    },
    act: (page) => askForPage(page, 'https://www.harwick.example/deeds/1871/of-loan-and-house'),
  },
  {
    name: 'address-refused',
    arrange(assistant) {
      const details = { reason: 'private', host: '192.168.1.1', address: 'http://192.168.1.1/' };
      assistant.documents.hosts = ['192.168.1.1'];
      assistant.documents.refusal = new LonghandError('address-not-fetched', '', details);
    },
    act: (page) => askForPage(page, 'http://192.168.1.1/'),
  },
  {
    name: 'settings-hosts',
    arrange: (assistant) => assistant.setSettings({ documentHosts: ['www.harwick.example', 'example.org:8080'] }),
    async act(page) {
      await page.keyboard.press('Control+,');
      await page.getByText('example.org:8080').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'drop-lanes',
    act: (page) => drag(page, [deeds()], LANES.ask, false),
  },
  {
    name: 'folder-where',
    async act(page) {
      await dropOn(page, 'watch', [deeds()]);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'shelf-summary',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await goToShelf(page);
      await choose(page, 'Agreement', /^(Sum up|概括)$/);
      await page.locator('li progress').first().waitFor();
    },
  },
  {
    name: 'shelf-menu',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await goToShelf(page);
      await page.getByRole('button', { name: /^(More: Letter|更多：Letter)/ }).click();
      await page.getByRole('menuitem').first().waitFor();
    },
  },
  {
    name: 'shelf-compare',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await goToShelf(page);
      await choose(page, 'Letter', /^(Compare with…|与…比较)$/);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'shelf-comparison',
    arrange(assistant) {
      const { contract, letter } = shelve(assistant);
      assistant.compare(contract.id, letter.id);
    },
    async act(page) {
      await goToShelf(page);
      await page.locator('li progress').first().waitFor();
    },
  },
  {
    name: 'shelf-read-ahead',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await goToShelf(page);
      await choose(page, 'Letter', /^(Read ahead|预先读取)$/);
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'shelf-search',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await goToShelf(page);
      await page.getByRole('searchbox').fill('instalment');
      await page.locator('mark').first().waitFor();
    },
  },
  {
    name: 'shelf-meaning',
    arrange(assistant) {
      shelve(assistant);
      assistant.documents.embedder = { ...assistant.documents.embedder, offered: [smallEmbedder] };
    },
    async act(page) {
      await goToShelf(page);
      await page.getByRole('button', { name: /118 MB/ }).waitFor();
    },
  },
  {
    name: 'shelf-meaning-models',
    arrange(assistant) {
      const { letter } = shelve(assistant);
      assistant.documents.change(letter.id, { embedded: 0, state: 'indexing', jobId: 'index' });
      assistant.documents.embedder = twoEmbedders(assistant);
    },
    async act(page) {
      await goToShelf(page);
      await page.getByRole('button', { name: /^(Other models|其他模型)$/ }).click();
      await page.getByRole('list', { name: /^(Models that find by meaning|按含义查找的模型)$/ }).waitFor();
    },
  },
  {
    name: 'shelf-remove',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await goToShelf(page);
      await page.getByRole('button', { name: /^(Remove: Letter|移除：Letter)/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'attached',
    arrange(assistant) {
      fill(assistant);
      shelve(assistant);
    },
    async act(page) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await goToShelf(page);
      await page.getByRole('button', { name: /^(Ask about it: Agreement|就此提问：Agreement)/ }).click();
      await page.getByRole('region', { name: /^(Documents of this conversation|此对话的文档)$/ }).waitFor();
    },
  },
  {
    name: 'mention',
    arrange: (assistant) => watch(assistant),
    async act(page) {
      await field(page).pressSequentially('What says @le');
      await page.getByRole('listbox').waitFor();
    },
  },
  {
    name: 'attached-folder',
    arrange: (assistant) => watch(assistant),
    async act(page) {
      await field(page).pressSequentially('@deeds');
      await field(page).press('Enter');
      await page.getByRole('region', { name: /^(Documents of this conversation|此对话的文档)$/ }).waitFor();
    },
  },
  {
    name: 'attach-menu',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await page.getByRole('button', { name: /^(Attach documents|添加文档)$/ }).click();
      await page.getByRole('menuitem', { name: /^(From the shelf|从已收下的文档中选择)$/ }).hover();
      await page.getByRole('menuitem', { name: 'Agreement of 1871.pdf' }).waitFor();
    },
  },
  {
    name: 'pasted',
    async act(page) {
      await field(page).evaluate((element, text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', text);
        element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      }, 'The deed of 1871. '.repeat(300));
      await field(page).fill('The deed of 1871. '.repeat(300));
      await page.getByRole('button', { name: /^(Keep as attachment|改为附件)$/ }).waitFor();
    },
  },
  { name: 'answer-cited', arrange: (assistant) => void cite(assistant), act: openCited },
  {
    name: 'answer-comparison',
    arrange: compareVersions,
    act: (page) => openConversation(page, 'Terms, draft.md / Terms.md'),
  },
  {
    name: 'answer-sources',
    arrange: (assistant) => void cite(assistant),
    async act(page) {
      await openCited(page);
      await page.getByRole('button', { name: /^(Show sources|显示来源)$/ }).click();
    },
  },
  { name: 'source-page', arrange: (assistant) => void cite(assistant), act: (page) => openSource(page, 1) },
  { name: 'source-text', arrange: (assistant) => void cite(assistant), act: (page) => openSource(page, 3) },
  {
    name: 'source-sheet',
    arrange: (assistant) => void shelve(assistant),
    async act(page) {
      await goToShelf(page);
      await page.getByRole('searchbox').fill('twelfth');
      await page.locator('mark').first().click();
      await page.locator('[data-marked]').first().waitFor();
    },
  },
  {
    name: 'source-outline',
    arrange: (assistant) => void cite(assistant),
    async act(page) {
      await openSource(page, 1);
      await page.getByRole('button', { name: /^(Contents|目录)$/ }).click();
      await page.getByRole('navigation', { name: /^(Contents|目录)$/ }).waitFor();
    },
  },
  {
    name: 'reading-price',
    arrange: (assistant) => void long(assistant),
    async act(page) {
      await openConversation(page, 'A long story');
      await page.getByRole('button', { name: /^(Read it in the background|在后台读取)$/ }).waitFor();
    },
  },
  {
    name: 'reading-ahead',
    arrange: (assistant) => void assistant.read(long(assistant)),
    async act(page) {
      await openConversation(page, 'A long story');
      await page.getByRole('button', { name: /^(Pause|暂停)$/ }).waitFor();
    },
  },
];
