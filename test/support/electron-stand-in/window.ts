import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type { BrowserContext, CDPSession, Page, Route } from '@playwright/test';
import { Wire, type Frame as WireFrame } from '../../../main/shell/node/wire.ts';
import { app } from './app.ts';
import { launchBrowser } from './browser.ts';
import { decode, encode } from './codec.ts';
import { told } from './control.ts';
import { ipcMain, type Frame } from './ipc.ts';
import { isolatedWorld, mainWorld } from './page.ts';
import type { MessagePortMain } from './port-main.ts';
import { schemes, session } from './session.ts';

const WORLD = 'Electron Isolated Context';
const SUFFIX = '.stand-in.test';
const PROMISING = ['chooseCheckpoint', 'chooseDocuments', 'chooseFolder', 'pathForFile']; // the bridge here does not see which methods promise before they are called

/** app://longhand/x is shown to Chromium as https://longhand.app.stand-in.test/x. */
const toWeb = (url: string) => url.replace(/^(\w+):\/\/([^/]+)/, `https://$2.$1${SUFFIX}`);
const toApp = (url: string) => url.replace(/^https:\/\/([^./]+)\.(\w+)\.stand-in\.test/, '$2://$1');

type Options = {
  width?: number;
  height?: number;
  webPreferences?: { preload?: string; sandbox?: boolean; contextIsolation?: boolean; nodeIntegration?: boolean };
};
type OpenHandler = (details: { url: string }) => { action: string };
type Up = ['ipc', string, unknown[]] | ['invoke', number, string, unknown[]] | WireFrame;

class WebContents extends EventEmitter {
  readonly mainFrame: Frame = { url: '', postMessage: () => {} };
  openHandler: OpenHandler = () => ({ action: 'deny' });
  reload = () => {};

  getURL(): string {
    return this.mainFrame.url;
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.openHandler = handler;
  }
}

export class BrowserWindow extends EventEmitter {
  static readonly #all = new Set<BrowserWindow>();
  readonly webContents = new WebContents();
  readonly #options: Options;
  page: Page | null = null;
  isLoaded = false;

