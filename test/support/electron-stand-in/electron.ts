/**
 * The parts of 'electron' that main/shell/electron/main.ts uses, in plain Node and a Chromium that Playwright drives.
 * What is real: the built bundles of all five processes, the ports between them, page policy and isolation of the
 * preload. What is not: the scheme (pages see https://longhand.app.stand-in.test), menus, sizes, fuses, asar, the ABI of
 * Electron's own Node, and Chromium's sandbox. It guards nothing; keep it out of a package.
 */
import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import { answered, told } from './control.ts';
import { ipcMain } from './ipc.ts';
import { MessageChannelMain } from './port-main.ts';
import { protocol, session } from './session.ts';
import { utilityProcess } from './utility.ts';
import { BrowserWindow } from './window.ts';

export { app, BrowserWindow, ipcMain, MessageChannelMain, protocol, session, utilityProcess };

type MenuItem = { label?: string; role?: string; submenu?: MenuItem[] };

export const Menu = {
  buildFromTemplate: (template: MenuItem[]) => template,
  setApplicationMenu: (template: MenuItem[]) => told('Menu.setApplicationMenu', template),
};

export const dialog = {
  showErrorBox: (title: string, text: string) => told('dialog.showErrorBox', title, text),
  showMessageBox: (_window: unknown, options: unknown) =>
    answered('dialog.showMessageBox', [options], { response: -1, checkboxChecked: false }),
  showOpenDialog: (_window: unknown, options: unknown) =>
    answered('dialog.showOpenDialog', [options], { canceled: true, filePaths: [] as string[] }),
};

export const shell = {
  openExternal: (address: string) => {
    told('shell.openExternal', address);
    return Promise.resolve();
  },
};

export const nativeTheme = { shouldUseDarkColors: false };

const workArea = { x: 0, y: 0, width: 1600, height: 1000 };
export const screen = Object.assign(new EventEmitter(), { getAllDisplays: () => [{ workArea }] });
