import type { Settings } from '../../main/contract/system.ts';
import type { Connection } from '../app/connection.ts';
import { locale } from '../app/i18n/index.svelte.ts';

/** The settings as the page knows them. The browser's preferences hold until the assistant has been asked. */
export class Preferences {
  current = $state.raw<Settings | null>(null);
  readonly theme = $derived(this.current?.theme ?? 'system');
  readonly reading = $derived(this.current?.reading ?? 'serif');
  readonly keys = $derived(this.current?.keys ?? {});
  readonly announce = $derived(this.current?.announce ?? 'ends');
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async load(): Promise<void> {
    this.#apply(await this.#connection.call((client) => client.system.settings()));
  }

  /** Shown at once; taken back if it could not be saved. */
  async change(change: Partial<Settings>): Promise<void> {
    const before = this.current;
    if (before) this.#apply({ ...before, ...change });
    try {
      this.#apply(await this.#connection.call((client) => client.system.changeSettings(change)));
    } catch (error) {
      if (before) this.#apply(before);
      throw error;
    }
  }

  #apply(settings: Settings): void {
    this.current = settings;
    locale.setting = settings.language;
  }
}
