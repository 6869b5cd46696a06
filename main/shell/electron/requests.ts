import {
  dialog,
  ipcMain,
  type BrowserWindow,
  type FileFilter,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
} from 'electron';
import { z } from 'zod';
import type { PortMessage } from '../../contract/bridge.ts';
import { language, type Language } from '../../contract/common.ts';
import type { Port } from '../../contract/client.ts';
import { toStoredError } from '../../contract/errors.ts';
import type { ChosenPaths } from '../chosen-paths.ts';
import { isOurs } from './address.ts';
import { channels } from './channels.ts';
import { unwrap } from './platform.ts';
import type { Words } from './words.ts';

const connectArguments = z.tuple([z.string().regex(/^[\w-]{1,64}$/)]);
const languageArguments = z.tuple([language]);
const pathArguments = z.tuple([z.string().min(1).max(32_768)]);
const noArguments = z.tuple([]);

export type RequestOptions = {
  words(): Words;
  windowOf(event: IpcMainEvent | IpcMainInvokeEvent): BrowserWindow | null;
  /** A new port to the assistant. @throws LonghandError why there will be none */
  connectPage(): Port;
  /** What the user gave to the page, and it may name to the assistant. */
  chosen: ChosenPaths;
  restart(): void;
  /** The page speaks another language from now on. */
  speak(language: Language): void;
};

/** Answers what the preload asks: of our own page, in its own window, with arguments of the agreed form. */
export function answerRequests({ words, windowOf, connectPage, chosen, restart, speak }: RequestOptions): void {
  ipcMain.on(channels.connect, (event, ...given) => {
    const sender = event.senderFrame;
    if (!isOurPage(event) || sender === null) return;
    const { data: parsed } = connectArguments.safeParse(given);
    if (parsed === undefined) return;
    const message: PortMessage = { longhand: 'port', id: parsed[0], error: null };
    try {
      sender.postMessage(channels.port, message, [unwrap(connectPage())]);
    } catch (error) {
      sender.postMessage(channels.port, { ...message, error: toStoredError(error) });
    }
  });
  ipcMain.on(channels.restart, (event, ...given) => {
    if (isOurPage(event) && noArguments.safeParse(given).success) restart();
  });
  ipcMain.on(channels.speak, (event, ...given) => {
    const { data: parsed } = languageArguments.safeParse(given);
    if (isOurPage(event) && parsed !== undefined) speak(parsed[0]);
  });
  const answerChoice = (channel: string, options: () => { title: string; filters?: FileFilter[] }) =>
    ipcMain.handle(channel, async (event, ...given) => {
      const window = windowOf(event);
      if (!isOurPage(event) || window === null || !noArguments.safeParse(given).success) return [];
      const { filePaths } = await dialog.showOpenDialog(window, {
        ...options(),
        // Elsewhere a dialog for both shows folders only.
        properties: [
          'openFile',
          'multiSelections',
          ...(process.platform === 'darwin' ? ['openDirectory' as const] : []),
        ],
      });
      for (const path of filePaths) chosen.add(path);
      return filePaths;
    });
  answerChoice(channels.chooseCheckpoint, () => ({
    title: words().chooseModel,
    filters: [{ name: words().modelFiles, extensions: ['gguf', 'safetensors', 'json', 'txt', 'jinja', 'onnx'] }],
  }));
  answerChoice(channels.chooseDocuments, () => ({ title: words().chooseDocuments }));
  ipcMain.handle(channels.chooseFolder, async (event, ...given) => {
    const window = windowOf(event);
    if (!isOurPage(event) || window === null || !noArguments.safeParse(given).success) return null;
    const { filePaths } = await dialog.showOpenDialog(window, {
      title: words().chooseFolder,
      properties: ['openDirectory', 'createDirectory'],
    });
    for (const path of filePaths) chosen.add(path);
    return filePaths[0] ?? null;
  });
  ipcMain.handle(channels.dropped, (event, ...given) => {
    const { data: parsed } = pathArguments.safeParse(given);
    if (isOurPage(event) && parsed !== undefined) chosen.add(parsed[0]);
  });
}

/** True for the main frame of a window that shows our page; a frame inside it, or another address, is refused. */
function isOurPage({ sender, senderFrame }: IpcMainEvent | IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame === sender.mainFrame && isOurs(senderFrame.url);
}
