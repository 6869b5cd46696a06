import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { answers, expect, field, handFed, open, questions, send, test } from '../support/e2e-page.ts';
import { runCommand } from '../support/e2e-scene-tools.ts';
import { downloadJob, processes, readyStatus, verified } from '../support/scripted-data.ts';

const modelFile = { name: 'mine.gguf', mimeType: 'application/octet-stream', buffer: Buffer.from('GGUF and more') };
const without = { ...readyStatus, state: 'none' as const, model: null, contextTokens: null };

/** Drops a file on the window, as a hand would from another program. */
async function drop(page: Page, name: string): Promise<void> {
  await page.evaluate((fileName) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['GGUF'], fileName));
    const send = (type: string) =>
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    send('dragover');
    send('drop');
  }, name);
}

test.describe('the first run', () => {
  test.beforeEach(async ({ ui, assistant }) => {
    assistant.setStatus(without);
    await open(ui, assistant);
    await ui.reload();
    await expect(ui.getByRole('heading', { level: 1, name: 'Choose what answers.' })).toBeVisible();
  });

  test('offers three doors, and the price of what suits this machine before the click', async ({ ui, assistant }) => {
    await expect(ui.getByRole('button', { name: 'Choose files' })).toBeVisible();
    await expect(ui.getByText('610 MB at 4K')).toBeVisible();
    await expect(ui.getByText('1.4 GB at 32K')).toBeVisible();
    await expect(ui.getByText('estimated from memory speed').first()).toBeVisible();
    await expect(ui.getByRole('heading', { level: 3 })).toHaveText(['Qwen2.5 0.5B Instruct']);
    await ui.getByRole('button', { name: 'Download 430 MB' }).click();
    await expect(ui.getByRole('progressbar')).toBeVisible();
    await expect(field(ui)).toBeFocused();
    expect(assistant.calls).toEqual(['pull starter']);
  });

  test('leads to all models, those that do not fit with the reason', async ({ ui }) => {
    await ui.getByRole('button', { name: 'All models' }).click();
    await expect(ui.getByRole('heading', { level: 1, name: 'Models' })).toBeFocused();
    await expect(ui.getByText('Needs 2.5 GB of memory; 2.1 GB is free.')).toBeVisible();
    await expect(ui.getByRole('button', { name: 'Get: Qwen2.5 1.5B Instruct' })).toBeDisabled();
  });

  test('lets one look around, and does not ask again', async ({ ui }) => {
    await ui.getByRole('button', { name: 'Look around' }).click();
    await expect(ui.getByText('Ask a question.')).toBeVisible();
    await expect(ui.getByText('No model yet.')).toBeVisible();
    await ui.keyboard.press('Control+,');
    await ui.keyboard.press('Escape');
    await expect(ui.getByText('Ask a question.')).toBeVisible();
  });

  test('follows a key that comes before the page it leaves', async ({ ui }) => {
    await ui.getByRole('button', { name: 'Look around' }).click();
    await expect(ui.getByText('Ask a question.')).toBeVisible();
    await ui.evaluate(() => {
      const press = (key: string, ctrlKey: boolean) =>
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey, bubbles: true, cancelable: true }));
      press(',', true);
      press('Escape', false);
    });
    await ui.waitForTimeout(300); // for a page that would still come
    await expect(ui.getByRole('heading', { name: 'Settings' })).toBeHidden();
    await expect(ui.getByText('Ask a question.')).toBeVisible();
  });

  test('takes a file that is chosen', async ({ ui, assistant }) => {
    const choosing = ui.waitForEvent('filechooser');
    await ui.getByRole('button', { name: 'Choose files' }).click();
    await (await choosing).setFiles(modelFile);
    await expect(ui.getByText('Compiling the model')).toBeVisible();
    expect(assistant.calls.join()).toMatch(/^import .*mine\.gguf$/);
  });

  test('takes a model that is dropped; another kind of file is asked about', async ({ ui, assistant }) => {
    await drop(ui, 'mine.gguf');
    await expect(ui.getByText('Compiling the model')).toBeVisible();
    await drop(ui, 'holiday.jpg');
    await expect(ui.getByRole('region', { name: 'Documents of this conversation' })).toContainText('holiday.jpg');
    expect(assistant.calls).toEqual(['import mine.gguf', 'add holiday.jpg', 'attach holiday.jpg as proposed']);
  });

  test('says why an installation failed, and goes on with one click', async ({ ui, assistant }) => {
    const details = { freeBytes: 4e8, neededBytes: 1.9e9 };
    const error = { code: 'disk-full' as const, message: '', details };
    assistant.setStatus({ ...without, state: 'failed', error, job: downloadJob({ state: 'failed', error }) });
    await expect(ui.getByRole('heading', { name: 'Not enough room on the disk' })).toBeVisible();
    await expect(ui.getByText('400 MB free on the disk, 1.9 GB needed. Nothing was written.')).toBeVisible();
    await ui.getByRole('button', { name: 'Try again' }).click();
    await expect(ui.getByRole('progressbar')).toBeVisible();
  });
});

