import { app, dialog, shell, type BrowserWindow, type Session, type WebContents } from 'electron';
import { externalAddress, isOurs } from './address.ts';
import type { Words } from './words.ts';

const ALLOWED = 'clipboard-sanitized-write';

/** Takes from every page of this session what a page of ours has no use for: permissions, devices and the network. */
export function guardSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, decide) =>
    decide(permission === ALLOWED && isOurs(contents.getURL())),
  );
  session.setPermissionCheckHandler((_contents, permission, origin) => permission === ALLOWED && isOurs(`${origin}/`));
  session.setDevicePermissionHandler(() => false);
  session.webRequest.onBeforeRequest(({ url }, decide) => decide({ cancel: !isLocal(url) }));
}

/** Keeps every web page that comes to be in this app where it is: no other address, no second window, no web view. */
export function guardAllContents(words: () => Words, windowOf: (contents: WebContents) => BrowserWindow | null): void {
  app.on('web-contents-created', (_event, contents) => {
    const leave = (address: string) => void confirmExternal(address, windowOf(contents), words());
    contents.on('will-navigate', (event) => {
      if (isOurs(event.url)) return;
      event.preventDefault();
      leave(event.url);
    });
    contents.on('will-frame-navigate', (event) => {
      // Of our own files only the one that draws diagrams lets itself be framed; its policy says so.
      if (!event.isMainFrame && !event.url.startsWith('about:') && !isOurs(event.url)) event.preventDefault();
    });
    contents.on('will-redirect', (event) => {
      if (!isOurs(event.url)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      leave(url);
      return { action: 'deny' };
    });
  });
}

let isAsking = false;

/** Opens an address in the program that the system has for it, once the user has seen it in full and said yes. */
async function confirmExternal(address: string, window: BrowserWindow | null, words: Words): Promise<void> {
  const shown = externalAddress(address);
  if (shown === null || window === null || isAsking) return; // a page cannot pile up questions
  isAsking = true;
  try {
    const { response } = await dialog.showMessageBox(window, {
      type: 'question',
      message: words.openLink,
      detail: shown,
      buttons: [words.open, words.cancel],
      defaultId: 1,
      cancelId: 1,
      noLink: true,
    });
    if (response === 0) await shell.openExternal(shown);
  } finally {
    isAsking = false;
  }
}

/** Our own files, what a page makes of its own bytes, and the developer tools' pages. */
const isLocal = (address: string) => isOurs(address) || /^(blob|data|devtools|chrome-devtools):/.test(address);
