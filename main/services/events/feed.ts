import { setImmediate } from 'node:timers/promises';

/** More than this behind, a watcher is better served with a fresh snapshot than with what it missed. */
const MOST_QUEUED = 1000;

type Watcher<Event> = { queue: Event[]; needsSnapshot: boolean; wake: () => void };

/**
 * Tells any number of watchers what happens. Each gets a snapshot first and then every event after it, in order and
 * without a gap, provided that what is published has already happened: a snapshot is taken and its later events are
 * queued within one turn of the event loop. A slow watcher holds up nobody and costs a bounded queue.
 *
 * A snapshot may come in parts, made one at a time with other work in between; events wait until the last of them. A
 * later part may thus hold what an event says that is still to come, so an event must bear being heard of twice, unless
 * `overtakes` says of it that it concerns nothing of the later parts: such events go first, as long as none before them
 * has to wait.
 */
export class Feed<Event> {
  readonly #watchers = new Set<Watcher<Event>>();
  readonly #overtakes: (event: Event) => boolean;

  constructor(overtakes: (event: Event) => boolean = () => false) {
    this.#overtakes = overtakes;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  publish(event: Event): void {
    for (const watcher of this.#watchers) {
      if (watcher.needsSnapshot) continue; // the snapshot will hold it
      if (watcher.queue.length >= MOST_QUEUED) watcher.needsSnapshot = true;
      else watcher.queue.push(event);
      watcher.wake();
    }
  }

  /** Everything may have changed: every watcher gets a new snapshot. */
  refresh(): void {
    for (const watcher of this.#watchers) {
      watcher.needsSnapshot = true;
      watcher.wake();
    }
  }

  /** Ends with `signal`, or when the loop is left, even while nothing happens. What `snapshot` throws ends it too. */
  async *watch(snapshot: () => Iterable<Event>, signal?: AbortSignal): AsyncGenerator<Event, void> {
    const watcher: Watcher<Event> = { queue: [], needsSnapshot: true, wake() {} };
    const onAbort = () => watcher.wake();
    this.#watchers.add(watcher);
    signal?.addEventListener('abort', onAbort);
    try {
      while (signal?.aborted !== true) {
        if (watcher.needsSnapshot) {
          watcher.needsSnapshot = false;
          watcher.queue = [];
          yield* this.#parts(watcher, snapshot(), signal);
          continue;
        }
        const event = watcher.queue.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve) => (watcher.wake = resolve));
      }
    } finally {
      this.#watchers.delete(watcher);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Gives up as soon as there is reason for a new snapshot. */
  async *#parts(watcher: Watcher<Event>, parts: Iterable<Event>, signal?: AbortSignal): AsyncGenerator<Event, void> {
    for (const part of parts) {
      yield part;
      await setImmediate();
      if (watcher.needsSnapshot || signal?.aborted) return;
      for (let [next] = watcher.queue; next !== undefined && this.#overtakes(next); [next] = watcher.queue) {
        watcher.queue.shift();
        yield next;
        if (watcher.needsSnapshot) return;
      }
    }
  }
}
