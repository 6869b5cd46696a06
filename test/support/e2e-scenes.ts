import type { Page } from '@playwright/test';
import { LonghandError } from '../../main/contract/errors.ts';
import type { ScriptedAssistant } from './scripted-assistant.ts';
import { downloadJob, readyStatus, smolModel, words } from './scripted-data.ts';

/** A state of the page that screenshots show and the accessibility check visits. */
export type Scene = {
  name: string;
  arrange?(assistant: ScriptedAssistant): void;
  act?(page: Page, assistant: ScriptedAssistant): Promise<void>;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const CODE_ANSWER = [
  'A reader is an async generator: it yields one page at a time, so a long file never lies in memory as a whole.',
  '',
  '```ts',
  'export async function* pages(bytes: Uint8Array) {',
  "  for (const [index, text] of split(decode(bytes), '\\f').entries()) yield { number: index + 1, text };",
  '}',
  '```',
  '',
  'Leave the loop and the generator stops: its `finally` block closes the file. Markup such as <b>bold</b> or <script>alert(1)</script> in an answer stays the text that it is.',
].join('\n');

const LETTER = [
  'The letter is dated 3 March 1871 and sets out three conditions: the loan is repaid in twelve instalments, the house stays with the family, and neither party speaks of it in public.',
  'The first two were kept. Of the third we know only that a copy reached the newspaper in June, four days after the last instalment had been paid, and that the editor declined to print it.',
  'Nothing in the correspondence says who sent the copy.',
].join('\n\n');

const POEM =
  '孤舟蓑笠翁，独钓寒江雪。\n\n这两句写的是江上老渔翁的身影：天地寂静，只有一叶孤舟。诗人借寒江独钓，写自己不肯随俗的心境。';

export function fill(assistant: ScriptedAssistant): void {
  assistant.addConversation(
    'Why does bread dough need to rest?',
    ['Why does bread dough need to rest?', 'So that the gluten relaxes.'],
    { ageMs: 9 * DAY_MS },
  );
  assistant.addConversation('《江雪》最后两句是什么意思？', ['《江雪》最后两句是什么意思？', POEM], {
    ageMs: 3 * DAY_MS,
  });
  assistant.addConversation(
    'Streaming a file page by page',
    ['How do I read a long text file page by page in TypeScript?', CODE_ANSWER],
    { ageMs: DAY_MS },
  );
  assistant.addConversation(
    'Conditions in the letter of 1871',
    [
      'What are the conditions in the letter, and were they kept?',
      LETTER,
      'Who sent the copy to the newspaper?',
      'The correspondence does not say.',
    ],
    { ageMs: 2 * HOUR_MS },
  );
}

async function openConversation(page: Page, title: string): Promise<void> {
  const menu = page.getByRole('button', { name: /Show conversations|显示对话列表/ });
  if (await menu.isVisible()) await menu.click();
  await page.getByRole('link', { name: title }).click();
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
}

const field = (page: Page) => page.locator('textarea');
const send = async (page: Page, text: string) => {
  await field(page).fill(text);
  await field(page).press('Enter');
};

/** Gives its words and then waits for ever, so that an answer stays in the middle. */
async function* unfinished(text: string) {
  yield* words(text);
  await new Promise(() => {});
}

export const scenes: Scene[] = [
  { name: 'empty' },
  { name: 'conversation', arrange: fill, act: (page) => openConversation(page, 'Conditions in the letter of 1871') },
  { name: 'code', arrange: fill, act: (page) => openConversation(page, 'Streaming a file page by page') },
  { name: 'chinese', arrange: fill, act: (page) => openConversation(page, '《江雪》最后两句是什么意思？') },
  {
    name: 'streaming',
    arrange(assistant) {
      fill(assistant);
      assistant.script = () => unfinished('The copy was made by hand, and the hand is not that of');
      assistant.tokenMs = 0;
    },
    async act(page) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await send(page, 'Whose hand is the copy in?');
      await page.getByText('is not that of').waitFor();
    },
  },
  {
    name: 'stopped',
    arrange(assistant) {
      assistant.script = () => unfinished('There are four reasons, and the first of them');
      assistant.tokenMs = 0;
    },
    async act(page) {
      await send(page, 'Why did the bank close?');
      await page.getByText('the first of them').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: /^(Continue|继续)$/ }).waitFor();
    },
  },
  {
    name: 'interrupted',
    arrange(assistant) {
      assistant.addConversation(
        'Why did the bank close?',
        ['Why did the bank close?', 'There are four reasons, and the first'],
        {
          last: { state: 'interrupted', finishReason: null, metrics: null },
        },
      );
    },
    act: (page) => openConversation(page, 'Why did the bank close?'),
  },
  {
    name: 'failed',
    arrange(assistant) {
      assistant.failWith = new LonghandError('engine-stopped', 'Engine stopped.');
      assistant.script = () => [''];
    },
    async act(page) {
      await send(page, 'Why did the bank close?');
      await page.getByRole('button', { name: /^(Try again|重试)$/ }).waitFor();
    },
  },
  {
    name: 'too-long',
    arrange: (assistant) => void (assistant.contextTokens = 64),
    async act(page) {
      await field(page).fill('The quick brown fox jumps over the lazy dog and does so again and again. '.repeat(5));
      await page.getByText(/too many|超出/).waitFor();
    },
  },
  { name: 'no-model', arrange: (assistant) => assistant.setStatus({ ...readyStatus, state: 'none', model: null }) },
  {
    name: 'installing',
    arrange: (assistant) =>
      assistant.setStatus({ ...readyStatus, state: 'installing', model: null, job: downloadJob() }),
    async act(page) {
      await send(page, 'What is a longhand?');
      await page.getByText(/as soon as the model is ready|模型就绪后/).waitFor();
    },
  },
  {
    name: 'install-failed',
    arrange(assistant) {
      const error = { code: 'download-failed' as const, message: 'Broke off.', details: {} };
      assistant.setStatus({
        ...readyStatus,
        state: 'failed',
        model: null,
        job: downloadJob({ state: 'failed', error }),
        error,
      });
    },
  },
  {
    name: 'loading',
    arrange: (assistant) => assistant.setStatus({ ...readyStatus, state: 'loading', model: smolModel }),
  },
  {
    name: 'search',
    arrange: fill,
    async act(page) {
      await page.keyboard.press('Control+Shift+F');
      await page.keyboard.type('寒江');
      await page.locator('mark').first().waitFor();
    },
  },
  {
    name: 'undo',
    arrange: fill,
    async act(page) {
      await page.keyboard.press('Control+Shift+F'); // opens the drawer of a narrow window
      const row = page.getByRole('listitem').filter({ hasText: 'Streaming a file' });
      await row.hover();
      await row.getByRole('button', { name: /Delete|删除/ }).click();
      await page.getByRole('button', { name: /Undo|撤销/ }).waitFor();
    },
  },
  {
    name: 'lost',
    arrange: fill,
    async act(page, assistant) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await assistant.die();
      await page.getByText(/Connection lost|连接已断开/).waitFor();
    },
  },
  {
    name: 'refused',
    async act(page, assistant) {
      await page.goto('about:blank');
      await page.goto(`${assistant.origin}/#wrong-token`);
      await page.getByRole('button', { name: /Try again|重试/ }).waitFor();
    },
  },
];
