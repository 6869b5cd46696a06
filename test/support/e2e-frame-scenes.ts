import type { Page } from '@playwright/test';
import type { StoredError } from '../../main/contract/errors.ts';
import type { Job } from '../../main/contract/jobs.ts';
import { fill, field, openConversation, runCommand, send, showList, type Scene } from './e2e-scene-tools.ts';
import type { ScriptedAssistant } from './scripted-assistant.ts';
import { downloadJob, processes, readyStatus, verified } from './scripted-data.ts';

const without = (assistant: ScriptedAssistant) =>
  assistant.setStatus({ ...readyStatus, state: 'none', model: null, contextTokens: null });

function failing(name: string, error: StoredError, stage = 'download'): Scene {
  return {
    name: `failed-${name}`,
    arrange(assistant) {
      const job = downloadJob({ state: 'failed', stage, error });
      assistant.setStatus({ ...readyStatus, state: 'failed', model: null, contextTokens: null, job, error });
    },
    act: (page) => page.getByText(/^(Details|详细信息)$/).click(),
  };
}

const error = (code: StoredError['code'], details: Record<string, unknown> = {}): StoredError => ({
  code,
  message: 'In English, for the log.',
  details,
});

function installing(name: string, change: Partial<Job>): Scene {
  return {
    name: `job-${name}`,
    arrange: (assistant) =>
      assistant.setStatus({ ...readyStatus, state: 'installing', model: null, job: downloadJob(change) }),
  };
}

/** The data folder in the settings; a shell with dialogs but for the last. */
function moving(name: string, act: (page: Page) => Promise<void> = async () => {}, job?: Partial<Job>): Scene {
  return {
    name: `data-${name}`,
    arrange(assistant) {
      fill(assistant);
      if (job !== undefined) assistant.move({ subject: '/media/ada/Large/Longhand', ...job });
    },
    async act(page) {
      await page.evaluate((hasDialog) => {
        const bridge = { chooseFolder: () => Promise.resolve('/media/ada/Large') };
        if (hasDialog) Object.assign(window, { longhand: bridge });
      }, name !== 'by-command');
      await page.keyboard.press('Control+,');
      await act(page);
      await page.getByText(/^(Data folder|数据文件夹)$/).scrollIntoViewIfNeeded();
      await page
        .getByText(/^(Your data|您的数据|数据)$/)
        .first()
        .scrollIntoViewIfNeeded();
    },
  };
}

async function lookFor(page: Page, words: string): Promise<void> {
  await runCommand(page, /^(Models|模型)$/);
  await page.getByRole('searchbox').fill(words);
}

