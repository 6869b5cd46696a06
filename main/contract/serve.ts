import { mapEventIterator, ORPCError } from '@orpc/client';
import { RPCHandler } from '@orpc/server/message-port';
import { isAsyncIterator, type Port } from './client.ts';
import { toStoredError } from './errors.ts';

type Router = ConstructorParameters<typeof RPCHandler<Record<never, never>>>[0];

/** Serves `router` on ports. Thrown errors cross with their code and details, those of running streams too. */
export function createServer(router: Router): { serve(port: Port): void } {
  const handler = new RPCHandler(router, {
    clientInterceptors: [
      async ({ next }) => {
        try {
          const output: unknown = await next();
          return isAsyncIterator(output)
            ? mapEventIterator(output, {
                value: (value) => Promise.resolve(value),
                error: (e) => Promise.resolve(toWire(e)),
              })
            : output;
        } catch (error) {
          throw toWire(error);
        }
      },
    ],
  });
  return {
    serve(port) {
      handler.upgrade(port);
      port.start?.();
    },
  };
}

function toWire(error: unknown): unknown {
  if (error instanceof ORPCError) return error;
  const { code, message, details } = toStoredError(error);
  return new ORPCError(code, { message, data: details });
}
