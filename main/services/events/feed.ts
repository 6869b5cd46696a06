/** More than this behind, a watcher is better served with a fresh snapshot than with what it missed. */
const MOST_QUEUED = 1000;

type Watcher<Event> = { queue: Event[]; needsSnapshot: boolean; wake: () => void };

/**
 * Tells any number of watchers what happens. Each gets a snapshot first and then every event after it, in order and
 * without a gap, provided that what is published has already happened: a snapshot is taken and its later events are
 * queued within one turn of the event loop. A slow watcher holds up nobody and costs a bounded queue.
 */
export class Feed<Event> {
  readonly #watchers = new Set<Watcher<Event>>();

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
  async *watch(snapshot: () => Event[], signal?: AbortSignal): AsyncGenerator<Event, void> {
    const watcher: Watcher<Event> = { queue: [], needsSnapshot: true, wake() {} };
    const onAbort = () => watcher.wake();
    this.#watchers.add(watcher);
    signal?.addEventListener('abort', onAbort);
    try {
      while (signal?.aborted !== true) {
        if (watcher.needsSnapshot) {
          watcher.needsSnapshot = false;
          watcher.queue = [];
          yield* snapshot();
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
}
