import { test as base, expect, type Page } from '@playwright/test';
import { buildRenderer } from '../../scripts/build-renderer.mjs';
import { ScriptedAssistant } from './scripted-assistant.ts';

type Fixtures = {
  assistant: ScriptedAssistant;
  /** The page in front of the scripted assistant, opened and connected. A fault in its script fails the test. */
  ui: Page;
};

export const test = base.extend<Fixtures, { built: void }>({
  built: [
    async ({}, use) => {
      await buildRenderer();
      await use();
    },
    { scope: 'worker' },
  ],
  assistant: async ({ built: _ }, use) => {
    const assistant = await ScriptedAssistant.start();
    await use(assistant);
    await assistant.die();
  },
  ui: async ({ page, assistant }, use) => {
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      // What the policy forbids is a fault of ours; a socket that cannot be opened is a state of the page.
      // So is what the policy of the diagrams' frame refuses: that is what the frame is for.
      if (message.location().url.includes('/diagram/')) return;
      if (message.type() === 'error' && !/WebSocket|ERR_CONNECTION/.test(message.text())) faults.push(message.text());
    });
    await open(page, assistant);
    await use(page);
    expect(faults).toEqual([]);
  },
});

export { expect };

/** Loads the page and waits until it has heard from the assistant. */
export async function open(page: Page, assistant: ScriptedAssistant): Promise<void> {
  await page.goto(assistant.url);
  await expect(page.locator('html')).toHaveAttribute('data-line', 'connected');
  // What is said of the model comes with the first answer: the truth line, or the doors to a first one.
  const known = page.getByRole('list', { name: /State|状态/ }).getByRole('listitem');
  await expect(known.or(page.getByRole('button', { name: /Look around|进入/ })).first()).toBeVisible();
}

export const field = (page: Page) => page.locator('textarea');
export const answers = (page: Page) => page.locator('article.answer');
export const questions = (page: Page) => page.locator('article.question');

export async function send(page: Page, text: string): Promise<void> {
  await field(page).fill(text);
  await field(page).press('Enter');
}

/** An answer that is let out piece by piece, by hand. */
export function handFed(): { pieces: AsyncIterable<string>; feed(text: string): void; end(): void } {
  const queue: (string | null)[] = [];
  let wake = () => {};
  const push = (piece: string | null) => {
    queue.push(piece);
    wake();
  };
  async function* pieces() {
    for (;;) {
      while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const piece = queue.shift();
      if (piece === null || piece === undefined) return;
      yield piece;
    }
  }
  return { pieces: pieces(), feed: push, end: () => push(null) };
}

/** How many dark points the page has under the marked words: they have to be drawn where their boxes say. */
export function inkUnderMarks(ui: Page): Promise<number> {
  return ui.evaluate(() => {
    const canvas = document.querySelector('canvas');
    const mark = document.querySelector('[data-marked]');
    if (canvas === null || mark === null) return 0;
    const [page, box] = [canvas.getBoundingClientRect(), mark.getBoundingClientRect()];
    const scale = canvas.width / page.width;
    const at = [box.left - page.left, box.top - page.top, box.width, box.height].map((length) => length * scale);
    const { data } = canvas.getContext('2d')!.getImageData(at[0]!, at[1]!, at[2]!, at[3]!);
    return data.filter((value, index) => index % 4 === 0 && value < 128 && data[index + 3]! > 128).length;
  });
}
