import { describe, expect, it } from 'vitest';
import { Feed } from '../../main/services/events/feed.ts';

async function take<T>(events: AsyncGenerator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const step = await events.next();
    if (step.done) break;
    taken.push(step.value);
  }
  return taken;
}

describe('a feed', () => {
  it('gives the snapshot first and then what happens, in order', async () => {
    const feed = new Feed<number>();
    const events = feed.watch(() => [0]);
    expect(await take(events, 1)).toEqual([0]);
    feed.publish(1);
    feed.publish(2);
    expect(await take(events, 2)).toEqual([1, 2]);
    await events.return();
  });

  it('loses and repeats nothing, whenever the watcher reads', async () => {
    const feed = new Feed<number>();
    let count = 0;
    const events = feed.watch(() => [count]);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const value of events) {
        seen.push(value);
        if (value === 200) return;
        if (value % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    while (count < 200) {
      count++;
      feed.publish(count);
      if (count % 11 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await reading;
    expect(seen.slice(1)).toEqual(Array.from({ length: 200 - seen[0]! }, (_, index) => seen[0]! + index + 1));
  });

  it('gives a watcher that fell far behind a fresh snapshot, and keeps no more than that for it', async () => {
    const feed = new Feed<string>();
    let latest = 0;
    const events = feed.watch(() => [`snapshot ${latest}`]);
    await take(events, 1);
    for (latest = 1; latest < 5000; latest++) feed.publish(`event ${latest}`);
    expect(await take(events, 1)).toEqual(['snapshot 5000']);
    feed.publish('event 5001');
    expect(await take(events, 1)).toEqual(['event 5001']);
    await events.return();
  });

  it('gives a snapshot part by part with other work in between, and what happens meanwhile after it', async () => {
    const feed = new Feed<string>();
    const events = feed.watch(() => ['a', 'b', 'c']);
    expect(await take(events, 1)).toEqual(['a']);
    feed.publish('later');
    const turns: string[] = [];
    setImmediate(() => turns.push('other work'));
    expect(await take(events, 1)).toEqual(['b']);
    expect(turns).toEqual(['other work']);
    expect(await take(events, 1)).toEqual(['c']);
    expect(await take(events, 1)).toEqual(['later']);
    await events.return();
  });

  it('makes no part before it is asked for, and begins anew when everything has changed', async () => {
    const feed = new Feed<string>();
    let made = 0;
    let round = 0;
    const events = feed.watch(function* () {
      round++;
      for (let part = 1; part <= 3; part++) {
        made++;
        yield `${round}.${part}`;
      }
    });
    expect(await take(events, 2)).toEqual(['1.1', '1.2']);
    expect(made).toBe(2);
    feed.refresh();
    expect(await take(events, 3)).toEqual(['2.1', '2.2', '2.3']);
    await events.return();
  });

  it('lets what may overtake go between the parts, but past nothing that has to wait', async () => {
    const feed = new Feed<string>((event) => event.startsWith('quick'));
    const events = feed.watch(() => ['a', 'b', 'c']);
    await take(events, 1);
    feed.publish('quick 1');
    expect(await take(events, 2)).toEqual(['quick 1', 'b']);
    feed.publish('slow');
    feed.publish('quick 2');
    expect(await take(events, 3)).toEqual(['c', 'slow', 'quick 2']);
    await events.return();
  });

  it('forgets a watcher that leaves, also while nothing happens', async () => {
    const feed = new Feed<number>();
    const stop = new AbortController();
    const events = feed.watch(() => [0], stop.signal);
    await take(events, 1);
    const waiting = events.next();
    expect(feed.watcherCount).toBe(1);
    stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(feed.watcherCount).toBe(0);
  });

  it('ends the watch with the error of a snapshot that cannot be made', async () => {
    const feed = new Feed<number>();
    const events = feed.watch(() => {
      throw new Error('gone');
    });
    await expect(events.next()).rejects.toThrow('gone');
    expect(feed.watcherCount).toBe(0);
  });
});
