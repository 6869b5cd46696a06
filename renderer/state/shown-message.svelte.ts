import type { Message } from '../../main/contract/chat.ts';

type Progress = { done: number; total: number };

/** What is known of a message only while its answer is being written. */
type Live = { text: string; progress: Progress | null; stopping: boolean };

/**
 * One message on the screen. `text` runs ahead of `message.text` while an answer streams. A conversation has ten
 * thousand of these, so each keeps but two signals: what is stored, and what is live, if anything is.
 */
export class ShownMessage {
  readonly id: string;
  /** Its place among the others, counted from one of them: it stays while messages come above and below. */
  readonly place: number;
  readonly role: Message['role'];
  message: Message;
  #live = $state.raw<Live | null>(null);

  constructor(message: Message, place: number) {
    this.id = message.id;
    this.place = place;
    this.role = message.role;
    this.message = $state.raw(message);
  }

  get running(): boolean {
    return isRunning(this.message);
  }

  get text(): string {
    return this.#live?.text ?? this.message.text;
  }

  set text(text: string) {
    this.#change({ text });
  }

  /** Prompt tokens read so far, until the first token of the answer. */
  get progress(): Progress | null {
    return this.#live?.progress ?? null;
  }

  set progress(progress: Progress | null) {
    if (progress !== this.progress) this.#change({ progress });
  }

  /** The user asked to stop and the assistant has not confirmed yet. */
  get stopping(): boolean {
    return this.#live?.stopping ?? false;
  }

  set stopping(stopping: boolean) {
    this.#change({ stopping });
  }

  /** Takes the stored message in place of what was shown. */
  replace(message: Message): void {
    this.message = message;
    this.#live = isRunning(message) && this.#live ? { ...this.#live, text: message.text } : null;
  }

  #change(change: Partial<Live>): void {
    const { text, progress, stopping } = this;
    this.#live = { text, progress, stopping, ...change };
  }
}

function isRunning({ state }: Message): boolean {
  return state === 'waiting' || state === 'streaming';
}
