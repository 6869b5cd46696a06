// Tables of documents, asked by a model: the page, the services and the queries are real, what the model says is a script.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, expect, type Page } from '@playwright/test';
import { buildRenderer } from '../../scripts/build-renderer.mjs';
import { answers, send } from '../support/e2e-page.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { runScript, type Running } from '../support/run.ts';
import { dropFile } from '../support/shells/app.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

let folder: string;
let shell: Running;
let url: string;

test.beforeAll(async () => {
  test.setTimeout(120_000);
  await buildRenderer();
  folder = mkdtempSync(join(tmpdir(), 'longhand-tables-'));
  const model = join(folder, 'tiny.gguf');
  writeFileSync(model, writeGguf(tinyCheckpoint()));
  writeFileSync(
    join(folder, 'rivers.csv'),
    'name,km,country\nDanube,2850,Austria\nRhine,1233.5,Germany\nInn,518,Österreich\n',
  );
  const args = ['--headless', '--json', '--no-fetch', '--data', join(folder, 'data')];
  shell = runScript('test/support/processes/calling.ts', args, { LONGHAND_MODEL: model });
  const [, ready = ''] = await shell.says(/^(\{"event":"ready".*\})$/m);
  ({ url } = JSON.parse(ready) as { url: string });
});

test.afterAll(async () => {
  shell.child.kill('SIGTERM');
  await shell.ended;
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** The page with a table in its conversation, read. */
async function openWithTable(page: Page): Promise<void> {
  await page.goto(url);
  await expect(page.getByText('Tiny', { exact: true })).toBeVisible({ timeout: 60_000 });
  await dropFile(page, join(folder, 'rivers.csv'));
  const chips = page.getByRole('region', { name: 'Documents of this conversation' });
  await expect(chips).toContainText('rivers.csv');
  await expect(chips).toContainText(/\d tokens/);
}

test('a question about a CSV is answered from a query, whose rows can be seen, copied and saved', async ({ page }) => {
  await openWithTable(page);
  const shown: string[] = [];
  await page.exposeFunction('seen', (text: string) => void shown.push(text));
  await page.evaluate(() => {
    const { seen } = window as unknown as { seen(text: string): void };
    new MutationObserver(() => seen(document.querySelector('main')?.textContent ?? '')).observe(document.body, {
      ...{ subtree: true, childList: true, characterData: true },
    });
  });
  const sql = 'SELECT country, SUM(km) AS total FROM rivers GROUP BY country ORDER BY total';
  await send(page, `How long are the rivers of each country? ${sql}`);
  const answer = answers(page).last();
  await expect(answer).toContainText('The tables say: Austria, 2850.');
  expect(shown.join('\n')).not.toContain('tool_call');
  await answer.getByRole('button', { name: 'computed' }).press('Enter');
  await expect(page.getByRole('dialog', { name: 'Computed by a query' })).toHaveText('country: Austria, total: 2850');
  await page.keyboard.press('Escape');

  const query = answer.getByRole('button', { name: /^Asked the tables: SELECT country/ });
  await expect(query).toHaveAttribute('aria-expanded', 'false');
  await page.setViewportSize({ width: 900, height: 480 });
  await query.click();
  await expect(answer.getByRole('row')).toHaveText([
    /country\s*total/,
    /Österreich\s*518/,
    /Germany\s*1233\.5/,
    /Austria\s*2850/,
  ]);
  await expect(answer).toContainText('3 rows');
  await expect(query).toBeInViewport();
  const saving = page.waitForEvent('download');
  await answer.getByRole('button', { name: 'Save as CSV' }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe('table.csv');
  const csv = 'country,total\r\nÖsterreich,518\r\nGermany,1233.5\r\nAustria,2850\r\n';
  expect(readFileSync(await saved.path(), 'utf8')).toBe(`\ufeff${csv}`);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await answer.getByRole('button', { name: 'Copy as CSV' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(csv);

  await page.reload();
  await expect(
    answers(page)
      .last()
      .getByRole('button', { name: /^Asked the tables/ }),
  ).toBeVisible();
});

test('a query that cannot be run is shown with its reason', async ({ page }) => {
  await openWithTable(page);
  await send(page, 'And the miles? SELECT miles FROM rivers');
  const answer = answers(page).last();
  await answer.getByRole('button', { name: /^A query of the tables failed: SELECT miles/ }).click();
  await expect(answer).toContainText('The reason: no such column: miles');
});

test('the command line names the query that was run', async () => {
  const args = [
    'ask',
    '--data',
    join(folder, 'data'),
    '--file',
    join(folder, 'rivers.csv'),
    'SELECT SUM(km) FROM rivers',
  ];
  const asking = runScript('main/cli/main.ts', args);
  expect(await asking.ended).toBe(0);
  expect(asking.stdout()).toMatch(/^The tables say: 4601\.5\.\n/);
  expect(asking.stderr()).toContain('Asked the tables: SELECT SUM(km) FROM rivers (1 row)');
});
