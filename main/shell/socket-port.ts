import { WebSocket } from 'ws';
import type { Port } from '../contract/client.ts';
import { LonghandError } from '../contract/errors.ts';

export const SOCKET_PATH = '/assistant';
export const SOCKET_PROTOCOL = 'longhand';

const OPEN_LIMIT_MS = 5000;

/**
 * Opens a port to the assistant of a Longhand that runs elsewhere on this machine, as its page does.
 * @param address `http://127.0.0.1:PORT`
 * @throws LonghandError `unauthorised` when it refuses the token, `assistant-stopped` when nobody answers
 */
export function openSocketPort(address: string, token: string): Promise<Port> {
  const { promise, resolve, reject } = Promise.withResolvers<Port>();
  const socket = new WebSocket(`${address.replace('http:', 'ws:')}${SOCKET_PATH}`, [SOCKET_PROTOCOL, token], {
    origin: address,
    handshakeTimeout: OPEN_LIMIT_MS,
    perMessageDeflate: false,
  });
  const port = socketPort(socket); // listens at once, so that nothing is missed
  socket.on('open', () => resolve(port));
  socket.on('unexpected-response', (_request, response) => {
    socket.terminate();
    reject(new LonghandError('unauthorised', `${address} refused the connection (${response.statusCode}).`));
  });
  socket.on('error', (error) => {
    reject(new LonghandError('assistant-stopped', `${address} does not answer.`, {}, { cause: error }));
  });
  return promise;
}

/** A WebSocket as a port: text stays text and bytes stay bytes, which is all that oRPC asks for. */
export function socketPort(socket: WebSocket): Port {
  return {
    postMessage(data) {
      if (socket.readyState === WebSocket.OPEN) socket.send(data as string | Uint8Array);
    },
    addEventListener(type: 'message' | 'close', listener: (event: { data: unknown }) => void) {
      if (type === 'close') socket.on('close', listener);
      else
        socket.on('message', (data: Buffer, isBinary: boolean) =>
          listener({ data: isBinary ? data : data.toString() }),
        );
    },
    close: () => socket.close(),
  };
}
