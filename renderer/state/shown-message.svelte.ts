import type { Message } from '../../main/contract/chat.ts';

/** One message on the screen. `text` runs ahead of `message.text` while an answer streams. */
export class ShownMessage {
  readonly id: string;
  readonly role: Message['role'];
  message: Message;
  text: string;
  /** Prompt tokens read so far, until the first token of the answer. */
  progress = $state.raw<{ done: number; total: number } | null>(null);
  /** The user asked to stop and the assistant has not confirmed yet. */
  stopping = $state(false);

  constructor(message: Message) {
    this.id = message.id;
    this.role = message.role;
    this.message = $state.raw(message);
    this.text = $state(message.text);
  }

  /** Not a derived value: ten thousand messages would make ten thousand of them. */
  get running(): boolean {
    return isRunning(this.message);
  }

  /** Takes the stored message in place of what was shown. */
  replace(message: Message): void {
    this.message = message;
    this.text = message.text;
    if (!isRunning(message)) {
      this.progress = null;
      this.stopping = false;
    }
  }
}

function isRunning({ state }: Message): boolean {
  return state === 'waiting' || state === 'streaming';
}
