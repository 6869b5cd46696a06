import type { Settings } from '../../main/contract/system.ts';
import type { Connection } from '../app/connection.ts';
import { locale } from '../app/i18n/index.svelte.ts';

/** The few settings that the page itself obeys. The browser's preferences hold until the assistant has been asked. */
export class Appearance {
  theme = $state<Settings['theme']>('system');
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async load(): Promise<void> {
    this.#apply(await this.#connection.call((client) => client.system.settings()));
  }

  /** Shown at once; taken back if it could not be saved. */
  async change(change: Partial<Pick<Settings, 'theme' | 'language'>>): Promise<void> {
    const before = { theme: this.theme, language: locale.setting };
    this.#apply({ ...before, ...change });
    try {
      this.#apply(await this.#connection.call((client) => client.system.changeSettings(change)));
    } catch (error) {
      this.#apply(before);
      throw error;
    }
  }

  #apply({ theme, language }: Pick<Settings, 'theme' | 'language'>): void {
    this.theme = theme;
    locale.setting = language;
  }
}
