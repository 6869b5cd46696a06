import { EventEmitter } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeBrowser, launchBrowser } from './browser.ts';
import { told } from './control.ts';

type Closable = { close(): void };

class App extends EventEmitter {
  readonly isPackaged = false;
  readonly windows = new Set<Closable>();
  readonly #paths = new Map([['userData', join(tmpdir(), `stand-in-${process.pid}`)]]);
  #lock: Promise<boolean> = Promise.resolve(true);
  #isQuitting = false;

  getPath(name: string): string {
    return this.#paths.get(name) ?? tmpdir();
  }

  setPath(name: string, given: string): void {
    const path = process.env.STAND_IN_USER_DATA ?? given;
    mkdirSync(path, { recursive: true });
    this.#paths.set(name, path);
  }

  getPreferredSystemLanguages(): string[] {
    return [process.env.STAND_IN_LANGUAGE ?? 'en-US'];
  }

  enableSandbox(): void {
    told('app.enableSandbox');
  }

  /** Electron knows at once; here the answer is awaited before the app is ready, and a second start ends then. */
  requestSingleInstanceLock(): boolean {
    this.#lock = this.#takeLock();
    return true;
  }

  async whenReady(): Promise<void> {
    if (!(await this.#lock)) process.exit(0);
    await launchBrowser();
  }

  relaunch(): void {
    told('app.relaunch');
  }

  quit(): void {
    void this.#quit();
  }

  windowClosed(window: Closable): void {
    this.windows.delete(window);
    if (this.windows.size === 0 && !this.#isQuitting) this.emit('window-all-closed');
  }

  async #quit(): Promise<void> {
    this.#isQuitting = true;
    for (const window of this.windows) window.close();
    let isPrevented = false;
    this.emit('will-quit', { preventDefault: () => void (isPrevented = true) });
    if (isPrevented) return;
    await closeBrowser();
    process.exit(0);
  }

  #takeLock(): Promise<boolean> {
    const path = join(this.getPath('userData'), 'instance');
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const first = connect(path);
    first.on('connect', () => resolve(false));
    first.on('error', () => {
      rmSync(path, { force: true });
      const server = createServer((second) => {
        second.destroy();
        this.emit('second-instance');
      });
      server.listen(path, () => resolve(true)).unref();
    });
    return promise;
  }
}

export const app = new App();
process.on('SIGTERM', () => app.quit());
