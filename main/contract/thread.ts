import { setImmediate } from 'node:timers/promises';
import { parentPort, Worker, workerData, type MessagePort, type ResourceLimits } from 'node:worker_threads';
import { LonghandError, toStoredError, type ErrorCode } from './errors.ts';

type Request<Input> = { id: number; input: Input };
type Message<Input> = Request<Input> | { drop: number } | { end: true };
type Reply<Output> = { id: number; output: Output } | { id: number; failure: Failure };
/** What crosses the border of an error: of which class it is, and what that is made of. */
type Failure = {
  of: 'longhand' | 'system' | number;
  code: string;
  message: string;
  details: Record<string, unknown>;
};
/** A class of errors that callers tell apart, besides LonghandError and the system's. */
type ErrorClass = new (
  code: never,
  message: string,
  details: Record<string, unknown>,
) => Error & { code: string; details: Record<string, unknown> };
type Purpose = { name: string; setup: unknown };
type Waiting<Output> = { resolve(output: Output): void; reject(error: Error): void; stopWaiting(): void };

const MARK = 'longhand-thread';
const purpose = (workerData as Partial<Record<typeof MARK, Purpose>> | null)?.[MARK];

/**
 * True in a thread that `defineThread` has started. It runs the file of its definition or, from a bundle, whatever file
 * that was put into: an entry that may be that file does nothing there.
 */
export const isThread = purpose !== undefined;

/** One call after another, each with the signal that its caller may stop it by. */
export type Work<Input, Output> = (input: Input, signal: AbortSignal) => Output | Promise<Output>;

export type Thread<Input, Output> = {
  /** @throws what the work throws (see `errors`), or the reason of `signal`; a call that is stopped before its turn is not made */
  call(input: Input, options?: { signal?: AbortSignal | undefined }): Promise<Output>;
  /**
   * Ends the thread; calls under way fail with `cancelled`. It ends by itself between two calls, since native code must not be
   * torn down within one; after five seconds, or with `now`, it is ended wherever it is.
   */
  close(options?: { now?: boolean }): Promise<void>;
};

/** What a thread does: `prepare` runs once in it; what it gives to `atEnd` is called before it ends by itself. */
export type Prepare<Setup, Input, Output> = (setup: Setup, atEnd: (close: () => void) => void) => Work<Input, Output>;

const END_MS = 5000;

/**
 * Work that others must not wait for, in a thread of its own. Called at the top level of a module, whose
 * `import.meta.url` is `file`; `prepare` runs once in the thread, with what `open` was given.
 * LonghandErrors, errors of the system (ENOSPC) and those of the classes `errors` arrive as they were thrown, all others as
 * `internal`. A thread that needs more than `limits` is ended by V8 and fails as `internal`, with V8's error for a cause.
 */
export function defineThread<Setup, Input, Output>(
  name: string,
  file: string,
  prepare: Prepare<Setup, Input, Output>,
  { errors = [], limits = {} }: { errors?: readonly ErrorClass[]; limits?: ResourceLimits } = {},
): { open(setup: Setup): Thread<Input, Output> } {
  if (purpose?.name === name && parentPort !== null)
    serve(parentPort, (atEnd) => prepare(purpose.setup as Setup, atEnd), errors);
  return { open: (setup) => openThread({ file, name, setup }, errors, limits) };
}

