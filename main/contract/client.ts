import { createORPCClient, mapEventIterator, ORPCError } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { LonghandClient } from './index.ts';
import { isErrorCode, LonghandError } from './errors.ts';

/** The little of a MessagePort that the contract needs; Electron's, Node's and a browser's have it, and so has a socket's adapter. */
export interface Port {
  postMessage(data: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close', listener: () => void): void;
  start?(): void;
  close?(): void;
}

/**
 * A typed client over a port that is already open. Failures arrive as `LonghandError`; a port that closes
 * rejects the calls in flight. `TClient` is one of the client types of the contract.
 */
export function connect<TClient = LonghandClient>(port: Port): TClient {
  const link = new RPCLink({
    // oRPC's port type is a union of runtimes' own; ours is the part of it that all of them share.
    port: port,
    interceptors: [
      async ({ next }) => {
        try {
          const output = await next();
          return isAsyncIterator(output)
            ? mapEventIterator(output, {
                value: (value) => Promise.resolve(value),
                error: (e) => Promise.resolve(fromWire(e)),
              })
            : output;
        } catch (error) {
          throw fromWire(error);
        }
      },
    ],
  });
  port.start?.();
  return createORPCClient(link) as TClient;
}

export function isAsyncIterator(value: unknown): value is AsyncIterator<unknown, unknown, void> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value && 'next' in value;
}

function fromWire(error: unknown): unknown {
  if (!(error instanceof ORPCError)) return error;
  if (isErrorCode(error.code)) {
    return new LonghandError(error.code, error.message, (error.data ?? {}) as Record<string, unknown>);
  }
  if (error.code === 'BAD_REQUEST') {
    return new LonghandError('invalid-input', 'The request does not fit the contract.', {
      issues: error.data as unknown,
    });
  }
  return new LonghandError('internal', error.message);
}
