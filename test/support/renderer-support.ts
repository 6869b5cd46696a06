import { expect, vi } from 'vitest';
import type { Port } from '../../main/contract/client.ts';
import { Connection, type ConnectionState } from '../../renderer/app/connection.ts';
import { Chat, type ChatOptions } from '../../renderer/state/chat.svelte.ts';
import { Model } from '../../renderer/state/model.svelte.ts';
import { ScriptedAssistant } from './scripted-assistant.ts';
import { readyStatus } from './scripted-data.ts';

/** What `sessionStorage` is to a page. */
export function memoryStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
  };
}

/** Waits until `check` throws no more. */
export const until = (check: () => void) => vi.waitFor(check, { timeout: 3000, interval: 5 });

/** A page's connection to an assistant in this process; `cut` breaks the line, which is dialled again. */
export class TestLine {
  #port: Port | null = null;
  readonly assistant = new ScriptedAssistant();
  readonly states: ConnectionState[] = [];
  readonly connection = new Connection(
    async () => (this.#port = this.assistant.connect()),
    (state) => this.states.push(state),
  );

  cut(): void {
    this.#port?.close?.();
  }
}

/** A chat at the end of a line, with frames that are painted on demand and a log of what it reported. */
export class TestChat {
  readonly line = new TestLine();
  readonly storage = memoryStorage();
  readonly model = new Model(this.line.connection);
  readonly heard: string[] = [];
  readonly titles: string[] = [];
  #frames: (() => void)[] = [];

  open(id: string | null): Chat {
    this.model.status = readyStatus;
    const options: ChatOptions = {
      connection: this.line.connection,
      model: this.model,
      storage: this.storage,
      onNextFrame: (paint) => this.#frames.push(paint),
      onConversation: ({ title }) => this.titles.push(title),
      onAnswer: (event) => this.heard.push(event),
    };
    return new Chat(id, options);
  }

  /** Writes `text` into the field of `chat` and sends it, once the line is up. */
  async ask(chat: Chat, text: string): Promise<void> {
    await until(() => expect(this.line.connection.state).toBe('connected'));
    chat.composer.text = text;
    await chat.send();
  }

  get waitingFrames(): number {
    return this.#frames.length;
  }

  paint = (): void => {
    for (const frame of this.#frames.splice(0)) frame();
  };
}
