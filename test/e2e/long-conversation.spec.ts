import type { Page } from '@playwright/test';
import type { ScriptedAssistant } from '../support/scripted-assistant.ts';
import { answers, expect, field, questions, send, test } from '../support/e2e-page.ts';

const COUNT = 10_000;
const texts = Array.from({ length: COUNT }, (_, index) =>
  index % 2 === 0 ? `Question ${index}: what does the letter say?` : `Answer ${index}. The **house** stays.\n\n- first`,
);

/** Opens a conversation of ten thousand messages, of which only the newest come until `arrive` is called. */
async function openLong(ui: Page, assistant: ScriptedAssistant) {
  const { promise, resolve } = Promise.withResolvers<void>();
  assistant.conversations.olderAfter = promise;
  assistant.contextTokens = 1_000_000;
  const { id } = assistant.addConversation('Long', texts);
  await ui.reload();
  await ui.getByRole('link', { name: 'Long' }).click();
  await expect(answers(ui).last()).toContainText(`Answer ${COUNT - 1}.`);
  return { id, arrive: resolve };
}

const scroller = (ui: Page) => ui.locator('.scroller');
const topOf = (ui: Page, text: string) =>
  ui
    .getByText(text)
    .first()
    .evaluate((element) => element.getBoundingClientRect().top);
/** Waits until all messages are in the page, and its height with them. */
async function whole(ui: Page): Promise<void> {
  const height = () => scroller(ui).evaluate((element) => element.scrollHeight);
  for (let before = 0, now = await height(); now < COUNT * 50 || now !== before;) {
    await ui.waitForTimeout(150);
    before = now;
    now = await height();
  }
}

test.describe('a conversation of ten thousand messages', () => {
  test('opens at its end, stays there while the rest arrives, and builds what is near only', async ({
    ui,
    assistant,
  }) => {
    assistant.addConversation('Long', texts);
    await ui.getByRole('link', { name: 'Long' }).click();
    await expect(answers(ui).last()).toContainText(`Answer ${COUNT - 1}.`);
    await expect(answers(ui).last()).toBeInViewport();
    await whole(ui);
    await ui.waitForTimeout(300);
    await expect(answers(ui).last()).toBeInViewport();
    expect(await ui.locator('article').count()).toBeLessThan(100);
  });

  test('moves nothing that is read while messages arrive above it', async ({ ui, assistant }) => {
    const { arrive } = await openLong(ui, assistant);
    await scroller(ui).hover();
    await ui.mouse.wheel(0, -3000);
    await ui.waitForTimeout(600);
    const seen = await ui.evaluate(
      () =>
        [...document.querySelectorAll('article.question')]
          .find((one) => one.getBoundingClientRect().top > 200)
          ?.textContent.match(/Question \d+:/)?.[0] ?? '',
    );
    const before = await topOf(ui, seen);
    arrive();
    await whole(ui);
    await ui.waitForTimeout(300);
    expect(Math.abs((await topOf(ui, seen)) - before)).toBeLessThan(1);
  });

  test('moves nothing either for a reader who has come to the top of what is there', async ({ ui, assistant }) => {
    const { arrive } = await openLong(ui, assistant);
    await scroller(ui).focus();
    await ui.keyboard.press('Home');
    await expect(ui.getByText('Question 9960:')).toBeInViewport();
    await ui.waitForTimeout(600);
    const before = await topOf(ui, 'Question 9960:');
    arrive();
    await whole(ui);
    await ui.waitForTimeout(300);
    expect(Math.abs((await topOf(ui, 'Question 9960:')) - before)).toBeLessThan(1);
    await ui.keyboard.press('PageUp');
    await expect(ui.getByText('Question 9958:')).toBeInViewport();
  });

  test('leaves a reader at its beginning alone when something comes at its end', async ({ ui, assistant }) => {
    const { id, arrive } = await openLong(ui, assistant);
    arrive();
    await whole(ui);
    await scroller(ui).evaluate((element) => (element.scrollTop = 0));
    await expect(ui.getByText('Question 0:')).toBeInViewport();
    await ui.waitForTimeout(600);
    const before = await topOf(ui, 'Question 0:');
    const { conversations } = assistant;
    const added = conversations.add(id, { role: 'user', text: 'From another window', state: 'complete' });
    conversations.tell(id, { type: 'message', message: conversations.shown(added.id) });
    await expect(ui.getByText('From another window')).toBeAttached();
    await ui.waitForTimeout(300);
    expect(Math.abs((await topOf(ui, 'Question 0:')) - before)).toBeLessThan(1);
  });

  test('takes a message, and answers it, before the rest has arrived', async ({ ui, assistant }) => {
    const { arrive } = await openLong(ui, assistant);
    await send(ui, 'And now?');
    await expect(questions(ui).last()).toContainText('And now?');
    arrive();
    await expect(answers(ui).last()).toContainText('You said: And now?');
    await expect(answers(ui).last()).toBeInViewport();
    await ui.keyboard.press('ControlOrMeta+Home');
    await scroller(ui).evaluate((element) => (element.scrollTop = 0));
    await expect(ui.getByText('Question 0:')).toBeInViewport();
  });

  test('is searched to its first message', async ({ ui, assistant }) => {
    const { arrive } = await openLong(ui, assistant);
    arrive();
    await whole(ui);
    await ui.keyboard.press('ControlOrMeta+f');
    await ui.keyboard.type('Question 2:');
    await expect(ui.getByText('1 of 1')).toBeVisible();
    await expect(ui.getByText('Question 2:')).toBeInViewport();
  });

  test('brings a message from its beginning into view, once', async ({ ui, assistant }) => {
    const { id, arrive } = await openLong(ui, assistant);
    const early = assistant.conversations.path(id)[40];
    await ui.evaluate((hash) => (location.hash = hash), `#/conversation/${id}?message=${early?.id}`);
    await ui.waitForTimeout(200);
    arrive();
    await expect(ui.getByText('Question 40:')).toBeInViewport();
    await ui.waitForTimeout(500); // until its neighbours are there, and it lies still
    await field(ui).fill('More');
    await field(ui).press('Enter');
    await expect(answers(ui).last()).toContainText('You said: More');
    await expect(answers(ui).last()).toBeInViewport();
  });

  test('lets its messages be chosen one by one, the first and the last, when it is too long', async ({
    ui,
    assistant,
  }) => {
    const { id, arrive } = await openLong(ui, assistant);
    assistant.contextTokens = 1000;
    arrive();
    await whole(ui);
    await field(ui).fill('x');
    await ui.getByRole('button', { name: 'Make room' }).click();
    const dialog = ui.getByRole('dialog');
    await dialog.getByText('Question 0:').click();
    await expect(dialog.getByRole('checkbox').first()).toBeChecked();
    expect(await dialog.getByRole('checkbox').count()).toBeLessThan(100);
    await dialog.locator('.choices').evaluate((element) => (element.scrollTop = element.scrollHeight));
    await dialog.getByText(`Answer ${COUNT - 1}.`).click();
    await expect(dialog.getByRole('checkbox').last()).toBeChecked();
    await ui.keyboard.press('Shift+Tab');
    await ui.keyboard.press('Space');
    await dialog.getByRole('button', { name: 'Leave out' }).click();
    await expect(dialog).toBeHidden();
    const leftOut = assistant.conversations.path(id).flatMap((message, index) => (message.leftOut ? [index] : []));
    expect(leftOut).toEqual([0, COUNT - 2, COUNT - 1]);
  });
});
