import { LonghandError } from '../../contract/errors.ts';
import type { ExtractionEvent, ExtractionInput, UnpackEvent, UnpackInput } from '../../contract/extraction.ts';
import { defineThread } from '../../contract/thread.ts';
import { extract } from './extract.ts';
import { DEFAULT_LIMITS, tooLarge } from './format.ts';
import { unpack } from './unpack.ts';

/** What reading a file may take of memory, and of V8's heap within that. */
const MEMORY_BYTES = 1 << 30;
const HEAP_MB = 768;
const WATCH_MS = 100;
/** Each part that was read adds to the time: a page, and one whose text is recognised in a picture. */
const PART_SECONDS = 0.5;
const RECOGNISED_SECONDS = 120;
/** Formats with pages that may be pictures: the time for the first of them counts from the start. */
const DRAWN = ['pdf', 'image'];

type Work = { do: 'extract'; input: ExtractionInput } | { do: 'unpack'; input: UnpackInput };

const thread = defineThread(
  'read-document',
  import.meta.url,
  (work: Work) => {
    const events = work.do === 'extract' ? extract(work.input) : unpack(work.input);
    return async (): Promise<ExtractionEvent | UnpackEvent | null> => {
      const { value, done } = await events.next();
      return done === true ? null : value;
    };
  },
  { limits: { maxOldGenerationSizeMb: HEAP_MB } },
);

/**
 * Reads a document in a thread of its own, one after another, so that the memory of this process is that of one file: what
 * takes too long or too much is ended, and costs nothing but that file. Time that the caller takes is not counted.
 * @throws what `extract` throws | document-too-large | the reason of `signal`
 */
export async function* extractInThread(
  input: ExtractionInput,
  options: Options,
): AsyncGenerator<ExtractionEvent, void> {
  yield* inThread<ExtractionEvent>({ do: 'extract', input }, options);
}

/** As `extractInThread`. @throws what `unpack` throws | document-too-large | the reason of `signal` */
export async function* unpackInThread(input: UnpackInput, options: Options): AsyncGenerator<UnpackEvent, void> {
  yield* inThread<UnpackEvent>({ do: 'unpack', input }, options);
}

type Options = { signal: AbortSignal };
let turn: Promise<void> = Promise.resolve();

async function* inThread<Event extends ExtractionEvent | UnpackEvent>(
  work: Work,
  { signal }: Options,
): AsyncGenerator<Event, void> {
  const { done, before } = queueUp();
  const reader = thread.open(work);
  let now = true; // it may be within a call that never ends
  try {
    await before;
    signal.throwIfAborted();
    const watch = new Watch(work.input.limits?.seconds ?? DEFAULT_LIMITS.seconds);
    for (;;) {
      const event = await watch.during((stop) => reader.call(undefined, { signal: AbortSignal.any([signal, stop]) }));
      if (event === null) {
        now = false;
        return;
      }
      if (event.type === 'about' && DRAWN.includes(event.format)) watch.extend(RECOGNISED_SECONDS);
      if (event.type === 'part') watch.extend(event.part.recognised ? RECOGNISED_SECONDS : PART_SECONDS);
      yield event as Event; // what the work yields
    }
  } finally {
    await reader.close({ now });
    done();
  }
}

function queueUp(): { before: Promise<void>; done: () => void } {
  const before = turn;
  let done = () => {};
  turn = new Promise((resolve) => (done = resolve));
  return { before, done };
}

/** Looks from outside at what a thread takes: it cannot lie about that, and need not be asked. */
class Watch {
  readonly #base = process.memoryUsage.rss();
  #secondsLeft: number;
  #allowed: number;

  constructor(seconds: number) {
    this.#secondsLeft = this.#allowed = seconds;
  }

  extend(seconds: number): void {
    this.#secondsLeft += seconds;
    this.#allowed += seconds;
  }

  async during<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    const start = performance.now();
    const timer = setInterval(() => {
      if (process.memoryUsage.rss() - this.#base > MEMORY_BYTES) stop.abort(tooLarge('memoryBytes', MEMORY_BYTES));
      if ((performance.now() - start) / 1000 > this.#secondsLeft) stop.abort(tooLarge('seconds', this.#allowed));
    }, WATCH_MS);
    try {
      return await work(stop.signal);
    } catch (error) {
      if (isOutOfHeap(error)) throw tooLarge('memoryBytes', MEMORY_BYTES);
      throw error;
    } finally {
      clearInterval(timer);
      this.#secondsLeft -= (performance.now() - start) / 1000;
    }
  }
}

function isOutOfHeap(error: unknown): boolean {
  const cause = error instanceof LonghandError ? error.cause : null;
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
