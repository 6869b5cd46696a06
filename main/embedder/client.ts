import type { Port } from '../contract/client.ts';
import type { LoadedEmbedder } from '../contract/embedder.ts';
import { LonghandError } from '../contract/errors.ts';
import type { EmbedderClient } from '../contract/index.ts';
import { Peer } from '../contract/peer.ts';

const START_LIMIT_MS = 20_000;

/** The embedder process as the services see it. Calls fail with `embedder-stopped` when it dies. */
export class Embedder {
  readonly #peer = new Peer<EmbedderClient>(
    () =>
      new LonghandError('embedder-stopped', 'The process that finds by meaning stopped. It is being started again.'),
  );

  attach(port: Port): void {
    this.#peer.attach(port);
  }

  get connected(): boolean {
    return this.#peer.connected;
  }

  /** Calls `listener` whenever the process has come or gone. */
  onChange(listener: () => void): () => void {
    return this.#peer.onChange(listener);
  }

  async load(folder: string, { signal }: { signal: AbortSignal }): Promise<LoadedEmbedder> {
    await this.#peer.whenConnected({ timeoutMs: START_LIMIT_MS, signal });
    return this.#peer.call((client) => client.load({ folder }, { signal }));
  }

  unload(): Promise<void> {
    return this.#peer.call((client) => client.unload());
  }

  /** A vector of length 1 for each text, of the model of this folder. @throws LonghandError `no-model` where it is not loaded */
  async embed(
    folder: string,
    texts: string[],
    as: 'query' | 'passage',
    { signal }: { signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array[]> {
    const { vectors } = await this.#peer.call((client) => client.embed({ folder, texts, as }, { signal }));
    const all = new Float32Array(await vectors.arrayBuffer());
    const dimensions = all.length / Math.max(1, texts.length);
    return texts.map((_, index) => all.slice(index * dimensions, (index + 1) * dimensions));
  }
}