  static getAllWindows(): BrowserWindow[] {
    return [...BrowserWindow.#all];
  }

  static fromWebContents(contents: unknown): BrowserWindow | null {
    return BrowserWindow.getAllWindows().find(({ webContents }) => webContents === contents) ?? null;
  }

  constructor(options: Options) {
    super();
    const { sandbox, contextIsolation, nodeIntegration } = options.webPreferences ?? {};
    if (!sandbox || contextIsolation === false || nodeIntegration) {
      throw new Error('the stand-in has sandboxed, isolated pages only');
    }
    this.#options = options;
    BrowserWindow.#all.add(this);
    app.windows.add(this);
    app.emit('web-contents-created', {}, this.webContents);
  }

  async loadURL(url: string): Promise<void> {
    const context = await launchBrowser();
    const unused = context.pages().find((page) => page.url() === 'about:blank' && !ownerOf(page));
    const page = (this.page = unused ?? (await context.newPage()));
    await allowWhatTheSessionAllows(context, url);
    page.on('popup', (popup) => void popup.close());
    page.on('crash', () => this.webContents.emit('render-process-gone', {}, { reason: 'crashed' }));
    page.on('close', () => this.#closed());
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame()) this.webContents.mainFrame.url = toApp(frame.url());
    });
    this.webContents.reload = () => void page.reload().catch(() => {});
    await page.route('**/*', (route) => serve(route, this));
    await this.#inject(await context.newCDPSession(page));
    await page.goto(toWeb(url));
    this.isLoaded = true;
    this.emit('ready-to-show');
  }

  show = () => told('window.show');
  focus = () => told('window.focus');
  maximize = () => {};
  restore = () => {};
  isMinimized = () => false;
  isMaximized = () => false;
  isDestroyed = () => !BrowserWindow.#all.has(this);
  getNormalBounds = () => ({ x: 10, y: 20, width: this.#options.width ?? 800, height: this.#options.height ?? 600 });

  close(): void {
    if (this.isDestroyed()) return;
    this.emit('close');
    BrowserWindow.#all.delete(this);
    void this.page?.close().catch(() => {});
  }

  #closed(): void {
    if (BrowserWindow.#all.delete(this)) this.emit('close');
    this.emit('closed');
    app.windowClosed(this);
  }

  async #inject(cdp: CDPSession): Promise<void> {
    let wire: Wire | null = null;
    const { webContents } = this;
    cdp.on('Runtime.executionContextCreated', ({ context: { id, name } }) => {
      if (name !== WORLD) return;
      wire?.closeAll(); // a reload ends the ports of the page before
      const send = (frame: unknown) => {
        const expression = `standInReceive(${JSON.stringify(encode(frame))})`;
        cdp.send('Runtime.evaluate', { contextId: id, expression }).catch(() => {});
      };
      const opened = (wire = new Wire({ send }));
      webContents.mainFrame.postMessage = (channel, message, ports = []) =>
        opened.transfer(
          [channel, message],
          (ports as MessagePortMain[]).map(({ raw }) => raw),
        );
      reply = (call, value) => send(['reply', call, value]);
    });
    let reply = (_call: number, _value: unknown) => {};
    cdp.on('Runtime.bindingCalled', ({ name, payload }) => {
      if (name !== 'standInSend') return;
      const frame = decode(payload) as Up;
      const event = { sender: webContents, senderFrame: webContents.mainFrame };
      if (frame[0] === 'ipc') ipcMain.emit(frame[1], event, ...frame[2]);
      else if (frame[0] === 'invoke') {
        const [, id, channel, args] = frame;
        void ipcMain.invoke(channel, event, args).then((value) => reply(id, value));
      } else wire?.receive(frame);
    });
    cdp.on('Page.windowOpen', ({ url }) => void webContents.openHandler({ url: toApp(url) }));
    const preload = readFileSync(this.#options.webPreferences?.preload ?? '', 'utf8');
    const isolated = call(
      isolatedWorld,
      `{ encode: ${String(encode)}, decode: ${String(decode)} }`,
      JSON.stringify(process.env.STAND_IN_FILES ?? ''),
      `(require) => { const process = ${JSON.stringify({ platform: process.platform })}; ${preload}\n }`,
    );
    await cdp.send('Runtime.enable');
    await cdp.send('Page.enable');
    await cdp.send('Runtime.addBinding', { name: 'standInSend', executionContextName: WORLD });
    await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: call(mainWorld, JSON.stringify(PROMISING)) });
    await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: isolated, worldName: WORLD });
  }
}

/** The source of a call, for a page to run. */
const call = (code: (...args: never[]) => void, ...args: string[]) => `(${String(code)})(${args.join(', ')});`;

const ownerOf = (page: Page) => BrowserWindow.getAllWindows().find((window) => window.page === page);

async function serve(route: Route, window: BrowserWindow): Promise<void> {
  const request = route.request();
  const url = toApp(request.url());
  const isNavigation = request.isNavigationRequest();
  let isStopped = false;
  const event = { url, isMainFrame: true, preventDefault: () => void (isStopped = true) };
  if (isNavigation && window.isLoaded) {
    event.isMainFrame = request.frame() === window.page?.mainFrame();
    window.webContents.emit('will-frame-navigate', event);
    if (event.isMainFrame && !isStopped) window.webContents.emit('will-navigate', event);
  }
  const handler = schemes.get(new URL(url).protocol.slice(0, -1));
  if (isStopped) return route.abort('aborted'); // which leaves the page as it was
  if (!session.defaultSession.passes(url) || handler === undefined) return route.abort('blockedbyclient');
  const response = await handler(new Request(url, { method: request.method() }));
  await route
    .fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(await response.arrayBuffer()),
    })
    .catch(() => {}); // the page may have gone meanwhile
}

/** Chromium's own answers follow those of the session's handlers. */
async function allowWhatTheSessionAllows(context: BrowserContext, url: string): Promise<void> {
  const names = {
    'clipboard-sanitized-write': 'clipboard-write',
    'clipboard-read': 'clipboard-read',
    geolocation: 'geolocation',
    notifications: 'notifications',
  };
  const granted = Object.entries(names).filter(([permission]) => session.defaultSession.allows(permission, url));
  await context.grantPermissions(
    granted.map(([, name]) => name),
    { origin: toWeb(new URL(url).protocol + '//' + new URL(url).host) },
  );
}
