// How smooth the page is: node test/bench/interface.ts [OUT.json]. A scripted assistant speaks, Chromium shows, and the
// page measures itself. Frames are requestAnimationFrame to requestAnimationFrame; a key counts from its event until
// after the frame that shows its letter.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type CDPSession, type Page } from '@playwright/test';
import { buildRenderer } from '../../scripts/build-renderer.mjs';
import { findChromium } from '../../scripts/chromium.ts';
import { routeTo } from '../../renderer/app/route.ts';
import { describeMachine } from '../support/machine.ts';
import { observe, report, reset, round } from '../support/page-marks.ts';
import { ScriptedAssistant } from '../support/scripted-assistant.ts';
import { words } from '../support/scripted-data.ts';

const MESSAGES = 10_000;
const CONVERSATIONS = 10_000;
const ANSWER_WORDS = 20_000;
const SECONDS = 15;
const SPEEDS = { steady: 60, fast: 1200 }; // tokens a second; words here

/** About 130,000 characters of what models write: headings, lists, tables, code, formulas. */
function longAnswer(): string {
  const parts: string[] = [];
  for (let part = 1, count = 0; count < ANSWER_WORDS; part += 1) {
    const text = [
      `## Part ${part}`,
      `The **letter** of ${1800 + part} names *three* conditions, and \`keep(${part})\` says which of them held. It was written by hand, in haste, on paper that has not aged well, and what it does not say is as telling as what it does: nobody is named, no sum is given, and the date stands where the signature ought to be.`,
      '- The loan is repaid in twelve instalments, the first of them in spring.\n- The house stays with the family, whoever of them lives in it.\n- Neither party speaks of it in public, or in a place where servants hear.',
      part % 5 === 0 ? '| Year | Paid | Left |\n|---|--:|--:|\n| 1871 | 120 | 1,320 |\n| 1872 | 240 | 1,080 |' : '',
      part % 7 === 0
        ? '```ts\nexport function left(paid: number[], total: number): number {\n  return paid.reduce((rest, sum) => rest - sum, total);\n}\n```'
        : '',
      part % 9 === 0
        ? 'The rest after $n$ payments is $r_n = r_0 - \\sum_{k=1}^{n} p_k$, which gives\n\n$$r_{12} = r_0 - 12p = 0$$'
        : '',
      'Of the third condition we know only that a copy reached the newspaper in June, four days after the last instalment had been paid, and that the editor declined to print it. Nothing in the correspondence says who sent the copy.',
    ]
      .filter((text) => text !== '')
      .join('\n\n');
    parts.push(text);
    count += text.split(/\s+/).length;
  }
  return parts.join('\n\n');
}

async function memory(cdp: CDPSession) {
  await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return { heapMB: round(of('JSHeapUsedSize') / 1e6), nodes: of('Nodes') };
}

/** A shown answer that goes on for a while, with somebody typing the next question meanwhile. */
async function streaming(page: Page, cdp: CDPSession, assistant: ScriptedAssistant, tokensPerSecond: number) {
  const pieces = words(longAnswer());
  const rest = Math.min(pieces.length, SECONDS * tokensPerSecond);
  assistant.tokenMs = 0;
  assistant.script = async function* () {
    yield pieces.slice(0, -rest).join('');
    await sleep(1500); // what came at once is a case of its own: opening
    await reset(page);
    // Several tokens at a time, where timers are coarser than the tokens are fast.
    for (let at = pieces.length - rest; at < pieces.length;) {
      const started = performance.now();
      const count = Math.max(1, Math.round(tokensPerSecond / 60));
      yield pieces.slice(at, at + count).join('');
      at += count;
      await sleep(Math.max(0, (1000 * count) / tokensPerSecond - (performance.now() - started)));
    }
  };

  await page.goto(assistant.url);
  await page.locator('textarea').waitFor();
  await page.locator('textarea').fill('Tell me everything.');
  await page.keyboard.press('Enter');
  const before = await memory(cdp);
  const started = performance.now();
  const ended = page.getByText('tokens/s').waitFor({ timeout: 55_000 });
  let over = false;
  void ended.finally(() => (over = true));
  await page.locator('textarea').focus();
  await sleep(2000);
  while (!over) {
    await page.keyboard.press('abcdefghij '.charAt(Math.floor(Math.random() * 11)));
    await sleep(120);
  }
  await ended;
  const seconds = round((performance.now() - started) / 1000);
  return {
    words: longAnswer().split(/\s+/).length,
    seconds,
    ...(await report(page)),
    before,
    after: await memory(cdp),
  };
}

/** From an address to a page that can be written in. */
async function starting(page: Page, assistant: ScriptedAssistant) {
  await page.goto('about:blank');
  await page.goto(assistant.url);
  await page.locator('textarea:focus').waitFor();
  const focusedMs = round(await page.evaluate(() => performance.now()));
  await sleep(1500);
  return { focusedMs, ...(await report(page)) };
}

