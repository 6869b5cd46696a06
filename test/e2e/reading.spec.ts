import type { Page } from '@playwright/test';
import { expect, field, test } from '../support/e2e-page.ts';
import type { ScriptedAssistant } from '../support/scripted-assistant.ts';

const price = { seconds: 189.6, followUpSeconds: 1.4, kvBytes: 1_300_000_000, fits: true };

/** A conversation that no cache knows, opened. */
async function openLong(ui: Page, assistant: ScriptedAssistant): Promise<string> {
  const { id } = assistant.addConversation('A long story', ['word '.repeat(4000), 'Indeed.']);
  assistant.cachedShare = 0;
  assistant.readingPrice = price;
  await ui.getByRole('link', { name: 'A long story' }).click();
  return id;
}

test('an expensive message has its price beside it before it is sent', async ({ ui, assistant }) => {
  assistant.readingPrice = price;
  assistant.cachedShare = 0;
  await field(ui).fill('word '.repeat(2000));
  const status = ui.getByRole('status').filter({ hasText: 'to read' });
  await expect(status).toHaveText(
    /^About 3 min 10 s to read [\d,]+ new tokens\. Takes 1\.3 GB of memory\. Afterwards follow-ups start in about 2 s\.$/,
  );
  await field(ui).fill('word');
  await expect(status).toBeHidden();
});

test('says where there is too little memory, in Chinese too', async ({ ui, assistant }) => {
  assistant.setSettings({ language: 'zh-CN' });
  assistant.readingPrice = { ...price, fits: false };
  assistant.cachedShare = 0;
  await ui.reload();
  await field(ui).fill('word '.repeat(2000));
  await expect(ui.getByText(/^读取 [\d,]+ 个新词元约需 3 分 10 秒。占用内存 1\.3 GB，超出可用内存/)).toBeVisible();
});

test('a conversation is read in the background: followed, paused, gone on with, given up', async ({
  ui,
  assistant,
}) => {
  const id = await openLong(ui, assistant);
  await ui.getByRole('button', { name: 'Read it in the background' }).click();
  const notice = ui.getByRole('region', { name: 'Reading in the background' });
  await expect(notice).toContainText('12,400 tokens of 38,000 tokens · 204 tokens/s · 2 min 6 s left');
  await expect(ui.getByRole('button', { name: 'Read it in the background' })).toBeHidden(); // it is paid for
  await notice.getByRole('button', { name: 'Pause' }).click();
  await expect(notice).toContainText('Paused; what was read is kept');
  await notice.getByRole('button', { name: 'Go on' }).click();
  await notice.getByRole('button', { name: 'Give up' }).click();
  await expect(notice).toBeHidden();
  expect(assistant.calls).toContain(`prefill ${id}`);
});

test('a reading that could not go on says why, and can be tried again', async ({ ui, assistant }) => {
  const id = await openLong(ui, assistant);
  const error = { code: 'disk-full' as const, message: 'Full.', details: {} };
  assistant.read(id, { state: 'failed', error });
  const notice = ui.getByRole('region', { name: 'Reading in the background' });
  await expect(notice).toContainText('disk');
  await notice.getByRole('button', { name: 'Go on' }).click();
  await expect(notice.getByRole('button', { name: 'Pause' })).toBeVisible();
});
