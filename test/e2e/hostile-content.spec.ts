import type { Page } from '@playwright/test';
import { answers, expect, questions, send, test } from '../support/e2e-page.ts';
import { hostileSamples } from '../support/hostile-samples.ts';

declare global {
  interface Window {
    owned?: unknown;
  }
}

/** Every address that the browser asks for from now on, other than the page's own. */
function foreignRequests(page: Page, origin: string): string[] {
  const foreign: string[] = [];
  page.context().on('request', (request) => {
    const url = request.url();
    const isOurs = url.startsWith(`${origin}/`) || url.startsWith(`blob:${origin}/`) || url.startsWith('data:font');
    if (!isOurs) foreign.push(url);
  });
  page.context().on('page', (other) => foreign.push(`a new window: ${other.url()}`));
  return foreign;
}

async function expectHarmless(page: Page, foreign: string[], address: string): Promise<void> {
  expect(await page.evaluate(() => window.owned)).toBeUndefined();
  expect(foreign).toEqual([]);
  expect(page.url()).toBe(address);
  // Elements that a text could only have brought by itself.
  const brought =
    'script, iframe, object, embed, form, style, base, meta, link, video, svg[onload], [onerror], [onclick]';
  await expect(page.locator('main').locator(brought)).toHaveCount(0);
  for (const image of await page.locator('main img').all()) {
    expect(await image.getAttribute('src')).toMatch(/^blob:/); // a drawing of a diagram
  }
  for (const link of await page.locator('article a').all()) {
    expect(await link.getAttribute('href')).toMatch(/^(https:|mailto:)/);
  }
}

/** A key shows its letter within a second: nothing holds the page up. */
async function expectResponsive(page: Page): Promise<void> {
  const started = Date.now();
  await page.locator('textarea').last().fill('still here');
  await expect(page.locator('textarea').last()).toHaveValue('still here');
  expect(Date.now() - started).toBeLessThan(1000);
  await page.locator('textarea').last().fill('');
}

for (const [name, text] of Object.entries(hostileSamples)) {
  test(`${name} is shown and does nothing, whoever wrote it`, async ({ ui, assistant }) => {
    const foreign = foreignRequests(ui, assistant.origin);
    // As a model writes it: in pieces, so that every half of it is met too.
    assistant.script = () => text.match(new RegExp(`[^]{1,${Math.ceil(text.length / 25)}}`, 'g')) ?? [];
    assistant.tokenMs = 1;
    assistant.contextTokens = 1_000_000; // the longest of them is meant to be sent
    await send(ui, text);
    await expect(answers(ui).getByText('tokens/s')).toBeVisible();
    const address = ui.url();
    await expect(questions(ui)).toHaveCount(1);
    if (name.startsWith('a diagram')) await ui.waitForTimeout(1500);
    await expectHarmless(ui, foreign, address);
    await expectResponsive(ui);

    // Once more from the store, as a whole; and everything that can be pressed inside a message is pressed.
    await ui.reload();
    await expect(answers(ui).getByText('tokens/s')).toBeVisible();
    for (const link of await answers(ui).locator('a').all()) {
      await link.click({ timeout: 2000 });
      await expect(ui.getByRole('dialog')).toContainText(await link.getAttribute('href').then(String));
      await ui.keyboard.press('Escape');
    }
    await expectHarmless(ui, foreign, address);
    await expectResponsive(ui);
  });
}

test('turns of direction are written out, in text and in code', async ({ ui, assistant }) => {
  assistant.script = () => [`${hostileSamples['a text turned around']}\n\n${hostileSamples['code turned around']}`];
  await send(ui, hostileSamples['a text turned around'] ?? '');
  await expect(questions(ui)).toContainText('user[U+202E] [U+2066]// admin');
  await expect(answers(ui).locator('p').first()).toContainText('user[U+202E]');
  await expect(answers(ui).locator('pre')).toContainText('[U+202E]');
});

test('a link opens only after its whole address was shown and confirmed', async ({ ui, assistant }) => {
  assistant.script = () => ['[the bank](https://attacker.example/login?bank.example)'];
  await send(ui, 'Where?');
  await expect(answers(ui)).toContainText('the bank (attacker.example)');
  await ui.getByRole('link', { name: 'the bank' }).click();
  const question = ui.getByRole('dialog');
  await expect(question).toContainText('https://attacker.example/login?bank.example');
  await question.getByRole('button', { name: 'Cancel' }).click();
  await expect(question).toBeHidden();
  expect(ui.context().pages()).toHaveLength(1);
  await ui.context().route('https://attacker.example/**', (route) => route.fulfill({ body: 'there' }));
  await ui.getByRole('link', { name: 'the bank' }).click();
  const opened = ui.context().waitForEvent('page');
  await question.getByRole('button', { name: 'Open' }).click();
  expect((await opened).url()).toBe('https://attacker.example/login?bank.example');
  expect(await (await opened).evaluate(() => window.opener as unknown)).toBeNull();
});