test('a file that could not be set up can be tried again, or let go of', async ({ ui, assistant }) => {
  const error = { code: 'disk-full' as const, message: '', details: {} };
  const job = downloadJob({ kind: 'import', subject: 'mine.gguf', state: 'failed', error });
  assistant.setStatus({ ...without, state: 'failed', error, job });
  await expect(ui.getByRole('button', { name: 'Try again' })).toBeVisible();
  await ui.getByRole('button', { name: 'Dismiss' }).click();
  await expect(ui.getByRole('button', { name: 'Dismiss' })).toBeHidden();
});

test('an installation is paused, resumed, and given up only after a question', async ({ ui, assistant }) => {
  assistant.setStatus({ ...without, state: 'installing', job: downloadJob() });
  await ui.getByRole('button', { name: 'Pause' }).click();
  await ui.getByRole('button', { name: 'Resume' }).click();
  await ui.getByRole('button', { name: 'Cancel the installation' }).click();
  await expect(ui.getByRole('dialog')).toContainText('What has arrived is removed.');
  await ui.getByRole('button', { name: 'Go on' }).click();
  await expect(ui.getByRole('button', { name: 'Pause' })).toBeVisible();
});

test.describe('the command palette', () => {
  test('runs what was typed, and gives the focus back', async ({ ui }) => {
    await field(ui).focus();
    await ui.keyboard.press('Control+K');
    await ui.keyboard.type('app dark');
    await ui.keyboard.press('Enter');
    await expect(ui.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(field(ui)).toBeFocused();
  });

  test('opens a conversation by words of a message', async ({ ui, assistant }) => {
    assistant.addConversation('Bread', ['How long must dough rest?', 'About an hour.']);
    await ui.keyboard.press('Control+K');
    await ui.keyboard.type('dough');
    await expect(ui.getByRole('option').filter({ has: ui.locator('mark') })).toContainText('Bread');
    await ui.keyboard.press('ArrowUp');
    await ui.keyboard.press('Enter');
    await expect(questions(ui)).toContainText('How long must dough rest?');
  });

  test('closes with Escape or its own key, and does not stop an answer', async ({ ui, assistant }) => {
    const answer = handFed();
    assistant.script = () => answer.pieces;
    await send(ui, 'Go on');
    answer.feed('Still ');
    await ui.keyboard.press('Control+K');
    await ui.keyboard.press('Escape');
    await expect(ui.getByRole('dialog')).toBeHidden();
    await ui.keyboard.press('Control+K');
    await ui.keyboard.press('Control+K');
    await expect(ui.getByRole('dialog')).toBeHidden();
    answer.feed('here');
    await expect(answers(ui)).toContainText('Still here');
    await expect(ui.getByRole('button', { name: 'Stop' })).toBeVisible();
  });
});

test('the key help is made from the registry of commands', async ({ ui }) => {
  await ui.keyboard.press('Control+/');
  const dialog = ui.getByRole('dialog', { name: 'Keyboard shortcuts' });
  for (const words of ['New conversation', 'Find in this conversation', 'Next variant', 'Next region of the window']) {
    await expect(dialog.getByText(words, { exact: true })).toBeVisible();
  }
  // Two commands of the window with one key would make the second unreachable.
  const keys = await dialog.locator('section:nth-of-type(-n + 4) .kbd').allTextContents();
  expect(keys.length).toBeGreaterThan(15);
  expect(new Set(keys).size).toBe(keys.length);
  await ui.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
});

test('finding in the conversation goes from match to match and keeps the field', async ({ ui, assistant }) => {
  const filler = Array.from({ length: 40 }, (_, index) => `Paragraph ${index}.`).join('\n\n');
  assistant.addConversation('Long', ['A needle?', `${filler}\n\nThe needle at the end.`]);
  await ui.getByRole('link', { name: 'Long' }).click();
  await expect(ui.getByText('The needle at the end.')).toBeVisible();
  await ui.keyboard.press('Control+F');
  await ui.keyboard.type('needle');
  await expect(ui.getByText('1 of 2')).toBeVisible();
  await expect(questions(ui)).toBeInViewport();
  await ui.keyboard.press('Enter');
  await expect(ui.getByText('The needle at the end.')).toBeInViewport();
  await expect(ui.getByRole('textbox', { name: 'Find in this conversation' })).toHaveValue('needle');
  await expect(ui.getByRole('textbox', { name: 'Find in this conversation' })).toBeFocused();
  await ui.keyboard.press('Escape');
  await expect(ui.getByRole('textbox', { name: 'Find in this conversation' })).toBeHidden();
});

test.describe('settings', () => {
  test('take a system prompt and numbers, and say what a number may be', async ({ ui }) => {
    await ui.keyboard.press('Control+,');
    await ui.getByRole('textbox', { name: 'System prompt' }).fill('Be brief.');
    const temperature = ui.getByRole('textbox', { name: 'Temperature' });
    await temperature.fill('9');
    await temperature.blur();
    await expect(ui.getByText('A number from 0 to 5.')).toBeVisible();
    await temperature.fill('0.4');
    await temperature.blur();
    await expect(ui.getByText('A number from 0 to 5.')).toBeHidden();
    await ui.reload();
    await expect(ui.getByRole('textbox', { name: 'System prompt' })).toHaveValue('Be brief.');
    await expect(temperature).toHaveValue('0.4');
  });

  test('the face of answers is the user’s choice', async ({ ui }) => {
    await send(ui, 'Hello');
    const face = () =>
      answers(ui)
        .locator('p')
        .first()
        .evaluate((element) => getComputedStyle(element).fontFamily);
    await expect(answers(ui)).toContainText('You said');
    expect(await face()).toContain('Source Serif');
    await ui.keyboard.press('Control+K');
    await ui.keyboard.type('sans');
    await ui.keyboard.press('Enter');
    await expect.poll(face).toMatch(/^"?Inter/);
  });

  test('of one conversation are its own, and it can be exported', async ({ ui, assistant }) => {
    assistant.addConversation('Bread', ['How long?', 'An hour.']);
    await ui.getByRole('link', { name: 'Bread' }).click();
    await expect(answers(ui)).toBeVisible();
    await ui.keyboard.press('Control+I');
    const panel = ui.getByRole('complementary', { name: 'This conversation' });
    await panel.getByRole('switch', { name: 'Pinned to the top' }).click();
    await expect(ui.getByRole('heading', { name: 'Pinned' })).toBeVisible();
    await panel.getByRole('textbox', { name: 'Temperature' }).fill('0');
    await panel.getByRole('textbox', { name: 'System prompt' }).fill('Only here.');
    await panel.getByRole('textbox', { name: 'System prompt' }).blur();
    await expect.poll(() => assistant.conversations.list({ limit: 1 }).items[0]?.systemPrompt).toBe('Only here.');
    expect(assistant.conversations.list({ limit: 1 }).items[0]?.sampling).toEqual({ temperature: 0 });
    const downloading = ui.waitForEvent('download');
    await panel.getByRole('button', { name: 'Markdown' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/\.md$/);
    expect(readFileSync(await download.path(), 'utf8')).toContain('An hour.');
  });
});

test.describe('the context of a model', () => {
  const state = (page: Page) => page.getByRole('list', { name: 'State' });

  test('is not verified until the self-test has said so, and the truth line leads to that', async ({
    ui,
    assistant,
  }) => {
    await state(ui).getByRole('button', { name: 'not verified · test' }).click();
    await expect(ui.getByRole('heading', { level: 1, name: 'Models' })).toBeVisible();
    await expect(ui.getByRole('button', { name: 'Test now' })).toBeFocused();
    await expect(ui.getByText('Up to 8,192 tokens it may take 22 min 46 s.')).toBeVisible();
    expect(assistant.calls).toEqual([]);
    await ui.keyboard.press('Enter');
    await expect.poll(() => assistant.calls).toEqual(['verify SmolLM2-135M']);
    assistant.test({ done: 60_000, total: 240_000, etaMs: 820_000 });
    await expect(ui.getByText('25 % done')).toBeVisible();
    await expect(ui.getByText('about 13 min 40 s left')).toBeVisible();
    await ui.keyboard.press('Escape');
    await expect(state(ui)).toContainText('self-test 25 %');
    assistant.verification = verified;
    assistant.test({ state: 'done' });
    assistant.setStatus({ ...readyStatus, verifiedTokens: 2048 });
    await state(ui).getByRole('button', { name: 'verified to 2K here' }).click();
    await expect(ui.getByText('What was hidden was found in texts of up to 2,048 tokens.')).toBeVisible();
    await expect(ui.getByRole('rowgroup').filter({ hasText: '4,096' })).toContainText('0 of 2');
  });

  test('is tested with a pause, and what broke off says why', async ({ ui, assistant }) => {
    assistant.test({ done: 60_000, total: 240_000 });
    await state(ui).getByRole('button', { name: 'self-test 25 %' }).click();
    await ui.getByRole('button', { name: 'Pause' }).click();
    await expect(ui.getByText('Paused · 25 % done')).toBeVisible();
    await ui.getByRole('button', { name: 'Go on' }).click();
    await expect(ui.getByText('Paused · 25 % done')).toBeHidden();
    const error = { code: 'model-in-use' as const, message: '', details: { name: 'other', wanted: 'SmolLM2-135M' } };
    assistant.test({ state: 'failed', error });
    await expect(ui.getByText('Another model answers now. What was done so far is kept')).toBeVisible();
    await ui.getByRole('button', { name: 'Give up' }).click();
    await expect(ui.getByRole('button', { name: 'Test now' })).toBeVisible();
  });

  test('is chosen with its price, and how it is read beyond what the model was made for', async ({ ui, assistant }) => {
    await ui.goto(`${new URL(ui.url()).origin}/#/models`);
    await expect(ui.getByText('Now: 8,192 tokens, float32 cache')).toBeVisible();
    await expect(ui.getByRole('combobox', { name: 'Beyond what it was made for' })).toHaveCount(0);
    const length = ui.getByRole('combobox', { name: 'Length' });
    await expect(length.getByRole('option', { name: '65,536 tokens: too large here' })).toHaveCount(1);
    await length.selectOption('32,768 tokens, 801 MB when full');
    await expect(ui.getByText('Now: 32,768 tokens, int8 cache · beyond 8,192 read in chunks')).toBeVisible();
    await ui.getByRole('combobox', { name: 'Beyond what it was made for' }).selectOption('Stretched (YaRN)');
    await ui.getByRole('combobox', { name: 'Form of the cache' }).selectOption('float32, exact');
    await expect
      .poll(() => assistant.contexts.options)
      .toEqual({
        contextTokens: 32_768,
        method: 'yarn',
        kvType: 'float32',
        sparse: false,
      });
    await length.selectOption('8,192 tokens, as made');
    await expect.poll(() => assistant.contexts.options.contextTokens).toBeNull();
  });
});

test('what was computed is cleared after a question that says what that costs', async ({ ui }) => {
  await ui.keyboard.press('Control+,');
  await expect(ui.getByText('1.2 GB', { exact: true })).toBeVisible();
  await ui.getByRole('button', { name: 'Clear…' }).click();
  await expect(ui.getByRole('dialog')).toContainText('Frees 1.2 GB. No conversation is lost');
  await ui.getByRole('dialog').getByRole('button', { name: 'Clear', exact: true }).click();
  await expect(ui.getByText('1.2 GB are free again.').first()).toBeVisible();
  await expect(ui.getByRole('button', { name: 'Clear…' })).toBeDisabled();
});

test('the diagnostics show what the doctor found, and the report names nobody', async ({ ui }) => {
  await ui.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await ui.goto(`${new URL(ui.url()).origin}/#/diagnostics`);
  await expect(ui.getByText('1.4 GB free.')).toBeVisible();
  await expect(ui.getByText('16,384 tokens, kept in int8; beyond 8,192 read in chunks.')).toBeVisible();
  await expect(ui.getByRole('row', { name: /Model process/ })).toContainText('SIGKILL');
  await ui.getByRole('button', { name: 'Copy report' }).click();
  await expect(ui.getByText('Report copied.').first()).toBeVisible();
  const report = await ui.evaluate(() => navigator.clipboard.readText());
  expect(report).toContain('[warning] disk');
  expect(report).not.toContain('ada');
});

test('sparse reading is chosen with the context of a model, and in force where that is long enough', async ({ ui }) => {
  await runCommand(ui, /^Models$/);
  const sparse = ui.getByRole('switch', { name: 'Sparse reading' });
  await expect(ui.getByText(/Beyond 16,384 tokens, reads for each word only the 6,144/)).toContainText('may miss');
  await sparse.click();
  await expect(sparse).toBeChecked();
  await expect(ui.getByText('Now: 8,192 tokens, float32 cache', { exact: true })).toBeVisible();
  await ui.getByRole('combobox', { name: 'Length' }).selectOption('32768');
  await expect(ui.getByText(/^Now: 32,768 tokens/)).toContainText('sparse beyond 16,384');
});

test('a model process that died is told of, and that nothing is lost', async ({ ui, assistant }) => {
  await send(ui, 'Hello');
  await expect(answers(ui)).toContainText('You said');
  const again = (one: (typeof processes)[number]) => (one.role === 'engine' ? { ...one, restarts: 2 } : one);
  assistant.processes = processes.map(again);
  assistant.setStatus({ ...readyStatus, state: 'loading' });
  await expect(ui.getByText('The model process stopped and was started again.')).toBeVisible();
  await ui.getByRole('button', { name: 'Dismiss' }).click();
  await expect(ui.getByText('The model process stopped and was started again.')).toBeHidden();
});

test('a model process that ran out of memory says so, with figures and advice', async ({ ui, assistant }) => {
  await send(ui, 'Hello');
  await expect(answers(ui)).toContainText('You said');
  const outOfMemory = { isCertain: true, usedBytes: 7.8e9, totalBytes: 8.2e9, rssBytes: 5e9 };
  assistant.processes = processes.map((one) => (one.role === 'engine' ? { ...one, restarts: 2, outOfMemory } : one));
  assistant.setStatus({ ...readyStatus, state: 'loading' });
  await expect(
    ui.getByText('The model process stopped (out of memory, 7.8 GB of 8.2 GB in use) and was started again.'),
  ).toContainText('Your text is saved. Close other programs, or use a smaller model.');
});

test('the list is folded away and comes back, and stays so over a reload', async ({ ui }) => {
  await ui.keyboard.press('Control+B');
  await expect(ui.getByRole('navigation')).toBeHidden();
  await ui.reload();
  await expect(field(ui)).toBeVisible();
  await expect(ui.getByRole('navigation')).toBeHidden();
  await ui.getByRole('button', { name: 'Show conversations' }).click();
  await expect(ui.getByRole('navigation')).toBeVisible();
});
