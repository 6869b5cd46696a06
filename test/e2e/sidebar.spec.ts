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
    await ui.getByRole('link', { name: '江雪' }).click();
    await expect(answers(ui)).toContainText('独钓寒江雪。');
    await ui.keyboard.press('Escape');
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeVisible();
  });

  test('a result far up in a conversation is brought into view', async ({ ui }) => {
    await ui.getByRole('textbox', { name: 'Search all conversations' }).fill('dough');
    await ui.getByRole('link', { name: 'Bread' }).click();
    await expect(questions(ui)).toBeInViewport();
    await expect(questions(ui)).toBeFocused();
  });

  test('a conversation can be renamed with the keyboard alone', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).focus();
    await ui.keyboard.press('Tab');
    await ui.keyboard.press('Enter');
    await ui.keyboard.type('Baking');
    await ui.keyboard.press('Enter');
    await expect(ui.getByRole('link', { name: 'Baking' })).toBeFocused();
    await ui.reload();
    await expect(ui.getByRole('link', { name: 'Baking' })).toBeVisible();
  });

  test('Escape leaves a title as it was', async ({ ui }) => {
    const row = ui.getByRole('listitem').filter({ hasText: 'Bread' });
    await row.hover();
    await row.getByRole('button', { name: 'Rename' }).click();
    await ui.keyboard.type('Nonsense');
    await ui.keyboard.press('Escape');
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeVisible();
  });

  test('deleting the open conversation leaves an empty one, and can be undone', async ({ ui }) => {
    await ui.getByRole('link', { name: '江雪' }).click();
    await expect(answers(ui)).toContainText('独钓');
    const row = ui.getByRole('navigation').getByRole('listitem').filter({ hasText: '江雪' });
    await row.hover();
    await row.getByRole('button', { name: 'Delete' }).click();
    await expect(ui.getByText('Ask a question.')).toBeVisible();
    await expect(ui.getByRole('link', { name: '江雪' })).toBeHidden();
    await expect(field(ui)).toBeFocused();
    await ui.getByRole('button', { name: 'Undo' }).click();
    await expect(answers(ui)).toContainText('独钓');
  });

  test('deleting another conversation keeps the open one, and the focus in the list', async ({ ui }) => {
    await ui.getByRole('link', { name: 'Bread' }).click();
    await expect(ui.getByText('About an hour.')).toBeVisible();
    await ui.getByRole('button', { name: 'Delete “江雪”' }).focus();
    await ui.keyboard.press('Enter');
    await expect(ui.getByText('“江雪” deleted.').first()).toBeVisible();
    await expect(ui.getByRole('link', { name: 'Bread' })).toBeFocused();
    await expect(ui.getByText('About an hour.')).toBeVisible();
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

  test('language and appearance change at once and are kept', async ({ ui }) => {
    await ui.getByRole('combobox', { name: 'Language' }).selectOption('zh-CN');
    await expect(ui.getByRole('button', { name: '发送' })).toBeVisible();
    await ui.getByRole('combobox', { name: '外观' }).selectOption('dark');
    await expect(ui.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(ui.locator('html')).toHaveAttribute('lang', 'zh-CN');
    await ui.reload();
    await expect(ui.getByRole('button', { name: '发送' })).toBeVisible();
    await expect(ui.locator('body')).toHaveCSS('background-color', 'rgb(21, 24, 23)');
  });
});
