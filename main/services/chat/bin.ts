import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { BIN_DAYS } from '../../contract/bin-days.ts';
import { LonghandError } from '../../contract/errors.ts';
import { conversationOwner } from '../../contract/owner.ts';
import type { Prefiller } from '../prefill/prefiller.ts';
import type { Store } from '../store/open.ts';
import type { Snapshots } from '../system/snapshots.ts';
import type { Turns } from './turn.ts';
import type { ConversationWatch } from './watch.ts';

const KEPT_MS = BIN_DAYS * 24 * 60 * 60 * 1000;
/** A machine that sleeps stops its clock, so the bin is looked into more often than its days would ask for. */
const LOOK_EVERY_MS = 60 * 60 * 1000;
/** Another connection (a search, a backup) may hold the log for a moment; then erasing is tried again. */
const ERASE_TRIES = 20;
const ERASE_EVERY_MS = 250;

export type BinOptions = {
  store: Store;
  turns: Pick<Turns, 'stopConversation'>;
  /** What is read of it ends with it. */
  prefiller: Pick<Prefiller, 'stop'>;
  watch: ConversationWatch;
  /** Told of what was destroyed. */
  snapshots: Pick<Snapshots, 'forget'>;
  log(line: string): void;
  now?: () => number;
  lookEveryMs?: number;
};

/** Deleted conversations: kept for 30 days, then destroyed, so that their words are in no file of ours any more. */
export class Bin {
  readonly #options: BinOptions;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BinOptions) {
    this.#options = options;
  }

  /** Puts a conversation here. An answer that is being written ends first. @throws LonghandError `not-found` */
  async add(id: string): Promise<void> {
    const { store, turns, prefiller, watch } = this.#options;
    await Promise.all([turns.stopConversation(id), prefiller.stop(conversationOwner.of(id))]);
    store.conversations.softDelete(id);
    watch.removed(id);
  }

  /** Destroys what has been here for 30 days, now and from time to time until `close`. It keeps no process alive. */
  start(): void {
    const { log, lookEveryMs = LOOK_EVERY_MS } = this.#options;
    const look = () => {
      this.destroyExpired().catch((error: Error) => log(`the bin could not be emptied: ${error.message}`));
    };
    look();
    this.#timer = setInterval(look, lookEveryMs).unref();
  }

  /** Destroys what has been here for 30 days. Returns how many. */
  async destroyExpired(): Promise<number> {
    const { store, now = Date.now } = this.#options;
    return this.#destroy(store.conversations.deletedBefore(now() - KEPT_MS));
  }

  /** Destroys one, or all that are here. Returns how many. @throws LonghandError `not-found` for one that is not here */
  async purge(id?: string): Promise<number> {
    const { conversations } = this.#options.store;
    if (id === undefined) return this.#destroy(conversations.deletedBefore(Number.MAX_SAFE_INTEGER));
    const conversation = conversations.get(id);
    if (conversation === null || conversation.deletedMs === null) {
      throw new LonghandError('not-found', `There is no conversation ${id} in the bin.`, { id });
    }
    return this.#destroy([id]);
  }

  /** What is half destroyed when the app closes is a whole number of conversations; the rest goes at the next start. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** One at a time, so that tokens and calls pass between two. One that was restored meanwhile stays. */
  async #destroy(ids: readonly string[]): Promise<number> {
    const { store, snapshots } = this.#options;
    let purged = 0;
    for (const id of ids) {
      await setImmediate();
      if (this.#closed) return purged;
      const conversation = store.conversations.get(id);
      if (conversation === null || conversation.deletedMs === null) continue;
      store.conversations.destroy(id);
      void snapshots.forget([conversationOwner.of(id)]);
      purged++;
    }
    if (purged > 0) await this.#erase();
    return purged;
  }

  async #erase(): Promise<void> {
    for (let tries = 0; tries < ERASE_TRIES && !this.#closed; tries++) {
      if (this.#options.store.checkpoint()) return;
      await sleep(ERASE_EVERY_MS);
    }
  }
}
