// Windows' high contrast: the system replaces every colour, and what only a ground or a shadow told is gone.
import type { Locator } from '@playwright/test';
import { expect, field, open, send, test } from '../support/e2e-page.ts';
import { downloadJob, readyStatus } from '../support/scripted-data.ts';

test.use({ colorScheme: 'dark' });
test.beforeEach(async ({ ui, assistant }) => {
  await ui.emulateMedia({ forcedColors: 'active' });
  assistant.addConversation('Bread', ['How long?', 'An hour, then another hour.']);
  await open(ui, assistant);
});

const style = (of: Locator, name: string) =>
  of.evaluate((element, key) => getComputedStyle(element).getPropertyValue(key), name);

test('progress is seen', async ({ ui, assistant }) => {
  const pictureAt = async (done: number) => {
    assistant.setStatus({ ...readyStatus, state: 'installing', model: null, job: downloadJob({ done, total: 100 }) });
    const bar = ui.getByRole('progressbar');
    await expect(bar).toHaveAttribute('value', String(done));
    return (await bar.screenshot()).toString('base64');
  };
  expect(await pictureAt(10)).not.toBe(await pictureAt(90));
});

test('what is open or pressed is told by an edge, and the focus by another one', async ({ ui }) => {
  await ui.getByRole('link', { name: 'Bread' }).click();
  const toggle = ui
    .getByRole('button', { name: 'Settings of this conversation' })
    .or(ui.getByRole('button', { name: 'This conversation' }));
  await toggle.first().click();
  await ui.getByRole('textbox', { name: 'Message' }).focus();
  expect(await style(toggle.first(), 'outline-style')).toBe('solid');
  const row = ui.getByRole('link', { name: 'Bread' });
  const chosen = await style(row, 'outline-color');
  expect(await style(row, 'outline-style')).toBe('solid');
  await ui.keyboard.press('Control+Shift+F');
  await ui.keyboard.press('Tab');
  while (!(await row.evaluate((element) => element === document.activeElement))) await ui.keyboard.press('Tab');
  expect(await style(row, 'outline-color')).not.toBe(chosen);
  expect(await style(row, 'outline-width')).toBe('3px');
});

test('pictures have the colour of the words beside them', async ({ ui, assistant }) => {
  assistant.conversations.createFolder('Papers');
  await open(ui, assistant);
  await ui.reload();
  const folder = ui.getByRole('button', { name: 'Papers', exact: true });
  const colours = await folder.locator('svg').evaluateAll((all) => all.map((svg) => getComputedStyle(svg).color));
  expect(colours.length).toBeGreaterThan(0);
  expect(new Set(colours)).toEqual(new Set([await style(folder, 'color')]));
});

test('only a button that can be pressed looks like the one to press', async ({ ui }) => {
  const button = ui.getByRole('button', { name: 'Send' });
  expect(await style(button, 'outline-style')).toBe('none');
  await field(ui).fill('Words');
  await expect(button).toBeEnabled();
  expect(await style(button, 'outline-style')).toBe('solid');
});

test('words that are typed fast are marked, and no letter of them alone', async ({ ui }) => {
  await send(ui, 'the letter to the editor');
  await expect(ui.getByText('You said')).toBeVisible();
  await ui.keyboard.press('Control+F');
  await ui.keyboard.type('the');
  await ui.waitForTimeout(200);
  const marked = await ui.evaluate(() =>
    [...(CSS.highlights.get('find') ?? [])].map((range) => (range as Range).toString()),
  );
  expect(new Set(marked.map((word) => word.toLowerCase()))).toEqual(new Set(['the']));
});
