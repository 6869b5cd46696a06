import type { Port } from '../../main/contract/client.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { Dial } from './connection.ts';

const REFUSALS_BELIEVED = 3;

/** The token in an address's fragment. Fragments that begin with '/' are places inside the page. */
export function tokenIn(hash: string): string | null {
  const fragment = hash.slice(1);
  return fragment === '' || fragment.startsWith('/') ? null : fragment;
}

/**
 * Takes the token out of the address, where others could read it, and keeps it for this tab, so that a reload works.
 * Returns '' when this tab never had one.
 */
export function takeToken(page: Pick<Window, 'location' | 'history' | 'sessionStorage'>): string {
  const token = tokenIn(page.location.hash);
  if (token !== null) {
    page.sessionStorage.setItem('token', token);
    page.history.replaceState(null, '', page.location.pathname);
  }
  return page.sessionStorage.getItem('token') ?? '';
}

/**
 * Dials the browser shell's WebSocket. A browser does not tell a refused socket from an absent server, so a failure
 * counts as a refusal only while no attempt has ever succeeded and the server answers an ordinary request.
 */
export function socketDial(host: string, token: string): Dial {
  let hasOpened = false;
  let refusals = 0;
  return async (signal) => {
    if (!/^[\w.~-]+$/.test(token)) throw new LonghandError('unauthorised', 'This address carries no token.');
    try {
      const port = await openSocket(`ws://${host}/assistant`, token, signal);
      hasOpened = true;
      return port;
    } catch (error) {
      if (!hasOpened && (await answers())) refusals += 1;
      if (refusals < REFUSALS_BELIEVED) throw error;
      refusals = 0;
      throw new LonghandError('unauthorised', 'The token of this address was not accepted.', {}, { cause: error });
    }
  };
}

function openSocket(url: string, token: string, signal: AbortSignal): Promise<Port> {
  const { promise, resolve, reject } = Promise.withResolvers<Port>();
  const socket = new WebSocket(url, ['longhand', token]);
  socket.binaryType = 'arraybuffer';
  signal.addEventListener('abort', () => socket.close(), { once: true });
  socket.addEventListener('open', () => resolve(asPort(socket)));
  socket.addEventListener('close', ({ code }) => reject(new Error(`The socket closed with ${code}.`)));
  return promise;
}

function asPort(socket: WebSocket): Port {
  return {
    postMessage(data) {
      // A closed socket drops what it is given; the caller has to learn that nobody will answer.
      if (socket.readyState !== WebSocket.OPEN) throw new Error('The socket is closed.');
      socket.send(data as string | ArrayBuffer);
    },
    addEventListener(type: 'message' | 'close', listener: (event: { data: unknown }) => void) {
      socket.addEventListener(type, listener as unknown as EventListener);
    },
    close: () => socket.close(),
  };
}

async function answers(): Promise<boolean> {
  try {
    await fetch('/', { method: 'HEAD', cache: 'no-store' });
    return true;
  } catch {
    return false;
  }
}
