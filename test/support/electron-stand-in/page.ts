/**
 * What runs in a page of the stand-in. Both functions go there as their source: nothing from outside of them but what
 * they are given.
 */

type Codec = { encode(frame: unknown): string; decode(text: string): unknown };
type Down =
  ['open', number[], [string, unknown]] | ['data', number, unknown] | ['close', number] | ['reply', number, unknown];
type Listener = (event: { ports: MessagePort[] }, ...args: unknown[]) => void;
type Api = Record<string, unknown>;

/** The preload's own world: `require('electron')` and the wire to the main process. */
export function isolatedWorld({ encode, decode }: Codec, files: string, preload: (require: unknown) => void): void {
  const scope = globalThis as unknown as { standInSend(text: string): void; standInReceive(text: string): void };
  const send = scope.standInSend;
  const ports = new Map<number, MessagePort>();
  const replies = new Map<number, (value: unknown) => void>();
  const listeners = new Map<string, Listener[]>();
  let calls = 0;

  scope.standInReceive = (text) => {
    const frame = decode(text) as Down;
    if (frame[0] === 'open') {
      const [channel, message] = frame[2];
      const opened = frame[1].map(accept);
      for (const listener of listeners.get(channel) ?? []) listener({ ports: opened }, message);
    } else if (frame[0] === 'data') ports.get(frame[1])?.postMessage(frame[2]);
    else if (frame[0] === 'close') {
      ports.get(frame[1])?.postMessage('stand-in:close');
      ports.delete(frame[1]);
    } else replies.get(frame[1])?.(frame[2]);
  };

  function accept(id: number): MessagePort {
    const { port1, port2 } = new MessageChannel();
    ports.set(id, port1);
    port1.onmessage = ({ data }) => {
      if (data !== 'stand-in:close') send(encode(['data', id, data]));
      else if (ports.delete(id)) send(encode(['close', id]));
    };
    return port2;
  }

  const ipcRenderer = {
    on: (channel: string, listener: Listener) => listeners.set(channel, [...(listeners.get(channel) ?? []), listener]),
    send: (channel: string, ...args: unknown[]) => send(encode(['ipc', channel, args])),
    invoke(channel: string, ...args: unknown[]) {
      const id = (calls += 1);
      const { promise, resolve } = Promise.withResolvers<unknown>();
      replies.set(id, resolve);
      send(encode(['invoke', id, channel, args]));
      return promise;
    },
  };
  const contextBridge = {
    exposeInMainWorld(name: string, api: Api) {
      addEventListener(`stand-in:call:${name}`, (event) => {
        const { id, method, args } = JSON.parse((event as CustomEvent<string>).detail) as Record<string, unknown[]> & {
          method: string;
        };
        const value = (api[method] as (...given: unknown[]) => unknown)(...(args ?? []));
        const answer = (result: unknown) =>
          dispatchEvent(new CustomEvent('stand-in:return', { detail: JSON.stringify({ id, result }) }));
        if (value instanceof Promise) void value.then(answer);
        else answer(value);
      });
      const members = Object.entries(api).map(([key, value]) => [key, typeof value === 'function' ? null : value]);
      dispatchEvent(new CustomEvent('stand-in:expose', { detail: JSON.stringify({ name, members }) }));
    },
  };
  // A page's own file tells no path here: files lie in the folder that the test names.
  const webUtils = { getPathForFile: (file: { name: string }) => `${files}/${file.name}` };
  preload((id: string) => {
    if (id === 'electron') return { ipcRenderer, contextBridge, webUtils };
    throw new Error(`a sandboxed preload cannot load ${id}`);
  });
}

/**
 * The page's own world: makes what the preload exposes, and gives ports the `close` event that Electron adds to them and
 * Chromium lacks. `asynchronous` names the methods that promise.
 */
export function mainWorld(asynchronous: string[]): void {
  let calls = 0;
  addEventListener('message', ({ ports }) => {
    for (const port of ports) {
      const close = port.close.bind(port);
      port.addEventListener('message', (event) => {
        if (event.data !== 'stand-in:close') return;
        event.stopImmediatePropagation();
        close();
        port.dispatchEvent(new Event('close'));
      });
      port.close = () => {
        port.postMessage('stand-in:close');
        close();
      };
    }
  });
  addEventListener(
    'stand-in:expose',
    (exposed) => {
      const { name, members } = JSON.parse((exposed as CustomEvent<string>).detail) as {
        name: string;
        members: [string, unknown][];
      };
      const call = (method: string, args: unknown[]) => {
        const id = (calls += 1);
        const { promise, resolve } = Promise.withResolvers<unknown>();
        let value: unknown;
        const take = (event: Event) => {
          const answer = JSON.parse((event as CustomEvent<string>).detail) as { id: number; result?: unknown };
          if (answer.id !== id) return;
          removeEventListener('stand-in:return', take);
          resolve((value = answer.result));
        };
        addEventListener('stand-in:return', take);
        const plain = args.map((arg) => (arg instanceof File ? { name: arg.name } : arg));
        dispatchEvent(
          new CustomEvent(`stand-in:call:${name}`, { detail: JSON.stringify({ id, method, args: plain }) }),
        );
        return asynchronous.includes(method) ? promise : value;
      };
      const api = members.map(([key, value]) => [key, value ?? ((...args: unknown[]) => call(key, args))]);
      Object.defineProperty(window, name, { value: Object.freeze(Object.fromEntries(api)) });
    },
    { once: true },
  );
}
