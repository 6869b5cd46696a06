import type { Page } from '@playwright/test';
import { expect, field, open, test } from '../support/e2e-page.ts';

const row = (page: Page, name: string) => page.getByRole('listitem').filter({ hasText: name });

/** Opens the settings, presses `keys` as those of the command `name`, and waits for nothing. */
async function wish(page: Page, name: string, keys: string): Promise<void> {
  await page.getByRole('button', { name: `Change the keys of “${name}”` }).click();
  await expect(page.getByRole('textbox', { name: 'New keys' })).toBeFocused();
  await page.keyboard.press(keys);
}

test.beforeEach(async ({ ui }) => {
  await ui.keyboard.press('Control+,');
  await expect(ui.getByRole('heading', { name: 'Keyboard', exact: true })).toBeVisible();
});

test('new keys work at once, everywhere, and are kept', async ({ ui, assistant }) => {
  await wish(ui, 'Show or hide the list', 'Control+J');
  await ui.keyboard.press('Enter');
  await expect(ui.getByRole('dialog')).toBeHidden();
  await expect(row(ui, 'Show or hide the list')).toContainText('CtrlJ');
  await ui.keyboard.press('Control+B');
  await expect(ui.getByRole('navigation')).toBeVisible();
  await ui.keyboard.press('Control+J');
  await expect(ui.getByRole('navigation')).toBeHidden();
  await ui.keyboard.press('Control+J');

  await ui.keyboard.press('Control+K'); // the palette shows them
  await ui.keyboard.type('show or hide');
  await expect(ui.getByRole('option', { name: 'Show or hide the list' })).toContainText('CtrlJ');
  await ui.keyboard.press('Escape');
  await ui.keyboard.press('Control+/'); // and so does the help
  await expect(ui.getByRole('dialog').getByText('CtrlJ')).toBeVisible();
  await ui.keyboard.press('Escape');

  await open(ui, assistant);
  await field(ui).focus();
  await ui.keyboard.press('Control+J');
  await expect(ui.getByRole('navigation')).toBeHidden();
});

test('keys of another command are named, and swapped only by choice', async ({ ui }) => {
  await wish(ui, 'Show or hide the list', 'Control+I');
  const dialog = ui.getByRole('dialog');
  await expect(dialog).toHaveAccessibleName('Keys of “Show or hide the list”');
  await expect(dialog).toContainText('“Settings of this conversation” has these keys. It gets Ctrl B in exchange.');
  await ui.keyboard.press('Escape');
  await expect(row(ui, 'Show or hide the list')).toContainText('CtrlB');

  await wish(ui, 'Show or hide the list', 'Control+I');
  await dialog.getByRole('button', { name: 'Swap' }).click();
  await expect(row(ui, 'Show or hide the list')).toContainText('CtrlI');
  await expect(row(ui, 'Settings of this conversation')).toContainText('CtrlB');
  await ui.getByRole('button', { name: 'Back to the usual keys for all' }).click();
  await dialog.getByRole('button', { name: 'Back to the usual keys for all' }).click();
  await expect(row(ui, 'Show or hide the list')).toContainText('CtrlB');
  await expect(row(ui, 'Settings of this conversation')).toContainText('CtrlI');
});

test('keys that write are refused with the reason, and Escape leaves everything as it is', async ({ ui }) => {
  await wish(ui, 'Bin', 'x');
  await expect(ui.getByRole('dialog')).toContainText('These keys write or move about in a text.');
  await expect(ui.getByRole('button', { name: 'Use these keys' })).toBeDisabled();
  await ui.keyboard.press('Control+C');
  await expect(ui.getByRole('dialog')).toContainText('Every program uses these keys in the same way');
  await ui.keyboard.press('Escape');
  await expect(ui.getByRole('dialog')).toBeHidden();
  await expect(ui.getByRole('button', { name: 'Change the keys of “Bin”' })).toBeFocused();
  await expect(row(ui, 'Bin').first()).toContainText('No keys');
});

test('a command can be given keys, lose them, and be given back its own', async ({ ui }) => {
  await wish(ui, 'Command palette', 'F8');
  await ui.getByRole('button', { name: 'Use these keys' }).click();
  await ui.keyboard.press('F8');
  await expect(ui.getByRole('combobox', { name: 'Type a command' })).toBeFocused();
  await ui.keyboard.press('F8');
  await expect(ui.getByRole('dialog')).toBeHidden();
  await ui.getByRole('button', { name: 'Change the keys of “Command palette”' }).click();
  await ui.getByRole('button', { name: 'Without keys' }).click();
  await expect(row(ui, 'Command palette')).toContainText('No keys');
  await ui.getByRole('button', { name: 'Back to the usual keys of “Command palette”' }).click();
  await ui.keyboard.press('Control+K');
  await expect(ui.getByRole('combobox', { name: 'Type a command' })).toBeFocused();
});