async function opening(page: Page, assistant: ScriptedAssistant) {
  const texts = Array.from({ length: MESSAGES }, (_, index) =>
    index % 2 === 0
      ? `Question ${index}: what does the letter say of the house?`
      : `Answer ${index}. The **house** stays with the family, and \`nobody\` says why.\n\n- first\n- second\n\nThat is all that is known of it, and more than was ever told to the newspaper.`,
  );
  const { id } = assistant.addConversation('Ten thousand', texts);
  await page.goto(assistant.url);
  await page.getByRole('link', { name: 'Ten thousand' }).waitFor();
  await sleep(1500); // the start of the page is a case of its own
  await reset(page);
  const painted = (text: string) =>
    page.evaluate(async (wanted) => {
      while (
        ![...document.querySelectorAll('article')].some((one) => {
          const { top, bottom } = one.getBoundingClientRect();
          return one.textContent.includes(wanted) && bottom > 0 && top < innerHeight;
        })
      )
        await new Promise(requestAnimationFrame);
      return performance.now();
    }, text);
  const clicked = await page.evaluate((hash) => {
    location.hash = hash;
    return performance.now();
  }, routeTo(id));
  const openedMs = round((await painted(`Answer ${MESSAGES - 1}.`)) - clicked);
  await sleep(500);
  const open = { openedMs, ...(await report(page)) };
  await reset(page);
  const [middle] = assistant.conversations.path(id).slice(MESSAGES / 2 + 1);
  const sought = await page.evaluate(
    (hash) => {
      location.hash = hash;
      return performance.now();
    },
    routeTo(id, middle?.id ?? null),
  );
  const foundMs = round((await painted(`Answer ${MESSAGES / 2 + 1}.`)) - sought);
  await sleep(500);
  return { open, toTheMiddle: { foundMs, ...(await report(page)) }, elements: await page.locator('main *').count() };
}

/** Choosing what the model is not to read, among ten thousand messages. */
async function leavingOut(page: Page, assistant: ScriptedAssistant) {
  const { id } = assistant.addConversation(
    'Too long',
    Array.from({ length: MESSAGES }, (_, at) => `Message ${at}.`),
  );
  await page.goto(assistant.url);
  await page.getByRole('link', { name: 'Too long' }).click();
  const choose = page.locator('button.choose');
  await choose.waitFor();
  await sleep(1000); // opening is a case of its own
  await reset(page);
  const started = performance.now();
  await choose.click();
  const list = page.locator('[role=dialog] .choices');
  await list.getByText('Message 0.').waitFor();
  const openedMs = round(performance.now() - started);
  await sleep(500);
  const open = { openedMs, ...(await report(page)) };
  await reset(page);
  for (let part = 1; part <= 60; part += 1) {
    await list.evaluate((element, share) => (element.scrollTop = element.scrollHeight * share), part / 60);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await list.getByText(`Message ${MESSAGES - 1}.`).click();
  await sleep(300);
  const elements = await list.locator('*').count();
  assistant.conversations.remove(id);
  return { open, scroll: { ...(await report(page)), elements } };
}

/** The list at the side, read to its end and scrolled through. */
async function list(page: Page, assistant: ScriptedAssistant) {
  for (let index = 0; index < CONVERSATIONS; index += 1) {
    assistant.conversations.create(`Conversation ${index}`, { ms: Date.now() - index * 60_000 });
  }
  await page.goto(assistant.url);
  await page.getByRole('link', { name: 'Conversation 0', exact: true }).waitFor();
  await sleep(1500);
  await reset(page);
  const scroller = page.locator('nav .list, .list').first();
  const started = performance.now();
  const last = page.getByRole('link', { name: `Conversation ${CONVERSATIONS - 1}`, exact: true });
  while ((await last.count()) === 0) {
    await scroller.evaluate((element) => (element.scrollTop = element.scrollHeight));
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  const readMs = round(performance.now() - started);
  await sleep(300);
  const toTheEnd = { readMs, ...(await report(page)) };
  await reset(page);
  for (let part = 60; part >= 0; part -= 1) {
    await scroller.evaluate((element, share) => (element.scrollTop = element.scrollHeight * share), part / 60);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  const scroll = await report(page);
  await reset(page);
  const [newest] = assistant.conversations.list({ limit: 1 }).items;
  for (let time = 0; time < 20; time += 1) {
    assistant.conversations.change(newest!.id, { title: `Renamed ${time}`, updatedMs: Date.now() });
    await sleep(30);
  }
  return { toTheEnd, scroll, changes: await report(page), elements: await scroller.locator('*').count() };
}

await buildRenderer();
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: findChromium(), args: asRoot });
const assistant = await ScriptedAssistant.start();
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.addInitScript(observe);
const cdp = await page.context().newCDPSession(page);
await cdp.send('Performance.enable');
const chosen = process.argv.slice(3);
const wants = (name: string) => chosen.length === 0 || chosen.includes(name);
const results = {
  ...describeMachine(),
  browser: `Chromium ${browser.version()}, headless, 1280x800, no GPU`,
  start: wants('start') ? await starting(page, assistant) : undefined,
  steady: wants('steady') ? await streaming(page, cdp, assistant, SPEEDS.steady) : undefined,
  fast: wants('fast') ? await streaming(page, cdp, assistant, SPEEDS.fast) : undefined,
  tenThousandMessages: wants('opening') ? await opening(page, assistant) : undefined,
  leavingOut: wants('leaving-out') ? await leavingOut(page, assistant) : undefined,
  tenThousandConversations: wants('list') ? await list(page, assistant) : undefined,
};
await browser.close();
await assistant.die();
const [out] = process.argv.slice(2);
const text = `${JSON.stringify(results, null, 2)}\n`;
if (out && out !== '-') writeFileSync(out, text);
process.stdout.write(text);
process.exit(0); // streams that nobody watches any more would hold the process
