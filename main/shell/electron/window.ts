import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { app, BrowserWindow, dialog, nativeTheme, screen } from 'electron';
import { restartDelayMs } from '../restart-policy.ts';
import { PAGE } from './address.ts';
import { choosePlace, readPlace, type Place } from './place.ts';
import type { Words } from './words.ts';

const GROUND = { light: '#faf8f4', dark: '#151817' }; // the page's own, so that no flash comes before it

export type WindowOptions = {
  preload: string;
  words(): Words;
  /** Called when the page is there to be seen. */
  onShown(): void;
};

/** The window, where it was when it was last closed. A page that dies is loaded again. */
export function openWindow({ preload, words, onShown }: WindowOptions): BrowserWindow {
  const file = join(app.getPath('userData'), 'window.json');
  const saved = readPlace(file);
  const screens = screen.getAllDisplays().map(({ workArea }) => workArea);
  const window = new BrowserWindow({
    ...choosePlace(saved, screens),
    minWidth: 360,
    minHeight: 480,
    show: false,
    title: 'Longhand',
    backgroundColor: nativeTheme.shouldUseDarkColors ? GROUND.dark : GROUND.light,
    autoHideMenuBar: true,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false, // it would download dictionaries
    },
  });
  if (saved?.maximised) window.maximize();
  window.once('ready-to-show', () => {
    window.show();
    onShown();
  });
  window.on('close', () => rememberPlace(file, window));
  const deathsMs: number[] = [];
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return;
    const now = Date.now();
    deathsMs.push(now);
    const delayMs = restartDelayMs(deathsMs, now);
    if (delayMs === null) return dialog.showErrorBox('Longhand', words().pageStopped);
    setTimeout(() => window.isDestroyed() || window.webContents.reload(), delayMs);
  });
  void window.loadURL(PAGE);
  return window;
}

function rememberPlace(file: string, window: BrowserWindow): void {
  const { x, y, width, height } = window.getNormalBounds();
  const place: Place = { x, y, width, height, maximised: window.isMaximized() };
  try {
    writeFileSync(file, `${JSON.stringify(place)}\n`);
  } catch {
    // A full disk costs the user the place of the window and nothing else.
  }
}
