import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { LonghandError } from '../../main/contract/errors.ts';
import { answers, expect, field, handFed, open, questions, send, test } from '../support/e2e-page.ts';
import { openConversation } from '../support/e2e-scene-tools.ts';
import { metricsOf, words } from '../support/scripted-data.ts';

const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());
const top = (page: Page, text: string) =>
  page
    .getByText(text)
    .first()
    .evaluate((element) => element.getBoundingClientRect().top);

test.describe('what an answer contains', () => {
  test.beforeEach(({ context }) => context.grantPermissions(['clipboard-read', 'clipboard-write']));

  test('Markdown is set: headings, lists, tasks, quotes, emphasis', async ({ ui, assistant }) => {
    assistant.script = () => [
      '# Title\n\nSome **bold** and `code`.\n\n1. one\n2. two\n\n- [x] done\n\n> said\n\n---\n\nEnd.',
    ];
    await send(ui, 'Show');
    await expect(answers(ui).getByRole('heading', { level: 3 })).toHaveText('Title');
    await expect(answers(ui).locator('strong')).toHaveText('bold');
    await expect(answers(ui).locator('ol > li')).toHaveText(['one', 'two']);
    await expect(answers(ui).getByRole('checkbox')).toBeChecked();
    await expect(answers(ui).locator('blockquote')).toHaveText('said');
    await expect(answers(ui).locator('hr')).toHaveCount(1);
  });

  test('a table scrolls in its own box and is copied as CSV', async ({ ui, assistant }) => {
    assistant.script = () => [`| a | b |\n|---|--:|\n| 1, 2 | ${'wide'.repeat(60)} |`];
    await send(ui, 'Show');
    await expect(ui.getByRole('region', { name: 'Table' })).toBeVisible();
    await ui.getByRole('button', { name: 'Copy as CSV' }).click();
    expect(await clipboard(ui)).toBe(`a,b\r\n"1, 2",${'wide'.repeat(60)}\r\n`);
    expect(await ui.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  });

  test('code is coloured when its fence has closed, and can be wrapped and saved', async ({ ui, assistant }) => {
    const answer = handFed();
    assistant.script = () => answer.pieces;
    await send(ui, 'Show');
    answer.feed('```py\ndef f(x):\n    return "<b>"\n');
    await expect(ui.getByRole('region', { name: 'Code, py' })).toContainText('return');
    await expect(answers(ui).locator('pre .keyword')).toHaveCount(0);
    answer.feed('```\n');
    await expect(answers(ui).locator('pre .keyword').first()).toHaveText('def');
    await expect(ui.getByRole('region', { name: 'Code, py' })).toHaveText('def f(x):\n    return "<b>"');
    await ui.getByRole('button', { name: 'Wrap long lines' }).click();
    await expect(ui.getByRole('button', { name: 'Wrap long lines' })).toHaveAttribute('aria-pressed', 'true');
    const saving = ui.waitForEvent('download');
    await ui.getByRole('button', { name: 'Save the code as a file' }).click();
    expect((await saving).suggestedFilename()).toBe('code.py');
    expect(await readFile(await (await saving).path(), 'utf8')).toBe('def f(x):\n    return "<b>"');
    answer.end();
  });

  test('formulas are drawn, prices are not, and a broken formula stays its source', async ({ ui, assistant }) => {
    assistant.script = () => ['It is $x^2$, not $5 and $10.\n\n$$\\frac{1}{2}$$\n\n$\\frac{$'];
    await send(ui, 'Show');
    await expect(answers(ui).locator('.katex')).toHaveCount(2);
    await expect(answers(ui).locator('p').first()).toContainText('not $5 and $10.');
    await expect(answers(ui)).toContainText('$\\frac{$');
    await ui.getByRole('button', { name: 'Copy as LaTeX' }).click();
    expect(await clipboard(ui)).toBe('\\frac{1}{2}');
  });

  test('a diagram is drawn when its fence has closed; its source is one press away', async ({ ui, assistant }) => {
    const answer = handFed();
    assistant.script = () => answer.pieces;
    await send(ui, 'Show');
    answer.feed('```mermaid\ngraph TD\n  A[Start] --> B[End]\n');
    await expect(answers(ui).locator('pre')).toContainText('A[Start]');
    await expect(ui.locator('iframe')).toHaveCount(0);
    answer.feed('```\n\nThat is all.');
    answer.end();
    const drawing = ui.getByRole('region', { name: 'Diagram' }).getByRole('img');
    await expect(drawing).toBeVisible({ timeout: 20_000 });
    expect(await drawing.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(20);
    await expect(ui.locator('iframe')).toHaveAttribute('sandbox', 'allow-scripts');
    await ui.getByRole('button', { name: 'Show source' }).click();
    await expect(answers(ui).locator('pre')).toContainText('A[Start]');
    await ui.getByRole('button', { name: 'Show diagram' }).click();
    await expect(drawing).toBeVisible();
  });

  test('a diagram that cannot be drawn shows its source and says so', async ({ ui, assistant }) => {
    assistant.script = () => ['```mermaid\ngraph TD\n  A[Start --> \n```'];
    await send(ui, 'Show');
    await expect(answers(ui)).toContainText('This could not be drawn', { timeout: 20_000 });
    await expect(answers(ui).locator('pre')).toContainText('A[Start -->');
  });

  test('a diagram without end is given up; meanwhile the page is of use, and the next one is drawn', async ({
    ui,
    assistant,
  }) => {
    const branches = Array.from({ length: 900 }, (_, index) => `    n${index}`).join('\n'); // minutes of layout
    const short = ['```mermaid', 'graph TD', '  A --> B', '```'].join('\n');
    assistant.script = () => [`\`\`\`mermaid\nmindmap\n  root\n${branches}\n\`\`\`\n\n${short}`];
    await send(ui, 'Show');
    await expect(ui.locator('iframe')).toHaveCount(1);
    await ui.waitForTimeout(2000); // it is at work by now
    const held = await ui.evaluate(async () => {
      const began = performance.now();
      for (let frame = 0; frame < 10; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
      return performance.now() - began;
    });
    expect(held).toBeLessThan(1000);
    await field(ui).fill('The page takes words');
    await expect(answers(ui)).toContainText('Drawing this takes too long', { timeout: 20_000 });
    await expect(answers(ui).locator('pre').first()).toContainText('n899');
    await expect(ui.getByRole('region', { name: 'Diagram' }).getByRole('img')).toBeVisible({ timeout: 20_000 });
  });

  test('an image is a placeholder with its address', async ({ ui, assistant }) => {
    assistant.script = () => ['![A map](https://maps.example/a.png)'];
    await send(ui, 'Show');
    await expect(answers(ui)).toContainText('A map');
    await expect(answers(ui)).toContainText('https://maps.example/a.png');
  });

  test('Arabic stands from right to left, and a number in it stays whole', async ({ ui, assistant }) => {
    assistant.script = () => ['مرحبا `code-1` بالعالم\n\nHello.'];
    await send(ui, 'سؤال');
    const direction = (index: number) =>
      answers(ui)
        .locator('p[dir]')
        .nth(index)
        .evaluate((element) => getComputedStyle(element).direction);
    await expect(answers(ui)).toContainText('Hello.');
    expect(await direction(0)).toBe('rtl');
    expect(await direction(1)).toBe('ltr');
  });

  test('a message of a megabyte is folded, unfolds, and the page goes on', async ({ ui, assistant }) => {
    const text = Array.from({ length: 20_000 }, (_, line) => `Line ${line} of a very long message, with words.`).join(
      '\n',
    );
    assistant.contextTokens = 1_000_000;
    const { id } = assistant.addConversation('Long', [text, 'Read.']);
    await ui.reload();
    await ui.goto(`${assistant.origin}/#/conversation/${id}`);
    await expect(questions(ui)).toContainText('Line 0 of');
    await expect(questions(ui)).not.toContainText('Line 19999');
    await ui.getByRole('button', { name: /Show all [\d,]+ characters/ }).click();
    await ui.getByRole('region', { name: 'Conversation' }).press('End');
    await expect(questions(ui)).toContainText('Line 19999', { timeout: 10_000 });
    await field(ui).fill('x');
    await expect(field(ui)).toHaveValue('x');
  });
});

test.describe('versions', () => {
  test('editing a message makes another version of it; both stay', async ({ ui }) => {
    await send(ui, 'First wording');
    await expect(answers(ui)).toContainText('You said: First wording');
    await ui.getByRole('button', { name: 'Edit', exact: true }).click();
    const editor = ui.getByRole('textbox', { name: 'Edit the message' });
    await expect(editor).toBeFocused();
    await editor.fill('Second wording');
    await editor.press('Enter');
    await expect(answers(ui)).toContainText('You said: Second wording');
    await expect(field(ui).last()).toBeFocused();
    await expect(questions(ui).getByRole('group', { name: 'Version 2 of 2' })).toBeVisible();
    await ui.getByRole('button', { name: 'Previous version' }).press('Enter');
    await expect(answers(ui)).toContainText('You said: First wording');
    await expect(ui.getByRole('button', { name: 'Next version' })).toBeFocused();
    await ui.keyboard.press('Enter');
    await expect(answers(ui)).toContainText('You said: Second wording');
    await expect(ui.getByRole('button', { name: 'Previous version' })).toBeFocused();
  });

  test('the arrow up edits the last message, and Escape leaves it as it was', async ({ ui }) => {
    await send(ui, 'As it was');
    await expect(answers(ui)).toContainText('tokens/s');
    await field(ui).last().press('ArrowUp');
    const editor = ui.getByRole('textbox', { name: 'Edit the message' });
    await expect(editor).toHaveValue('As it was');
    await editor.fill('Changed');
    await editor.press('Escape');
    await expect(questions(ui)).toContainText('As it was');
    await expect(questions(ui)).toBeFocused();
  });

  test('answering again makes a version and records how', async ({ ui, assistant }) => {
    await send(ui, 'Again');
    await expect(answers(ui)).toContainText('You said: Again');
    assistant.script = () => words('Another answer.');
    await ui.getByRole('button', { name: 'Answer again' }).click();
    await expect(answers(ui)).toContainText('Another answer.');
    await expect(field(ui)).toBeFocused();
    await expect(answers(ui).getByRole('group', { name: 'Version 2 of 2' })).toBeVisible();
    await ui.getByRole('button', { name: 'Details' }).click();
    await expect(answers(ui).locator('dl')).toContainText('SmolLM2 135M');
  });

  test('tells what sparse reading kept', async ({ ui, assistant }) => {
    const sparse = { fromTokens: 16_384, readTokens: 6144, recall: 0.957 };
    assistant.addConversation('Long', ['Which number?', '7840.'], {
      last: { metrics: { ...metricsOf('7840.', 20_000)!, kvType: 'int8', sparse } },
    });
    await openConversation(ui, 'Long');
    await ui.getByRole('button', { name: 'Details' }).click();
    await expect(answers(ui).locator('dl')).toContainText('kept 95.7% of full attention');
  });

  test('a branch is a conversation of its own', async ({ ui }) => {
    await send(ui, 'Where to?');
    await expect(answers(ui)).toContainText('You said');
    const before = ui.url();
    await answers(ui).getByRole('button', { name: 'Branch to a new conversation' }).click();
    await expect.poll(() => ui.url()).not.toBe(before);
    await expect(answers(ui)).toContainText('You said: Where to?');
  });
});

test.describe('too long', () => {
  test('what to leave out is chosen, marked, and told by the answer', async ({ ui, assistant }) => {
    assistant.addConversation('Grown', ['An early question '.repeat(10), 'An early answer '.repeat(10)]);
    assistant.contextTokens = 100;
    await ui.reload();
    await ui.getByRole('link', { name: 'Grown' }).click();
    await field(ui).fill('And now?');
    await expect(ui.getByText(/\d+ too many/)).toBeVisible();
    await expect(ui.getByRole('button', { name: 'Send' })).toBeDisabled();
    await ui.getByRole('button', { name: 'Make room' }).click();
    const choice = ui.getByRole('dialog');
    await expect(choice).toContainText(/Still \d+ tokens too many/);
    for (const box of await choice.getByRole('checkbox').all()) await box.check();
    await expect(choice).toContainText(/It fits, with \d+ tokens to spare/);
    await choice.getByRole('button', { name: 'Leave out' }).click();
    await expect(ui.getByText('Left out: the model does not read this message.')).toHaveCount(2);
    await expect(ui.getByRole('button', { name: 'Send' })).toBeEnabled();
    await field(ui).press('Enter');
    await expect(answers(ui).last()).toContainText('Made without 2 earlier messages');
    await ui.getByRole('button', { name: 'Let it be read again' }).first().click();
    await expect(ui.getByText('Left out: the model does not read this message.')).toHaveCount(1);
    await expect(questions(ui).first()).toBeFocused();
  });

  test('an answer that used up the context says so, and leads to what can be left out', async ({ ui, assistant }) => {
    const answer = 'One, two, three, four. '.repeat(20);
    assistant.addConversation('Counted', ['Count on', answer], {
      last: { finishReason: 'length', metrics: { ...metricsOf(answer, 20), generatedTokens: 100 } },
    });
    assistant.contextTokens = 120;
    await ui.reload();
    await ui.getByRole('link', { name: 'Counted' }).click();
    await expect(answers(ui)).toContainText('all 120 tokens of the context are used up');
    await expect(ui.getByRole('button', { name: 'Continue' })).toHaveCount(0);
    await expect(ui.getByText('Context full')).toBeVisible();
    await ui.getByRole('button', { name: 'Make room' }).click();
    await ui.getByRole('checkbox').last().check();
    await ui.getByRole('dialog').getByRole('button', { name: 'Leave out' }).click();
    await field(ui).fill('And now?');
    await expect(ui.getByRole('button', { name: 'Send' })).toBeEnabled();
    await expect(answers(ui)).toContainText('Stopped at the length limit');
  });

  test('the truth line counts an answer while it is written', async ({ ui, assistant }) => {
    const answer = handFed();
    assistant.script = () => answer.pieces;
    await send(ui, 'Count on');
    const total = async () =>
      Number(/([\d,]+) \/ 8,192/.exec(await ui.getByRole('list', { name: 'State' }).innerText())?.[1]);
    answer.feed('One');
    await expect.poll(total).toBeGreaterThan(0);
    const before = await total();
    answer.feed(', two, three, four, five, six, seven, eight, nine, ten, eleven, twelve');
    await expect.poll(total).toBeGreaterThan(before + 10);
    await expect(ui.getByText(/cached/)).toHaveCount(0);
    answer.end();
    await expect(ui.getByRole('list', { name: 'State' })).toContainText(/cached/);
  });

  test('a message that is too long by itself has ways on, and stays in the field', async ({ ui, assistant }) => {
    assistant.contextTokens = 21;
    await field(ui).fill('x'.repeat(60));
    await ui.getByRole('button', { name: 'What can be done' }).click();
    const ways = ui.getByRole('dialog', { name: 'This is too long for SmolLM2 135M' });
    await expect(ways).toContainText('It makes 23 tokens; the model takes 21.');
    await expect(ways).toContainText('About 12 of its 60 characters are too many.');
    const saving = ui.waitForEvent('download');
    await ways.getByRole('button', { name: 'Save' }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toBe('message.txt');
    expect(await readFile(await saved.path(), 'utf8')).toBe('x'.repeat(60));
    await ways.getByRole('button', { name: 'Back to the message' }).click();
    await expect(field(ui)).toBeFocused();
    await expect(field(ui)).toHaveValue('x'.repeat(60));
  });

  test('a message that is too long by itself leads to a model that takes it', async ({ ui, assistant }) => {
    const text = 'word '.repeat(10_000); // 12,508 tokens: more than the one that is here takes, less than another one
    await field(ui).fill(text);
    await ui.getByRole('button', { name: 'What can be done' }).click();
    const ways = ui.getByRole('dialog');
    await expect(ways).toContainText('Qwen2.5 0.5B Instruct takes 32,768 tokens.');
    await ways.getByRole('button', { name: 'All models' }).click();
    await expect(ui.getByRole('heading', { level: 1, name: 'Models' })).toBeVisible();
    await ui.keyboard.press('Escape');
    await expect(field(ui)).toHaveValue(text);
    assistant.contextTokens = 100_000;
    await field(ui).press('End');
    await ui.keyboard.type('.');
    await expect(ui.getByRole('button', { name: 'Send' })).toBeEnabled();
  });

  test('a message that is too long by itself fits with a longer setting, whose price is told', async ({
    ui,
    assistant,
  }) => {
    const text = 'word '.repeat(10_000); // 12,508 tokens: more than 8,192, fewer than the next setting reads
    await field(ui).fill(text);
    await ui.getByRole('button', { name: 'What can be done' }).click();
    const setting = ui.getByRole('dialog').getByRole('listitem').filter({ hasText: 'Longer setting' });
    await expect(setting).toContainText('This model can read 16,384 tokens, in chunks (377 MB more when full).');
    await setting.getByRole('button', { name: 'Use' }).click();
    await expect(ui.getByRole('dialog')).toBeHidden();
    await expect(ui.getByText('12,508 / 16,384 tokens')).toBeVisible();
    await expect(field(ui)).toHaveValue(text);
    await expect(ui.getByRole('button', { name: 'Send' })).toBeEnabled();
    expect(assistant.contexts.options.contextTokens).toBe(16_384);
  });

  test('a longer setting is not proposed where none that fits takes the message', async ({ ui, assistant }) => {
    const { choices } = assistant.contexts;
    assistant.contexts = { ...assistant.contexts, choices: choices.map((one) => ({ ...one, fits: false })) };
    await field(ui).fill('word '.repeat(10_000));
    await ui.getByRole('button', { name: 'What can be done' }).click();
    await expect(ui.getByRole('dialog')).toContainText('Qwen2.5 0.5B Instruct takes 32,768 tokens.');
    await expect(ui.getByRole('dialog')).not.toContainText('Longer setting');
  });

  test('a megabyte that no model takes is told so and kept', async ({ ui }) => {
    await field(ui).fill('x'.repeat(1_000_000));
    await ui.getByRole('button', { name: 'What can be done' }).click();
    const ways = ui.getByRole('dialog');
    await expect(ways).toContainText('None that fits this machine is known to take all of it.');
    await expect(ways).toContainText('About 970,000 of its 1,000,000 characters are too many.');
    await ui.keyboard.press('Escape');
    expect(await field(ui).evaluate((area: HTMLTextAreaElement) => area.value.length)).toBe(1_000_000);
  });

  test('where leaving everything out is not enough, the choice leads to the other ways', async ({ ui, assistant }) => {
    assistant.addConversation('Grown', ['A question', 'An answer']);
    assistant.contextTokens = 30;
    await ui.reload();
    await ui.getByRole('link', { name: 'Grown' }).click();
    await field(ui).fill('x'.repeat(200));
    await ui.getByRole('button', { name: 'Make room' }).click();
    await expect(ui.getByRole('dialog')).toContainText('does not fit even without all of these');
    await ui.getByRole('button', { name: 'What can be done' }).click();
    await expect(ui.getByRole('dialog', { name: 'This is too long for SmolLM2 135M' })).toBeVisible();
  });

  test('an answer that failed because its question is too long leads to the question', async ({ ui, assistant }) => {
    const error = new LonghandError('context-length-exceeded', 'Too long.', { promptTokens: 40, contextTokens: 30 });
    assistant.addConversation('Early', ['A question of an hour ago', ''], {
      last: { state: 'failed', finishReason: 'error', metrics: null, error: { ...error, message: error.message } },
    });
    await ui.reload();
    await ui.getByRole('link', { name: 'Early' }).click();
    await expect(answers(ui)).toContainText('Nothing was cut.');
    await answers(ui).getByRole('button', { name: 'Edit the message' }).click();
    await expect(ui.getByRole('textbox', { name: 'Edit the message' })).toHaveValue('A question of an hour ago');
  });

  test('the count opens its parts', async ({ ui }) => {
    await ui.getByRole('button', { name: /\/ 8,192 tokens/ }).click();
    await expect(ui.locator('dl[aria-label=Tokens]')).toContainText('Left for the answer');
  });
});

test.describe('a steady page', () => {
  test('what is read does not move while an answer grows and pictures settle above and below', async ({
    ui,
    assistant,
  }) => {
    const long = Array.from({ length: 400 }, (_, index) => `Paragraph ${index + 1} of a long answer. `.repeat(3)).join(
      '\n\n',
    );
    const diagram = '```mermaid\ngraph TD\n  A --> B\n```\n\n$$\\frac{1}{2}$$\n\n';
    assistant.addConversation('Old', ['Before', `${diagram}${long.slice(0, 6000)}`]);
    await ui.reload();
    await ui.getByRole('link', { name: 'Old' }).click();
    const answer = handFed();
    assistant.script = () => answer.pieces;
    assistant.tokenMs = 0;
    await send(ui, 'Go on');
    answer.feed(`${diagram}${long}`);
    await expect(ui.getByText('Paragraph 400 of').first()).toBeInViewport();
    await ui.getByRole('region', { name: 'Conversation' }).hover();
    await ui.mouse.wheel(0, -6000);
    await ui.waitForTimeout(1000);
    const seen = await ui.evaluate(() => {
      const paragraphs = [...document.querySelectorAll('article p')];
      return paragraphs.find((one) => one.getBoundingClientRect().top > 200)?.textContent.slice(0, 16) ?? '';
    });
    const before = await top(ui, seen);
    for (let token = 0; token < 60; token += 1) answer.feed(`\n\nMore ${token}`);
    await ui.waitForTimeout(700);
    expect(Math.abs((await top(ui, seen)) - before)).toBeLessThan(1);
    await expect(ui.getByRole('button', { name: 'New text below' })).toBeVisible();
    answer.end();
  });

  test('a small move up lets go of the end', async ({ ui, assistant }) => {
    const answer = handFed();
    assistant.script = () => answer.pieces;
    await send(ui, 'Slowly');
    answer.feed('Line.\n\n'.repeat(80));
    await expect(ui.getByText('Line.').last()).toBeInViewport();
    await ui.getByRole('region', { name: 'Conversation' }).hover();
    await ui.mouse.wheel(0, -8);
    await ui.waitForTimeout(200);
    answer.feed('New.\n\n'.repeat(20));
    await expect(ui.getByRole('button', { name: 'New text below' })).toBeVisible();
    answer.end();
  });

  test('a search result in the middle of thousands of messages comes into view', async ({ ui, page, assistant }) => {
    const texts = Array.from({ length: 4000 }, (_, index) => `Message ${index} ${'with words '.repeat(index % 40)}`);
    const { id } = assistant.addConversation('Many', texts);
    const wanted = assistant.conversations.path(id)[2001];
    await open(page, assistant);
    await ui.goto(`${assistant.origin}/#/conversation/${id}?message=${wanted?.id}`);
    await expect(ui.getByText('Message 2001 ')).toBeInViewport();
    await ui.waitForTimeout(600);
    await expect(ui.getByText('Message 2001 ')).toBeInViewport();
    expect(await ui.locator('article').count()).toBeLessThan(200);
  });

  test('the Enter that ends a composition in Safari does not send', async ({ ui, assistant }) => {
    await field(ui).fill('你好');
    await field(ui).evaluate((element) => {
      const press = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true });
      Object.defineProperty(press, 'keyCode', { value: 229 });
      element.dispatchEvent(press);
    });
    await ui.waitForTimeout(100);
    expect(assistant.calls).toEqual([]);
  });
});
