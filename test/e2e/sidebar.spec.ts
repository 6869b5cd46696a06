import { answers, expect, field, open, questions, send, test } from '../support/e2e-page.ts';

const longText = Array.from({ length: 60 }, (_, index) => `Paragraph ${index + 1} of a long answer.`).join('\n\n');

test.describe('the list of conversations', () => {
  test.beforeEach(async ({ ui, assistant }) => {
    assistant.addConversation('Bread', ['How long must dough rest?', `${longText}\n\nAbout an hour.`], { ageMs: 2000 });
    assistant.addConversation('江雪', ['最后两句是什么意思？', '独钓寒江雪。'], { ageMs: 1000 });
    await open(ui, assistant);
    await ui.reload();
  });

  test('a search for two Chinese characters marks the place and opens it', async ({ ui }) => {
    await ui.keyboard.press('Control+Shift+F');
    await ui.keyboard.type('寒江');
    await expect(ui.getByText('1 result')).toBeVisible();
    await expect(ui.locator('mark')).toHaveText('寒江');
    await ui.keyboard.press('ArrowDown');
    await ui.keyboard.press('Enter');
    await expect(answers(ui)).toContainText('独钓寒江雪。');
    await ui.keyboard.press('Escape');
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeVisible();
  });

  test('a result far up in a conversation is brought into view', async ({ ui }) => {
    await ui.getByRole('textbox', { name: 'Search all conversations' }).fill('dough');
    await ui.getByRole('navigation').getByRole('link').filter({ hasText: 'dough' }).click();
    await expect(questions(ui)).toBeInViewport();
    await expect(questions(ui)).toBeFocused();
  });

  test('the arrow keys go from row to row, and Tab leaves the list', async ({ ui }) => {
    await ui.getByRole('link', { name: '江雪' }).focus();
    await ui.keyboard.press('ArrowDown');
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeFocused();
    await ui.keyboard.press('Home');
    await expect(ui.getByRole('link', { name: '江雪' })).toBeFocused();
    await ui.keyboard.press('Tab');
    await expect(ui.getByRole('button', { name: 'Actions for “江雪”' })).toBeFocused();
    await ui.keyboard.press('Tab');
    await expect(ui.getByRole('link', { name: 'Bin' })).toBeFocused();
  });

  test('a conversation can be renamed with the keyboard alone', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).focus();
    await ui.keyboard.press('F2');
    await ui.keyboard.type('Baking');
    await ui.keyboard.press('Enter');
    await expect(ui.getByRole('link', { name: 'Baking' })).toBeFocused();
    await ui.reload();
    await expect(ui.getByRole('link', { name: 'Baking' })).toBeVisible();
  });

  test('Escape leaves a title as it was', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).click({ button: 'right' });
    await ui.getByRole('menuitem', { name: 'Rename' }).click();
    await ui.keyboard.type('Nonsense');
    await ui.keyboard.press('Escape');
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeFocused();
  });

  test('deleting the open conversation leaves an empty one, and can be undone', async ({ ui }) => {
    await ui.getByRole('link', { name: '江雪' }).click();
    await expect(answers(ui)).toContainText('独钓');
    await ui.getByRole('button', { name: 'Actions for “江雪”' }).click();
    await ui.getByRole('menuitem', { name: 'Delete' }).click();
    await expect(ui.getByText('Ask a question.')).toBeVisible();
    await expect(ui.getByRole('link', { name: '江雪' })).toBeHidden();
    await expect(field(ui)).toBeFocused();
    await ui.getByRole('button', { name: 'Undo' }).click();
    await expect(answers(ui)).toContainText('独钓');
  });

  test('deleting another conversation keeps the open one, and the focus in the list', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).click();
    await expect(ui.getByText('About an hour.')).toBeVisible();
    await ui.getByRole('link', { name: '江雪' }).focus();
    await ui.keyboard.press('Shift+F10');
    await ui.keyboard.press('End');
    await ui.keyboard.press('Enter');
    await expect(ui.getByText('“江雪” deleted.').first()).toBeVisible();
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeFocused();
    await expect(ui.getByText('About an hour.')).toBeVisible();
    await ui.keyboard.press('Control+Z');
    await expect(answers(ui)).toContainText('独钓');
  });

  test('Back returns to the conversation before', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).click();
    await expect(ui.getByText('About an hour.')).toBeVisible();
    await ui.getByRole('link', { name: '江雪' }).click();
    await expect(answers(ui)).toContainText('独钓');
    await ui.goBack();
    await expect(ui.getByText('About an hour.')).toBeVisible();
  });

  test('a conversation that is gone says so instead of staying empty', async ({ ui, assistant }) => {
    await ui.goto(`${assistant.origin}/#/conversation/none`);
    await expect(ui.getByRole('alert')).toContainText('does not exist any more');
  });

  test('a conversation is moved into a folder by its menu, and by dragging', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).click({ button: 'right' });
    await ui.getByRole('menuitem', { name: 'Move to folder' }).click();
    await ui.getByRole('menuitem', { name: 'New folder' }).click();
    await ui.getByRole('textbox', { name: 'Name of the folder' }).fill('Kitchen');
    await ui.keyboard.press('Enter');
    const folder = ui.getByRole('button', { name: 'Kitchen', exact: true });
    await expect(folder).toHaveAttribute('aria-expanded', 'true');
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeVisible();
    await ui.getByRole('link', { name: '江雪' }).dragTo(folder);
    await folder.click();
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeHidden();
    await expect(ui.getByRole('link', { name: '江雪' })).toBeHidden();
    await ui.reload();
    await folder.click();
    await expect(ui.getByRole('link', { name: '江雪' })).toBeVisible();
  });

  test('a folder that is deleted leaves its conversations', async ({ ui, assistant }) => {
    const { conversations } = assistant;
    const folder = conversations.createFolder('Kitchen');
    conversations.change(conversations.list({ limit: 9 }).items[1]?.id ?? '', { folderId: folder.id });
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeHidden();
    await ui.getByRole('button', { name: 'Kitchen', exact: true }).click({ button: 'right' });
    await ui.getByRole('menuitem', { name: 'Delete the folder' }).click();
    await ui.getByRole('dialog').getByRole('button', { name: 'Delete the folder' }).click();
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeVisible();
    await expect(ui.getByRole('button', { name: 'Kitchen', exact: true })).toBeHidden();
  });

  test('a pinned conversation stands at the top', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).click({ button: 'right' });
    await ui.getByRole('menuitem', { name: 'Pin to the top' }).click();
    await expect(ui.getByRole('heading', { name: 'Pinned' })).toBeVisible();
    await expect(ui.locator('nav a[href^="#/conversation"]').first()).toHaveText('Bread');
  });

  test('the bin gives back and destroys, after a question', async ({ ui, assistant }) => {
    for (const { id } of assistant.conversations.list({ limit: 9 }).items) assistant.conversations.remove(id);
    await ui.getByRole('link', { name: 'Bin' }).click();
    await expect(ui.getByRole('heading', { level: 1, name: 'Bin' })).toBeFocused();
    await ui.getByRole('button', { name: 'Restore: Bread' }).click();
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeVisible();
    await ui.getByRole('button', { name: 'Empty the bin' }).click();
    await expect(ui.getByRole('dialog')).toContainText('This cannot be undone.');
    await ui.keyboard.press('Escape');
    await expect(ui.getByText('30 days left')).toBeVisible();
    await ui.getByRole('button', { name: 'Destroy: 江雪' }).click();
    await ui.getByRole('dialog').getByRole('button', { name: 'Destroy' }).click();
    await expect(ui.getByText('The bin is empty.')).toBeVisible();
    await ui.keyboard.press('Escape');
    await expect(ui.getByText('Ask a question.')).toBeVisible();
  });

  test('what another window does to the list is seen here', async ({ ui, assistant }) => {
    const [newest] = assistant.conversations.list({ limit: 1 }).items;
    assistant.conversations.change(newest?.id ?? '', { title: 'Renamed elsewhere' });
    await expect(ui.getByRole('link', { name: 'Renamed elsewhere' })).toBeVisible();
  });
});

