import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Scheduler, type Priority } from '../../main/engine/scheduler.ts';

function newScheduler(onHung: (ms: number) => void = () => {}, limitMs = 60_000): Scheduler {
  return new Scheduler({ limitMs: () => limitMs, onHung });
}

/** Takes turns of `stepMs` until `signal`; returns the milliseconds that it had. */
async function work(scheduler: Scheduler, priority: Priority, stepMs: number, signal: AbortSignal): Promise<number> {
  const client = scheduler.client(priority);
  let hadMs = 0;
  while (!signal.aborted) {
    await client.turn(async () => {
      const from = performance.now();
      await sleep(stepMs);
      hadMs += performance.now() - from;
    });
    await new Promise((resolve) => setImmediate(resolve)); // as a stream does between its events
  }
  return hadMs;
}

describe('the scheduler', () => {
  it('shares the time of the device, whatever the length of a step', async () => {
    const scheduler = newScheduler();
    const signal = AbortSignal.timeout(1500);
    const [long, short] = await Promise.all([
      work(scheduler, 'interactive', 50, signal),
      work(scheduler, 'interactive', 5, signal),
    ]);
    expect(long / short).toBeGreaterThan(0.5);
    expect(long / short).toBeLessThan(2);
  });

  it('lets background work wait while somebody waits for an answer', async () => {
    const scheduler = newScheduler();
    const order: string[] = [];
    const [front, back] = [scheduler.client('interactive'), scheduler.client('background')];
    const waiting = back.turn(() => Promise.resolve(order.push('back')));
    for (let token = 0; token < 5; token++) {
      await front.turn(() => sleep(2).then(() => order.push('front')));
      await sleep(5); // as long as a sampler may take
    }
    await waiting;
    expect(order).toEqual(['front', 'front', 'front', 'front', 'front', 'back']);
  });

  it('interrupts a background step when somebody asks, and does it again afterwards', async () => {
    const scheduler = newScheduler();
    const order: string[] = [];
    const long = scheduler.client('background').turn(async (signal) => {
      order.push('begun');
      await sleep(order.length === 1 ? 10_000 : 1, undefined, { signal });
      order.push('done');
    });
    await sleep(20);
    await scheduler.client('interactive').turn(() => Promise.resolve(order.push('answered')));
    await long;
    expect(order).toEqual(['begun', 'answered', 'begun', 'done']);
  });

  it('does not begin again what its own signal has ended', async () => {
    const scheduler = newScheduler();
    const stop = new AbortController();
    let begun = 0;
    const step = (signal: AbortSignal) => (begun++, sleep(10_000, undefined, { signal }));
    const long = scheduler.client('background').turn(step, stop.signal);
    await sleep(10);
    stop.abort(new Error('stopped'));
    await expect(long).rejects.toThrow();
    expect(begun).toBe(1);
  });

  it('runs one step at a time and goes on after one that fails', async () => {
    const scheduler = newScheduler();
    const client = scheduler.client('interactive');
    let running = 0;
    const step = async () => {
      expect(++running).toBe(1);
      await sleep(2);
      running--;
    };
    const failing = client.turn(() => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    await Promise.all(Array.from({ length: 10 }, () => client.turn(step)));
  });

  it('lets whoever gives up leave the queue', async () => {
    const scheduler = newScheduler();
    const stop = new AbortController();
    const first = scheduler.client('interactive').turn(() => sleep(30));
    const second = scheduler.client('interactive').turn(() => Promise.resolve(), stop.signal);
    stop.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    await first;
    await expect(scheduler.client('interactive').turn(() => Promise.resolve('next'))).resolves.toBe('next');
  });

  it('says when a step does not return', async () => {
    const hung: number[] = [];
    const scheduler = newScheduler((ms) => hung.push(ms), 20);
    await scheduler.client('interactive').turn(() => sleep(60));
    expect(hung).toEqual([20]);
  });

  it('does not take for hung what stood still together with everything else', async () => {
    const hung: number[] = [];
    const scheduler = newScheduler((ms) => hung.push(ms), 30);
    await scheduler.client('interactive').turn(async () => {
      for (const until = performance.now() + 90; performance.now() < until;); // as a process that was stopped
      await sleep(1);
    });
    expect(hung).toEqual([]);
  });
});
