import { LonghandError } from '../../main/contract/errors.ts';
import { documentScenes } from './e2e-document-scenes.ts';
import { tableScenes } from './e2e-table-scenes.ts';
import { frameScenes } from './e2e-frame-scenes.ts';
import { field, fill, openConversation, runCommand, send, unfinished, type Scene } from './e2e-scene-tools.ts';
import { downloadJob, metricsOf, readyStatus, smolModel } from './scripted-data.ts';

export const scenes: Scene[] = [
  { name: 'empty' },
  { name: 'conversation', arrange: fill, act: (page) => openConversation(page, 'Conditions in the letter of 1871') },
  { name: 'code', arrange: fill, act: (page) => openConversation(page, 'Streaming a file page by page') },
  { name: 'chinese', arrange: fill, act: (page) => openConversation(page, '《江雪》最后两句是什么意思？') },
  {
    name: 'streaming',
    arrange(assistant) {
      fill(assistant);
      assistant.script = () => unfinished('The copy was made by hand, and the hand is not that of');
      assistant.tokenMs = 0;
    },
    async act(page) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await send(page, 'Whose hand is the copy in?');
      await page.getByText('is not that of').waitFor();
    },
  },
  {
    name: 'stopped',
    arrange(assistant) {
      assistant.script = () => unfinished('There are four reasons, and the first of them');
      assistant.tokenMs = 0;
    },
    async act(page) {
      await send(page, 'Why did the bank close?');
      await page.getByText('the first of them').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: /^(Continue|继续)$/ }).waitFor();
    },
  },
  {
    name: 'interrupted',
    arrange(assistant) {
      assistant.addConversation(
        'Why did the bank close?',
        ['Why did the bank close?', 'There are four reasons, and the first'],
        {
          last: { state: 'interrupted', finishReason: null, metrics: null },
        },
      );
    },
    act: (page) => openConversation(page, 'Why did the bank close?'),
  },
  {
    name: 'failed',
    arrange(assistant) {
      assistant.failWith = new LonghandError('engine-stopped', 'Engine stopped.');
      assistant.script = () => [''];
    },
    async act(page) {
      await send(page, 'Why did the bank close?');
      await page.getByRole('button', { name: /^(Try again|重试)$/ }).waitFor();
    },
  },
  {
    name: 'too-long',
    arrange: (assistant) => void (assistant.contextTokens = 64),
    async act(page) {
      await field(page).fill('The quick brown fox jumps over the lazy dog and does so again and again. '.repeat(5));
      await page.getByText(/too many|超出/).waitFor();
    },
  },
  {
    name: 'too-long-ways',
    arrange: (assistant) => void (assistant.contextTokens = 64),
    async act(page) {
      await field(page).fill('The quick brown fox jumps over the lazy dog and does so again and again. '.repeat(5));
      await page.getByRole('button', { name: /^(What can be done|可行的办法)$/ }).click();
      await page.getByText(/32,768/).waitFor();
    },
  },
  {
    name: 'context-full',
    arrange(assistant) {
      const numbers = Array.from({ length: 400 }, (_, index) => index + 1).join(', ');
      assistant.addConversation('Count from 1 to 3000', ['Count from 1 to 3000, without stopping.', numbers], {
        last: { finishReason: 'length', metrics: { ...metricsOf(numbers, 20), generatedTokens: 430 } },
      });
      assistant.contextTokens = 450;
    },
    async act(page) {
      await openConversation(page, 'Count from 1 to 3000');
      await page.getByText(/used up|已用完/).waitFor();
    },
  },
  {
    name: 'line-narrow',
    arrange(assistant) {
      fill(assistant);
      const model = { ...smolModel, name: 'qwen2.5-coder-14b-instruct-q4_k_m' };
      assistant.setStatus({ ...readyStatus, model, verifiedTokens: 32_768 });
      assistant.contextTokens = 131_072;
    },
    async act(page) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await page.keyboard.press('Control+I');
    },
  },
  {
    name: 'no-model',
    arrange: (assistant) => assistant.setStatus({ ...readyStatus, state: 'none', model: null }),
    act: (page) => page.getByRole('button', { name: /^(Look around|进入)$/ }).click(),
  },
  {
    name: 'installing',
    arrange: (assistant) =>
      assistant.setStatus({ ...readyStatus, state: 'installing', model: null, job: downloadJob() }),
    async act(page) {
      await send(page, 'What is a longhand?');
      await page.getByText(/as soon as the model is ready|模型就绪后/).waitFor();
    },
  },
  {
    name: 'loading',
    arrange: (assistant) => assistant.setStatus({ ...readyStatus, state: 'loading', model: smolModel }),
  },
  {
    name: 'search',
    arrange: fill,
    async act(page) {
      await page.keyboard.press('Control+Shift+F');
      await page.keyboard.type('寒江');
      await page.locator('mark').first().waitFor();
    },
  },
  {
    name: 'undo',
    arrange: fill,
    async act(page) {
      await openConversation(page, 'Streaming a file page by page');
      await runCommand(page, /^(Delete this conversation|删除此对话)$/);
      await page.getByRole('button', { name: /Undo|撤销/ }).waitFor();
    },
  },
  {
    name: 'lost',
    arrange: fill,
    async act(page, assistant) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await assistant.die();
      await page.getByText(/Connection lost|连接已断开/).waitFor();
    },
  },
  {
    name: 'refused',
    async act(page, assistant) {
      await page.goto('about:blank');
      await page.goto(`${assistant.origin}/#wrong-token`);
      await page.getByRole('button', { name: /Try again|重试/ }).waitFor();
    },
  },
  ...documentScenes,
  ...tableScenes,
  ...frameScenes,
];
