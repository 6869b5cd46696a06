/**
 * Files dropped on the window of the whole product, in Chromium: when the first page of each is found by a search in the window's
 * stead, how smooth the page is while they are read and somebody types into the search, and how long a source takes to open.
 *
 *     node scripts/run.mjs test/bench/shelf-window.ts OUT.json FILE...
 *
 * The manual of Debian's valgrind and the policy of its debian-policy, both PDFs, have 590 pages together.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type Page } from '@playwright/test';
import type { LonghandClient } from '../../main/contract/index.ts';
import { buildRenderer } from '../../scripts/build-renderer.mjs';
import { findChromium } from '../../scripts/chromium.ts';
import { describeMachine } from '../support/machine.ts';
import { observe, report, reset, round } from '../support/page-marks.ts';
import { dropFiles } from '../support/shells/app.ts';
import { startBrowserShell } from '../support/shells/browser.ts';

const POLL_MS = 25;
/** Once the first page was found: to look more often would slow down what is measured. */
const SLOW_POLL_MS = 250;
const MACHINE_WITHIN_MS = 120_000;
const KEY_MS = 150;
const OPENINGS = 8;
const TYPED = 'package system file ';

const [out, ...files] = process.argv.slice(2);
if (out === undefined || files.length === 0) throw new Error('usage: shelf-window.ts OUT.json FILE...');

await buildRenderer();
const dataFolder = mkdtempSync(join(tmpdir(), 'longhand-shelf-window-'));
const app = await startBrowserShell({ dataFolder, model: null });
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: findChromium(), args: asRoot });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.addInitScript(observe);
  await app.show(page);
  await page.getByRole('button', { name: 'Look around', exact: true }).click();
  await untilMachineIsKnown();
  await sleep(3000); // the start of the page is a case of its own
  await reset(page);
  const dropped = await drop(page, files);
  const opened = await open(page);
  const browserName = `Chromium ${browser.version()}, headless, 1280x800, no GPU`;
  const result = {
    ...describeMachine(),
    browser: browserName,
    files: files.map((file) => basename(file)),
    dropped,
    opened,
  };
  writeFileSync(out, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} finally {
  await browser.close();
  await app.stop();
  rmSync(dataFolder, { recursive: true, force: true });
}

/** The first start of all measures the machine, on all of its cores. */
async function untilMachineIsKnown(): Promise<void> {
  const until = performance.now() + MACHINE_WITHIN_MS;
  while (!existsSync(join(dataFolder, 'machine.json'))) {
    if (performance.now() > until) throw new Error('The machine was not measured.');
    await sleep(POLL_MS);
  }
}

async function drop(page: Page, paths: string[]) {
  const from = performance.now();
  const since = () => Math.round(performance.now() - from);
  await dropFiles(page, paths);
  const search = page.getByRole('searchbox', { name: 'Search inside documents' });
  let isRead = false;
  const typing = (async () => {
    // A drop leads to the conversation, once all are there.
    const chips = page.getByRole('region', { name: 'Documents of this conversation' });
    await chips.getByText(basename(paths.at(-1)!)).waitFor();
    await sleep(500);
    await page.keyboard.press('Control+D');
    await search.click();
    // By the keyboard alone: to look for the field before each key lays the page out once more.
    for (let at = 0; !isRead; at++) {
      if (at > 0 && at % TYPED.length === 0) {
        await page.keyboard.press('Control+A');
        await page.keyboard.press('Delete');
        await sleep(KEY_MS);
      }
      await page.keyboard.press(TYPED.charAt(at % TYPED.length) === ' ' ? 'Space' : TYPED.charAt(at % TYPED.length));
      await sleep(KEY_MS);
    }
  })();
  typing.catch(() => undefined); // it is awaited below
  // Over one line: to open one for each look takes more than what is looked at.
  const { pages, firstFoundMs } = await app.call((client) => untilRead(client, paths.length, since));
  isRead = true;
  await typing;
  const allMs = since();
  return { pages, firstFoundMs, allMs, pagesPerSecond: round((pages / allMs) * 1000), ...(await report(page)) };
}

/** When the first page was found, and how many there are once all are read. @throws why a document can't be read */
async function untilRead(client: LonghandClient, count: number, since: () => number) {
  let firstFoundMs: number | null = null;
  for (;;) {
    const documents = await client.documents.list();
    const begun = documents.find(({ parts }) => parts > 0);
    if (firstFoundMs === null && begun !== undefined && (await isFound(client, begun.id))) firstFoundMs = since();
    if (documents.length === count && documents.every(({ state }) => state !== 'queued' && state !== 'parsing')) {
      const failed = documents.find(({ error }) => error !== null);
      if (failed) throw new Error(`${failed.name}: ${failed.error!.message}`);
      return { pages: documents.reduce((sum, { parts }) => sum + parts, 0), firstFoundMs };
    }
    await sleep(firstFoundMs === null ? POLL_MS : SLOW_POLL_MS);
  }
}

/** By the first words of the first part that has some. */
async function isFound(client: LonghandClient, id: string): Promise<boolean> {
  const { parts } = await client.documents.get({ id });
  for (let part = 0; part < parts; part++) {
    const { text } = await client.documents.part({ id, part });
    const query = text
      .split(/\s+/u)
      .filter((word) => /\p{L}/u.test(word))
      .slice(0, 6)
      .join(' ');
    if (query === '') continue;
    return (await client.documents.search({ query, documentIds: [id] })).hits.length > 0;
  }
  return false;
}

/** From the click on what a search found to the words being marked on its page. */
async function open(page: Page) {
  const search = page.getByRole('searchbox', { name: 'Search inside documents' });
  const taken: number[] = [];
  for (let at = 0; at < OPENINGS; at++) {
    await search.fill(['memory', 'error', 'file system', 'program'][at % 4]!);
    await sleep(1500);
    await reset(page);
    const clicked = await page.evaluate((index) => {
      const marks = [...document.querySelectorAll<HTMLElement>('main mark')];
      marks[index % marks.length]!.click();
      return performance.now();
    }, at);
    const shown = await page.evaluate(async () => {
      const isShown = () =>
        [...document.querySelectorAll('aside [data-marked], aside mark')].some((one) => {
          const { top, bottom, width } = one.getBoundingClientRect();
          return width > 0 && bottom > 0 && top < innerHeight;
        });
      while (!isShown()) await new Promise(requestAnimationFrame);
      return performance.now();
    });
    taken.push(shown - clicked);
    await page.keyboard.press('Escape');
    await sleep(500);
  }
  const sorted = taken.toSorted((a, b) => a - b);
  return {
    openings: OPENINGS,
    ms: taken.map(round),
    medianMs: round(sorted[OPENINGS / 2]!),
    maxMs: round(sorted.at(-1)!),
  };
}
