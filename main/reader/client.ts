import type { Port } from '../contract/client.ts';
import { LonghandError } from '../contract/errors.ts';
import type { ExtractionEvent, ExtractionInput, UnpackEvent, UnpackInput } from '../contract/extraction.ts';
import type { ReaderClient } from '../contract/index.ts';
import { Peer } from '../contract/peer.ts';
import type { CheckpointSummary, RecipeName } from '../contract/reader.ts';

/** A job that goes on after a restart may be quicker than the process that it needs. */
const START_LIMIT_MS = 20_000;

export type CompileInput = {
  path: string;
  base?: string | undefined;
  folder: string;
  name: string;
  recipe: RecipeName;
};

/** The reader process as the services see it: it opens files that may lie. Calls fail with `reader-stopped` when it dies. */
export class Reader {
  readonly #peer = new Peer<ReaderClient>(
    () => new LonghandError('reader-stopped', 'The process that reads files stopped. Try again.'),
  );

  attach(port: Port): void {
    this.#peer.attach(port);
  }

  async inspect(
    path: string,
    { base, signal }: { base?: string | undefined; signal: AbortSignal },
  ): Promise<CheckpointSummary> {
    await this.#peer.whenConnected({ timeoutMs: START_LIMIT_MS, signal });
    return this.#peer.call((client) => client.inspect({ path, base }, { signal }));
  }

  /** What the checkpoint at `path` would become under `recipe`. */
  async footprint(
    input: { path: string; base?: string | undefined; recipe: RecipeName },
    { signal }: { signal: AbortSignal },
  ) {
    await this.#peer.whenConnected({ timeoutMs: START_LIMIT_MS, signal });
    return this.#peer.call((client) => client.footprint(input, { signal }));
  }

  /** Progress, then the folder; leaving the loop stops it and nothing of the folder is left. */
  async *compile(input: CompileInput, { signal }: { signal: AbortSignal }) {
    await this.#peer.whenConnected({ timeoutMs: START_LIMIT_MS, signal });
    yield* this.#peer.stream((client) => client.compile(input, { signal }));
  }

  /**
   * What the document at `path` holds: `about`, its parts in order, `end`. Leaving the loop ends the reading. One document is
   * read at a time; a second waits.
   * @throws unsupported-document | document-unreadable | document-encrypted | document-too-large | reader-stopped
   */
  async *extract(input: ExtractionInput, { signal }: { signal: AbortSignal }): AsyncGenerator<ExtractionEvent, void> {
    await this.#peer.whenConnected({ timeoutMs: START_LIMIT_MS, signal });
    yield* this.#peer.stream((client) => client.extract(input, { signal }));
  }

  /** Writes the files of an archive, or those that came with a mail, into a folder, and tells of each. @throws as `extract` */
  async *unpack(input: UnpackInput, { signal }: { signal: AbortSignal }): AsyncGenerator<UnpackEvent, void> {
    await this.#peer.whenConnected({ timeoutMs: START_LIMIT_MS, signal });
    yield* this.#peer.stream((client) => client.unpack(input, { signal }));
  }
}
