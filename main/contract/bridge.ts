import type { Language } from './common.ts';
import type { StoredError } from './errors.ts';

/** What Electron's preload gives to the page as `window.longhand`, and no more. In the browser shell there is none. */
export type Bridge = {
  /** Node's name of the platform: 'darwin', 'linux', 'win32'. */
  readonly platform: string;
  /** Asks for a port to the assistant. The answer is a message of this window, a `PortMessage` with the same `id`. */
  connect(id: string): void;
  /** The path of a file that the user dropped or chose, which may be used from then on; '' where it lies on no disk. */
  pathForFile(file: File): Promise<string>;
  /** Lets the user choose files of models in the system's own dialog; their paths may be used from then on. */
  chooseCheckpoint(): Promise<string[]>;
  /** The same for documents. */
  chooseDocuments(): Promise<string[]>;
  /** Lets the user choose a folder to keep the data in. Null: none was chosen. */
  chooseFolder(): Promise<string | null>;
  /** Starts the assistant again after an error that ended it for good. */
  restart(): void;
  /** Has menus and dialogs of the system speak the language of the page. */
  speak(language: Language): void;
};

/** Carries one port, or the reason why there will be none. */
export type PortMessage = { longhand: 'port'; id: string; error: StoredError | null };

declare global {
  interface Window {
    longhand?: Bridge;
  }
}