/** Pages, dialogs, the list and the notices: what stands around the conversation. */
export const frameScenes: Scene[] = [
  { name: 'first-run', arrange: without },
  {
    name: 'drop',
    arrange: without,
    act: async (page) => {
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['GGUF'], 'qwen2.5-7b.gguf'));
        document.body.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }));
      });
    },
  },
  failing('offline', error('offline', { names: ['qwen2.5-0.5b-instruct'] })),
  failing('disk-full', error('disk-full', { freeBytes: 400_000_000, neededBytes: 1_900_000_000 })),
  failing('unsupported', error('unsupported-checkpoint', { found: 'gpt2', supported: ['qwen2', 'llama'] }), 'inspect'),
  failing('truncated', error('checkpoint-unreadable', { expected: 145_000_000, found: 1_000_000 }), 'inspect'),
  failing('checksum', error('checksum-mismatch'), 'check'),
  installing('compile', { stage: 'compile', unit: 'bytes', done: 640e6, total: 988e6, speed: 58e6, etaMs: 6000 }),
  installing('paused', { state: 'paused', speed: null, etaMs: null }),
  {
    name: 'folder-open',
    arrange: fill,
    async act(page) {
      await showList(page);
      await page.getByRole('button', { name: 'Family papers', exact: true }).click();
      await page.getByRole('link', { name: 'Who is named in the will?' }).waitFor();
    },
  },
  {
    name: 'row-menu',
    arrange: fill,
    async act(page) {
      await showList(page);
      await page.getByRole('link', { name: 'Streaming a file page by page' }).click({ button: 'right' });
      await page.getByRole('menuitem', { name: /Move to folder|移到文件夹/ }).hover();
      await page.getByRole('menuitem', { name: 'Family papers' }).waitFor();
    },
  },
  {
    name: 'new-folder',
    arrange: fill,
    act: (page) => runCommand(page, /^(New folder|新建文件夹)$/),
  },
  {
    name: 'sidebar-hidden',
    arrange: fill,
    async act(page) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await page.keyboard.press('Control+B');
    },
  },
  {
    name: 'bin',
    arrange(assistant) {
      fill(assistant);
      for (const { id } of assistant.conversations.list({ limit: 2 }).items) assistant.conversations.remove(id);
    },
    act: (page) => runCommand(page, /^(Bin|回收站)$/),
  },
  { name: 'bin-empty', act: (page) => runCommand(page, /^(Bin|回收站)$/) },
  {
    name: 'bin-question',
    arrange(assistant) {
      fill(assistant);
      for (const { id } of assistant.conversations.list({ limit: 2 }).items) assistant.conversations.remove(id);
    },
    async act(page) {
      await runCommand(page, /^(Bin|回收站)$/);
      await page.getByRole('button', { name: /Empty the bin|清空回收站/ }).click();
    },
  },
  { name: 'palette', arrange: fill, act: (page) => page.keyboard.press('Control+K') },
  {
    name: 'palette-search',
    arrange: fill,
    async act(page) {
      await page.keyboard.press('Control+K');
      await page.keyboard.type('letter');
      await page.locator('[role=option] mark').first().waitFor();
    },
  },
  { name: 'keys', arrange: fill, act: (page) => page.keyboard.press('Control+/') },
  {
    name: 'find',
    arrange: fill,
    async act(page) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await page.keyboard.press('Control+F');
      await page.keyboard.type('the');
    },
  },
  moving('planned', async (page) => {
    await page.getByRole('button', { name: /^(Move…|移动…)$/ }).click();
    await page.getByRole('button', { name: /^(Move the data|移动数据)$/ }).waitFor();
  }),
  moving('running', undefined, { state: 'running', stage: 'copy', done: 1.3e9, total: 4.21e9, unit: 'bytes' }),
  moving('switching', undefined, { state: 'running', stage: 'switch', done: 0, total: null, unit: '' }),
  moving('failed', undefined, { state: 'failed', error: error('disk-full', { freeBytes: 4e8, neededBytes: 4.21e9 }) }),
  moving('by-command'),
  { name: 'settings', arrange: fill, act: (page) => page.keyboard.press('Control+,') },
  {
    name: 'settings-below',
    arrange: fill,
    async act(page) {
      await page.keyboard.press('Control+,');
      await page.locator('main').evaluate((main) => main.scrollBy(0, 900));
    },
  },
  {
    name: 'data-cache',
    arrange: fill,
    async act(page) {
      await page.keyboard.press('Control+,');
      await page.getByRole('button', { name: /^(Clear…|清除…)$/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'keyboard',
    arrange(assistant) {
      fill(assistant);
      assistant.setSettings({ keys: { sidebar: ['Mod+J'] } });
    },
    async act(page) {
      await page.keyboard.press('Control+,');
      const changed = page.getByRole('button', { name: /Back to the usual keys of|恢复“.*”的/ });
      await changed.evaluate((button) => button.scrollIntoView({ block: 'center' }));
    },
  },
  {
    name: 'keyboard-choice',
    arrange: fill,
    async act(page) {
      await page.keyboard.press('Control+,');
      await page.getByRole('button', { name: /Change the keys of “Bin”|更改“回收站”的按键/ }).click();
      await page.keyboard.press('Control+B');
    },
  },
  {
    name: 'panel',
    arrange: fill,
    async act(page) {
      await openConversation(page, 'Conditions in the letter of 1871');
      await page.keyboard.press('Control+I');
    },
  },
  { name: 'models', arrange: fill, act: (page) => runCommand(page, /^(Models|模型)$/) },
  {
    name: 'models-tested',
    arrange(assistant) {
      fill(assistant);
      assistant.verification = verified;
      assistant.setStatus({ ...readyStatus, verifiedTokens: verified.verifiedTokens });
    },
    async act(page) {
      await runCommand(page, /^(Models|模型)$/);
      const verdict = page.getByText(/What was hidden was found|找到了所藏内容/);
      await verdict.evaluate((text) => text.scrollIntoView({ block: 'end' }));
    },
  },
  {
    name: 'models-testing',
    arrange(assistant) {
      fill(assistant);
      assistant.verification = { ...verified, cells: verified.cells.slice(0, 22), verifiedTokens: 1024 };
      assistant.setStatus({ ...readyStatus, verifiedTokens: 1024 });
      assistant.test({ done: 60_000, total: 240_000, etaMs: 820_000 });
    },
    async act(page) {
      await page.getByRole('button', { name: /^(self-test|自测) 25 %$/ }).click();
      await page.getByRole('button', { name: /^(Pause|暂停)$/ }).waitFor();
    },
  },
  {
    name: 'models-test-broken',
    arrange(assistant) {
      fill(assistant);
      const failure = error('model-in-use', { name: 'other', wanted: 'smollm2-135m' });
      assistant.test({ state: 'failed', done: 60_000, total: 240_000, error: failure });
    },
    async act(page) {
      await page.getByRole('button', { name: /^(not verified · test|未验证 · 测试)$/ }).click();
      await page.getByRole('button', { name: /^(Go on|继续)$/ }).waitFor();
    },
  },
  {
    name: 'models-longer',
    arrange(assistant) {
      fill(assistant);
      const beyond = { method: 'dca' as const, fromTokens: 8192 };
      const context = { contextTokens: 32_768, claimedTokens: 8192, beyond, sparse: null, kvType: 'int8' as const };
      assistant.contexts = { ...assistant.contexts, options: { ...assistant.contexts.options, contextTokens: 32_768 } };
      assistant.setStatus({ ...readyStatus, contextTokens: 32_768, context });
    },
    async act(page) {
      await page.getByRole('button', { name: /^(not verified · test|未验证 · 测试)$/ }).click();
      await page.getByRole('combobox', { name: /^(Beyond what it was made for|超出原有长度时)$/ }).waitFor();
    },
  },
  {
    name: 'models-hub',
    arrange: fill,
    async act(page) {
      await lookFor(page, 'Qwen/Qwen2.5-3B-Instruct-GGUF');
      await page.getByRole('button', { name: /Ask the hub|到模型站查询/ }).click();
      await page.getByRole('heading', { level: 3, name: 'Qwen/Qwen2.5-3B-Instruct-GGUF' }).waitFor();
    },
  },
  {
    name: 'models-licence',
    arrange: fill,
    async act(page) {
      await lookFor(page, 'Qwen/Qwen2.5-3B-Instruct-GGUF');
      await page.getByRole('button', { name: /Ask the hub|到模型站查询/ }).click();
      await page.getByRole('button', { name: /^(Get|获取): Q4_0$/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'models-none', arrange: fill, act: (page) => lookFor(page, 'a model of nobody') },
  {
    name: 'models-fetching',
    arrange(assistant) {
      fill(assistant);
      assistant.setStatus({ ...readyStatus, state: 'installing', job: downloadJob() });
    },
    act: (page) => runCommand(page, /^(Models|模型)$/),
  },
  {
    name: 'models-remove',
    arrange: fill,
    async act(page) {
      await runCommand(page, /^(Models|模型)$/);
      await page.getByRole('button', { name: /^(Remove|移除): / }).click();
    },
  },
  {
    name: 'diagnostics',
    arrange: fill,
    async act(page) {
      await runCommand(page, /^(Diagnostics|诊断)$/);
      await page.getByRole('table').waitFor();
    },
  },
  {
    name: 'engine-died',
    arrange: fill,
    async act(page, assistant) {
      await openConversation(page, 'Conditions in the letter of 1871');
      assistant.processes = processes.map((one) => ({
        ...one,
        restarts: one.restarts + (one.role === 'engine' ? 1 : 0),
      }));
      assistant.setStatus({ ...readyStatus, state: 'loading' });
      await page.getByText(/model process stopped|模型进程曾停止/).waitFor();
    },
  },
  {
    name: 'engine-given-up',
    arrange: fill,
    async act(page, assistant) {
      await openConversation(page, 'Conditions in the letter of 1871');
      assistant.processes = processes.map((one) => ({ ...one, failed: one.role === 'engine', pid: null }));
      assistant.setStatus({ ...readyStatus, state: 'failed', error: error('engine-stopped') });
      await page.getByText(/again and again|反复停止/).waitFor();
    },
  },
  {
    name: 'draft-waits',
    arrange: (assistant) =>
      assistant.setStatus({ ...readyStatus, state: 'installing', model: null, job: downloadJob({ stage: 'check' }) }),
    async act(page) {
      await send(page, 'What is a longhand?');
      await field(page).fill('And while it loads I write the next one.');
    },
  },
];
