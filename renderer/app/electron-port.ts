import type { Bridge, PortMessage } from '../../main/contract/bridge.ts';
import type { Port } from '../../main/contract/client.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Dial } from './connection.ts';

type Page = Pick<Window, 'addEventListener' | 'removeEventListener'>;

const ANSWER_LIMIT_MS = 10_000;

/**
 * Dials the assistant through Electron's preload, which answers with a message of this window.
 * @param onFailure takes why there is no assistant, and will be none before `Bridge.restart`
 */
export function electronDial(bridge: Bridge, page: Page, onFailure: (error: LonghandError) => void): Dial {
  return (signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<Port>();
    const id = crypto.randomUUID();
    const take = (event: MessageEvent<unknown>) => {
      if (event.source !== page || !isPortMessage(event.data) || event.data.id !== id) return;
      const { error } = event.data;
      const [port] = event.ports;
      if (port) return resolve(port); // Electron gives ports the `close` event that browsers lack
      const why = new LonghandError(
        error?.code ?? 'assistant-stopped',
        error?.message ?? 'No port came.',
        error?.details,
      );
      onFailure(why);
      reject(why);
    };
    const giveUp = () => reject(new LonghandError('assistant-stopped', 'The shell did not answer.'));
    const timer = setTimeout(giveUp, ANSWER_LIMIT_MS);
    page.addEventListener('message', take);
    signal.addEventListener('abort', giveUp, { once: true });
    bridge.connect(id);
    return promise.finally(() => {
      clearTimeout(timer);
      page.removeEventListener('message', take);
      signal.removeEventListener('abort', giveUp);
    });
  };
}

function isPortMessage(data: unknown): data is PortMessage {
  return typeof data === 'object' && data !== null && 'longhand' in data && data.longhand === 'port' && 'id' in data;
}
