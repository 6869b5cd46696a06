import type { Port } from '../contract/client.ts';
import type {
  GenerateEvent,
  LoadedModel,
  PrefillProgress,
  ProbedKernel,
  Prompt,
  Sampling,
  Score,
} from '../contract/engine.ts';
import { LonghandError } from '../contract/errors.ts';
import type { EngineClient } from '../contract/index.ts';
import { Peer } from '../contract/peer.ts';
import { Watchdog } from './watchdog.ts';

const HUNG_AFTER_MS = 30_000;

export type EngineOptions = {
  /** Has the process ended and started again. */
  restart(reason: string): void;
  hungAfterMs?: number;
};

export type LoadInput = Parameters<EngineClient['load']>[0];

/**
 * The engine process as the services see it. A call fails with `engine-stopped` when the process is away or dies, and
 * with `engine-hung` when it gives no sign of life for 30 s while it computes or counts; it is restarted then.
 */
export class Engine {
  readonly #peer = new Peer<EngineClient>(
    () => new LonghandError('engine-stopped', 'The model process stopped. It is being started again.'),
  );
  readonly #watchdog: Watchdog;

  constructor({ restart, hungAfterMs = HUNG_AFTER_MS }: EngineOptions) {
    this.#watchdog = new Watchdog({
      limitMs: hungAfterMs,
      ping: () => this.status(),
      onHung: () => {
        const seconds = Math.round(hungAfterMs / 1000);
        const message = `The model process did not answer for ${seconds} s and was started again.`;
        this.#peer.drop(new LonghandError('engine-hung', message, { limitMs: hungAfterMs }));
        restart(`no sign of life for ${seconds} s`);
      },
    });
  }

  get connected(): boolean {
    return this.#peer.connected;
  }

  attach(port: Port): void {
    this.#peer.attach(port);
  }

  /** Calls `listener` whenever the process has come or gone. */
  onChange(listener: () => void): () => void {
    return this.#peer.onChange(listener);
  }

  load(input: LoadInput): Promise<LoadedModel> {
    return this.#peer.call((client) => client.load(input));
  }

  unload(): Promise<void> {
    return this.#peer.call((client) => client.unload());
  }

  /** Where caches are saved from now on, and how much of them. */
  useSnapshots(input: { folder: string; budgetBytes: number }) {
    return this.#peer.call((client) => client.useSnapshots(input));
  }

  /** Deletes what was computed for owners; null: all that is saved. */
  forget(owners: string[] | null): Promise<{ freedBytes: number }> {
    return this.#peer.call((client) => client.forget({ owners }));
  }

  status() {
    return this.#peer.call((client) => client.status());
  }

  count(prompt: Prompt) {
    return this.#watched((client) => client.count(packed(prompt)));
  }

  /** Tokens of the prompt that each text would make as the only message, a question. */
  countEach(texts: string[]): Promise<number[]> {
    return this.#watched((client) => client.countEach({ texts }));
  }

  /** The tokens of one answer. Leaving the loop, or the signal, ends the computation. */
  async *generate(
    input: { prompt: Prompt; sampling: Sampling; priority?: 'interactive' | 'background'; owner?: string },
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<GenerateEvent, void> {
    const whole = { ...input, prompt: packed(input.prompt) };
    yield* this.#watchedStream((client) => client.generate(whole, { signal }));
  }

  /** Reads a prompt into the cache in the background; the first event tells what is there already. Ended as `generate` is. */
  async *prefill(
    input: { prompt: Prompt; owner: string },
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<PrefillProgress, void> {
    const whole = { ...input, prompt: packed(input.prompt) };
    yield* this.#watchedStream((client) => client.prefill(whole, { signal }));
  }

  /** How well the model foretells a text: logarithms of probabilities, block by block. Ended as `generate` is. */
  async *score(
    input: { text: string; maxTokens: number },
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<Score, void> {
    yield* this.#watchedStream((client) => client.score(input, { signal }));
  }

  bench(
    input: { kind: 'prefill' | 'decode'; tokens: number; steps: number },
    { signal }: { signal?: AbortSignal } = {},
  ) {
    return this.#peer.call((client) => client.bench(input, { signal }));
  }

  probe(kernels: ProbedKernel[]) {
    return this.#peer.call((client) => client.probe({ kernels }));
  }

  bandwidth({ signal }: { signal?: AbortSignal } = {}) {
    return this.#peer.call((client) => client.bandwidth(undefined, { signal }));
  }

  async *#watchedStream<T>(
    open: (client: EngineClient) => Promise<AsyncIterator<T, unknown, void>>,
  ): AsyncGenerator<T, void> {
    this.#watchdog.begin();
    try {
      for await (const event of this.#peer.stream(open)) {
        this.#watchdog.alive();
        yield event;
      }
    } finally {
      this.#watchdog.end();
    }
  }

  async #watched<T>(run: (client: EngineClient) => Promise<T>): Promise<T> {
    this.#watchdog.begin();
    try {
      return await this.#peer.call(run);
    } finally {
      this.#watchdog.end();
    }
  }
}

/** With its token ids as text, which crosses to the other process at once. */
function packed({ messages, ...rest }: Prompt) {
  const pack = (ids: readonly number[]) => Buffer.from(Int32Array.from(ids).buffer).toString('base64');
  return { ...rest, messages: messages.map(({ tokens, ...one }) => (tokens ? { ...one, tokens: pack(tokens) } : one)) };
}

/** True where a call failed because the process went: it will be back. */
export function isEngineLoss(error: unknown): boolean {
  return error instanceof LonghandError && (error.code === 'engine-stopped' || error.code === 'engine-hung');
}