test('of ten thousand conversations only those in sight are in the page, and older ones come as one scrolls', async ({
  ui,
  assistant,
}) => {
  for (let index = 0; index < 10_000; index += 1) {
    assistant.conversations.create(`Conversation ${index}`, { ms: Date.now() - index * 60_000 });
  }
  await ui.reload();
  await expect(ui.getByRole('link', { name: 'Conversation 0', exact: true })).toBeVisible();
  const links = ui.getByRole('navigation').getByRole('link');
  expect(await links.count()).toBeLessThan(80);
  const list = ui.locator('nav .list');
  for (let page = 0; page < 8; page += 1) {
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await expect
      .poll(() => list.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight))
      .toBeGreaterThan(500);
  }
  await expect
    .poll(async () => Number((await links.allTextContents()).join(' ').match(/\d+/g)?.at(-1)))
    .toBeGreaterThan(700);
  expect(await links.count()).toBeLessThan(80);
});

test.describe('keyboard and language', () => {
  test('F6 goes round the regions of the page', async ({ ui }) => {
    await field(ui).focus();
    await ui.keyboard.press('F6');
    await expect(ui.getByRole('button', { name: 'New conversation' })).toBeFocused();
    await ui.keyboard.press('F6');
    await expect(ui.getByRole('region', { name: 'Conversation' })).toBeFocused();
    await ui.keyboard.press('F6');
    await expect(field(ui)).toBeFocused();
    await ui.keyboard.press('Shift+F6');
    await expect(ui.getByRole('region', { name: 'Conversation' })).toBeFocused();
  });

  test('Ctrl+N opens a new conversation', async ({ ui }) => {
    await send(ui, 'First');
    await expect(answers(ui)).toContainText('You said: First');
    // A browser keeps Ctrl+N for itself outside an app window, so the page's own handling is what can be tested.
    await ui.locator('body').dispatchEvent('keydown', { key: 'n', ctrlKey: true, bubbles: true, cancelable: true });
    await expect(ui.getByText('Ask a question.')).toBeVisible();
    await expect(field(ui)).toBeFocused();
  });

  test('a browser that keeps Ctrl+N to itself leaves Ctrl+Shift+O', async ({ ui }) => {
    await send(ui, 'First');
    await expect(answers(ui)).toContainText('You said: First');
    await ui.keyboard.press('Control+Shift+O');
    await expect(ui.getByText('Ask a question.')).toBeVisible();
  });

  test('language and appearance change at once and are kept', async ({ ui }) => {
    await ui.keyboard.press('Control+,');
    await ui.getByRole('combobox', { name: 'Language' }).selectOption('zh-CN');
    await expect(ui.getByRole('heading', { level: 1, name: '设置' })).toBeVisible();
    await ui.getByRole('combobox', { name: '外观' }).selectOption('dark');
    await expect(ui.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(ui.locator('html')).toHaveAttribute('lang', 'zh-CN');
    await ui.keyboard.press('Escape');
    await ui.reload();
    await expect(ui.getByRole('button', { name: '发送' })).toBeVisible();
    await expect(ui.locator('body')).toHaveCSS('background-color', 'rgb(21, 24, 23)');
  });
});
