import type { Page } from '@playwright/test';

/** What a page measures of itself, in milliseconds: frames, tasks over 50, and keys from their event to what they show. */
type Marks = { frames: number[]; tasks: { ms: number; at: number }[]; keys: number[] };

declare global {
  interface Window {
    marks: Marks;
  }
}

/** Runs in the page from its first moment on (`addInitScript`). Frames are requestAnimationFrame to requestAnimationFrame. */
export function observe(): void {
  const marks: Marks = { frames: [], tasks: [], keys: [] };
  window.marks = marks;
  new PerformanceObserver((list) => {
    for (const { duration, startTime } of list.getEntries()) marks.tasks.push({ ms: duration, at: startTime });
  }).observe({ type: 'longtask', buffered: true });
  let last = performance.now();
  const frame = (now: number) => {
    marks.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  addEventListener(
    'keydown',
    ({ timeStamp }) => {
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => marks.keys.push(performance.now() - timeStamp);
        port2.postMessage(null); // runs when the frame has been handed over
      });
    },
    { capture: true },
  );
}

const percentile = (values: number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
/** To a tenth. */
export const round = (value: number) => Math.round(value * 10) / 10;

/** From here on. */
export async function reset(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.marks.frames.length = window.marks.tasks.length = window.marks.keys.length = 0;
  });
}

/** Since the last `reset`. */
export async function report(page: Page) {
  const { frames, tasks, keys } = await page.evaluate(() => window.marks);
  return {
    frames: frames.length,
    frameMs: {
      median: round(percentile(frames, 0.5)),
      p95: round(percentile(frames, 0.95)),
      p99: round(percentile(frames, 0.99)),
      max: round(Math.max(0, ...frames)),
    },
    tasksOver50Ms: tasks.length,
    longestTaskMs: tasks.length === 0 ? '< 50' : round(Math.max(...tasks.map(({ ms }) => ms))),
    ...(keys.length > 0 && {
      keys: keys.length,
      keyToPaintMs: {
        median: round(percentile(keys, 0.5)),
        p95: round(percentile(keys, 0.95)),
        max: round(Math.max(...keys)),
      },
    }),
  };
}
