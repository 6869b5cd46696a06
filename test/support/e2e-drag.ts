import type { Page } from '@playwright/test';

/** Lanes of the drop zone, where they lie in a wide window. */
export const LANES = { ask: { x: 300, y: 400 }, keep: { x: 740, y: 400 }, watch: { x: 1150, y: 400 } };

/** Drags real files and folders over the window, to the place of `at`, and lets go unless told otherwise. */
export async function drag(page: Page, files: string[], at: { x: number; y: number }, letGo = true): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  const types = ['dragEnter', 'dragOver', 'dragOver', ...(letGo ? ['drop'] : [])] as const;
  for (const type of types as readonly ('dragEnter' | 'dragOver' | 'drop')[]) {
    await devtools.send('Input.dispatchDragEvent', { type, ...at, data });
  }
  await devtools.detach();
}
