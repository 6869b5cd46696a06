/**
 * Runs in the page's isolated world: all that the page has of the machine. A port cannot cross the context bridge, so it
 * goes to the page as a message of its own window.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { Bridge } from '../../contract/bridge.ts';
import { channels } from './channels.ts';

const bridge: Bridge = {
  platform: process.platform,
  connect: (id) => ipcRenderer.send(channels.connect, id),
  // A page cannot make a file that has a path: whatever has one came from the user's hand.
  async pathForFile(file) {
    const path = webUtils.getPathForFile(file);
    if (path !== '') await ipcRenderer.invoke(channels.dropped, path);
    return path;
  },
  chooseCheckpoint: () => ipcRenderer.invoke(channels.chooseCheckpoint) as Promise<string[]>,
  chooseDocuments: () => ipcRenderer.invoke(channels.chooseDocuments) as Promise<string[]>,
  chooseFolder: () => ipcRenderer.invoke(channels.chooseFolder) as Promise<string | null>,
  restart: () => ipcRenderer.send(channels.restart),
  speak: (language) => ipcRenderer.send(channels.speak, language),
};

ipcRenderer.on(channels.port, (event, message: unknown) => window.postMessage(message, '/', [...event.ports]));
contextBridge.exposeInMainWorld('longhand', bridge);
