import type { Page } from '@playwright/test';
import type { PortMessage } from '../../../main/contract/bridge.ts';
import type { Port } from '../../../main/contract/client.ts';

type Relay = { standInRelay(id: string, data: string | null): void; standInPorts?: Map<string, MessagePort> };
type Listener = (event: { data: unknown }) => void;

const relays = new WeakMap<Page, Map<string, (data: string | null) => void>>();

/**
 * A port of a page of the Electron shell, for a test: asked for as the page asks for its own, and relayed message by
 * message. Text only, which is what all but the calls with files are made of.
 */
export async function openPagePort(page: Page): Promise<Port> {
  const listeners: Record<'message' | 'close', Listener[]> = { message: [], close: [] };
  const early: string[] = [];
  let isStarted = false;
  const take = (data: string | null) => {
    if (data === null) for (const listener of listeners.close) listener({ data });
    else if (isStarted) for (const listener of listeners.message) listener({ data });
    else early.push(data);
  };
  const id = crypto.randomUUID();
  (await relayOf(page)).set(id, take);
  await page.evaluate(askForPort, id);
  return {
    postMessage: (data) => void page.evaluate(sendTo, { id, data: data as string }).catch(() => take(null)),
    addEventListener: (type: 'message' | 'close', listener: Listener) => void listeners[type].push(listener),
    start() {
      isStarted = true;
      for (const data of early.splice(0)) take(data);
    },
    close: () => void page.evaluate(closePort, id).catch(() => {}),
  };
}

async function relayOf(page: Page): Promise<Map<string, (data: string | null) => void>> {
  const known = relays.get(page);
  if (known) return known;
  const relay = new Map<string, (data: string | null) => void>();
  relays.set(page, relay);
  await page.exposeFunction('standInRelay', (id: string, data: string | null) => relay.get(id)?.(data));
  return relay;
}

/** These three run in the page. */
function askForPort(id: string): Promise<void> {
  const relay = window as unknown as Relay;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  addEventListener('message', function take({ data, ports }: MessageEvent<PortMessage | null>) {
    if (data?.longhand !== 'port' || data.id !== id) return;
    removeEventListener('message', take);
    const [port] = ports;
    if (!port) return reject(new Error(data.error?.message));
    (relay.standInPorts ??= new Map()).set(id, port);
    port.addEventListener('message', (event: MessageEvent<string>) => relay.standInRelay(id, event.data));
    port.addEventListener('close', () => relay.standInRelay(id, null));
    port.start();
    resolve();
  });
  window.longhand?.connect(id);
  return promise;
}

function sendTo({ id, data }: { id: string; data: string }): void {
  (window as unknown as Relay).standInPorts?.get(id)?.postMessage(data);
}

function closePort(id: string): void {
  (window as unknown as Relay).standInPorts?.get(id)?.close();
}