/** The thread starts with the first call, starts again after a fault, and keeps no process alive. */
function openThread<Input, Output>(
  { file, ...of }: Purpose & { file: string },
  errors: readonly ErrorClass[],
  resourceLimits: ResourceLimits,
): Thread<Input, Output> {
  let worker: Worker | null = null;
  let lastId = 0;
  const waiting = new Map<number, Waiting<Output>>();

  const fail = (error: Error) => {
    worker = null;
    for (const { reject, stopWaiting } of waiting.values()) {
      stopWaiting();
      reject(error);
    }
    waiting.clear();
  };

  const start = (): Worker => {
    const started = new Worker(new URL(file), { workerData: { [MARK]: of }, resourceLimits });
    started.unref();
    started.on('message', (reply: Reply<Output> | undefined) => {
      if (reply === undefined) return; // ended while it sent
      const call = waiting.get(reply.id);
      waiting.delete(reply.id);
      call?.stopWaiting();
      if (waiting.size === 0) started.unref();
      if ('output' in reply) call?.resolve(reply.output);
      else call?.reject(revive(reply.failure, errors));
    });
    started.on('error', (error) => {
      if (worker === started) fail(new LonghandError('internal', toStoredError(error).message, {}, { cause: error }));
    });
    started.on('exit', () => {
      if (worker === started) fail(new LonghandError('internal', `The thread of ${of.name} was ended.`));
    });
    return started;
  };

  return {
    call(input, { signal } = {}) {
      return new Promise<Output>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const thread = (worker ??= start());
        const id = ++lastId;
        const onAbort = () => {
          waiting.delete(id);
          if (waiting.size === 0) thread.unref();
          thread.postMessage({ drop: id } satisfies Message<Input>);
          reject(signal?.reason as Error);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.set(id, { resolve, reject, stopWaiting: () => signal?.removeEventListener('abort', onAbort) });
        thread.ref();
        thread.postMessage({ id, input } satisfies Message<Input>);
      });
    },

    async close({ now = false } = {}) {
      const ended = worker;
      fail(new LonghandError('cancelled', 'Longhand was closed.'));
      if (ended !== null && !now) await endOfItself(ended);
      await ended?.terminate();
    },
  };
}

/** Asks a thread to end, and waits until it has, or time is up. */
async function endOfItself(worker: Worker): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, END_MS);
  worker.once('exit', () => resolve());
  worker.postMessage({ end: true } satisfies Message<never>);
  await promise;
  clearTimeout(timer);
}

/** Between two calls it looks whether the next is still wanted: whoever types makes a search of every letter. */
function serve<Input, Output>(
  port: MessagePort,
  prepare: (atEnd: (close: () => void) => void) => Work<Input, Output>,
  errors: readonly ErrorClass[],
): void {
  const queue: Request<Input>[] = [];
  let work: Work<Input, Output> | null = null;
  let current: { id: number; stop: AbortController } | null = null;
  const closers: (() => void)[] = [];
  let isEnding = false;

  const answer = async ({ id, input }: Request<Input>): Promise<Reply<Output>> => {
    const stop = new AbortController();
    current = { id, stop };
    try {
      work ??= prepare((close) => void closers.push(close));
      return { id, output: await work(input, stop.signal) };
    } catch (error) {
      return { id, failure: describe(error, errors) };
    } finally {
      current = null;
    }
  };
  let isWorking = false;
  const run = async () => {
    isWorking = true;
    for (;;) {
      await setImmediate(); // lets what was dropped meanwhile be heard of
      const request = queue.shift();
      if (request === undefined) break;
      port.postMessage(await answer(request));
    }
    isWorking = false;
    if (isEnding) end();
  };
  const end = () => {
    for (const close of closers) close();
    process.exit(); // of this thread only
  };
  port.on('message', (message: Message<Input>) => {
    if ('end' in message) {
      isEnding = true;
      queue.length = 0;
      current?.stop.abort();
      if (!isWorking) end();
      return;
    }
    if ('drop' in message) {
      if (current?.id === message.drop) current.stop.abort();
      const at = queue.findIndex(({ id }) => id === message.drop);
      if (at !== -1) queue.splice(at, 1);
      return;
    }
    queue.push(message);
    if (!isWorking) void run();
  });
}

function describe(error: unknown, errors: readonly ErrorClass[]): Failure {
  for (const [of, kind] of errors.entries()) {
    if (error instanceof kind) return { of, code: error.code, message: error.message, details: error.details };
  }
  if (error instanceof Error && 'errno' in error && 'code' in error) {
    return { of: 'system', code: String(error.code), message: error.message, details: {} };
  }
  return { of: 'longhand', ...toStoredError(error) };
}

function revive({ of, code, message, details }: Failure, errors: readonly ErrorClass[]): Error {
  if (of === 'system') return Object.assign(new Error(message), { code });
  if (of === 'longhand') return new LonghandError(code as ErrorCode, message, details);
  return new errors[of]!(code as never, message, details);
}
