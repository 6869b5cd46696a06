import { EventEmitter } from 'node:events';
import { onOrder, told } from './control.ts';

export type Frame = { url: string; postMessage(channel: string, message: unknown, ports?: unknown[]): void };
export type IpcEvent = { sender: { mainFrame: Frame }; senderFrame: Frame | null };
type Handler = (event: IpcEvent, ...args: unknown[]) => unknown;

class IpcMain extends EventEmitter {
  readonly #handlers = new Map<string, Handler>();

  handle(channel: string, handler: Handler): void {
    this.#handlers.set(channel, handler);
  }

  async invoke(channel: string, event: IpcEvent, args: unknown[]): Promise<unknown> {
    const handler = this.#handlers.get(channel);
    if (!handler) throw new Error(`No handler registered for '${channel}'`);
    return handler(event, ...args);
  }
}

export const ipcMain = new IpcMain();

onOrder((order) => {
  if (!('ipc' in order)) return;
  const frame = (url: string): Frame => ({
    url,
    postMessage: (channel, message, ports = []) => told('frame.postMessage', channel, message, ports.length),
  });
  const senderFrame = frame(order.from);
  const sender = { mainFrame: order.isMainFrame ? senderFrame : frame('app://longhand/index.html') };
  const event = { sender, senderFrame };
  if (!ipcMain.emit(order.ipc, event, ...order.args)) {
    void ipcMain.invoke(order.ipc, event, order.args).then(
      (value) => told('ipcMain.handled', value),
      (error: Error) => told('ipcMain.failed', error.message),
    );
  }
});
