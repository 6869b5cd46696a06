import type { Message } from '../../main/contract/chat.ts';
import { ShownMessage } from './shown-message.svelte.ts';

/**
 * The messages from the first one to the end of the shown branch. The newest come at once and those above them part by
 * part, while the reader reads and writes. What is above a message never changes, so a part has one place only, and
 * messages that are here already stay: a line that was lost and found again moves nothing.
 */
export class ShownPath {
  messages = $state.raw<ShownMessage[]>([]);
  /** There are messages above the first one that have not arrived yet. */
  hasOlder = $state(false);
  #byId = new Map<string, ShownMessage>();
  #waiting: (() => void)[] = [];
  readonly #update: (shown: ShownMessage, message: Message) => void;

  /** `update` is told what has arrived of a message that is here. */
  constructor(update: (shown: ShownMessage, message: Message) => void) {
    this.#update = update;
  }

  find(id: string): ShownMessage | undefined {
    return this.#byId.get(id);
  }

  /** The end of the path as it is stored. What was here and stands above it stays; all else goes. */
  takeNewest(messages: Message[], hasOlder: boolean): void {
    this.#place(messages, []);
    this.#arrived(hasOlder);
  }

  /** Messages that stand one above the other, the last of them above one that has arrived before. */
  takeOlder(messages: Message[], hasOlder: boolean): void {
    const isHere = ({ id }: Message) => this.#byId.has(id) || this.messages[0]?.message.parentId === id;
    // An edit may have cut off the branch that these end on; what is not here then stands on that branch only.
    const own = messages.slice(0, messages.findLastIndex(isHere) + 1);
    const last = own.at(-1);
    if (last) this.#place(own, this.messages.slice(this.#indexOf(last.id) + 1));
    this.#arrived(hasOlder);
  }

  /** A message that is new, or has changed. A new one follows its parent; what stood there belongs to another branch. */
  put(message: Message): void {
    const shown = this.find(message.id);
    if (shown) return this.#update(shown, message);
    const isFirst = message.parentId === null || this.messages.length === 0;
    if (isFirst || this.find(message.parentId ?? '')) this.#place([message], []);
  }

  /** Settles once all messages have arrived, or `giveUp` was called. */
  async whole(): Promise<void> {
    if (this.hasOlder) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  giveUp(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #arrived(hasOlder: boolean): void {
    this.hasOlder = hasOlder;
    if (!hasOlder) this.giveUp();
  }

  /** Puts `messages` between what is above the first of them and `below`. */
  #place(messages: Message[], below: ShownMessage[]): void {
    const parentId = messages[0]?.parentId ?? null;
    const above = parentId === null ? [] : this.messages.slice(0, this.#indexOf(parentId) + 1);
    let place = above.at(-1)?.place ?? (below[0] ? below[0].place - messages.length - 1 : -1);
    const placed = messages.map((message) => {
      place += 1;
      const shown = this.find(message.id);
      if (shown === undefined) return new ShownMessage(message, place);
      this.#update(shown, message);
      return shown;
    });
    this.messages = [...above, ...placed, ...below];
    this.#byId = new Map(this.messages.map((shown) => [shown.id, shown]));
  }

  #indexOf(id: string): number {
    return this.messages.findIndex((shown) => shown.id === id);
  }
}
