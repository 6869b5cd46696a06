import type { Page } from '@playwright/test';
import type { ScriptedAssistant } from './scripted-assistant.ts';
import { words } from './scripted-data.ts';

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

/** A list as somebody has it after a few weeks, with a folder and a pinned conversation. */
export function fill(assistant: ScriptedAssistant): void {
  const { conversations } = assistant;
  const folder = conversations.createFolder('Family papers');
  const bread = assistant.addConversation(
    'Why does bread dough need to rest?',
    ['Why does bread dough need to rest?', 'So that the gluten relaxes.'],
    { ageMs: 9 * DAY_MS },
  );
  conversations.change(bread.id, { pinned: true });
  const will = assistant.addConversation('Who is named in the will?', ['Who is named in the will?', 'Three sons.'], {
    ageMs: 5 * DAY_MS,
  });
  conversations.change(will.id, { folderId: folder.id });
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

export async function openConversation(page: Page, title: string): Promise<void> {
  await showList(page);
  await page.getByRole('link', { name: title }).click();
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
}

/** On a narrow window the list is a drawer. */
export async function showList(page: Page): Promise<void> {
  const menu = page.getByRole('button', { name: /Show conversations|显示对话列表/ });
  if (await menu.isVisible()) await menu.click();
}

export const field = (page: Page) => page.locator('textarea');
export const send = async (page: Page, text: string) => {
  await field(page).fill(text);
  await field(page).press('Enter');
};

/** Gives its words and then waits for ever, so that an answer stays in the middle. */
export async function* unfinished(text: string) {
  yield* words(text);
  await new Promise(() => {});
}

/** By the palette, which reaches everything at every size. */
export async function runCommand(page: Page, name: RegExp): Promise<void> {
  await page.keyboard.press('Control+K');
  await page.getByRole('option', { name }).first().click();
}
