import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { embedders as catalog } from '../../../native-models/catalog/index.ts';
import type { WordsOnly } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { Embedder } from '../../embedder/client.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import { isActive, type Jobs } from '../jobs/jobs.ts';
import type { StoredDocument } from '../store/documents.ts';
import type { Store } from '../store/open.ts';
import type { PassagePlace } from '../store/vectors.ts';
import type { Embedders, InstalledEmbedder } from './embedders.ts';

export const INDEXING = 'index';

export type IndexerOptions = {
  store: Store;
  jobs: Jobs;
  embedder: Embedder;
  embedders: Embedders;
  /** More of a content can be found by meaning. */
  changed(contentId: number): void;
};

/** What a question means to the embedder of this number; below which similarity a passage is unrelated, where that is known. */
export type Meaning = { embedderId: number; vector: Float32Array; unrelatedBelow: number | null };

/** Passages that are embedded and stored at once. */
const AT_ONCE = 16;
/** So many times as many, and the passages of the content are counted anew. */
const COUNT_EVERY = 8;
/** Deaths of the embedder one after the other, with nothing embedded between them, before the job gives up. */
const MOST_LOSSES = 2;
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
const LETTER = /\p{L}/gu;

/** Computes the vectors of passages in the background, and of questions at once. What is stored is never computed again. */
export class Indexer {
  readonly #options: IndexerOptions;
  /** What the embedder process holds, as far as we know. */
  #loaded: { folder: string; dimensions: number } | null = null;
  #jobId: string | null = null;

  constructor(options: IndexerOptions) {
    this.#options = options;
    options.embedder.onChange(() => (this.#loaded = null));
    options.jobs.register(
      defineJob<Record<string, never>>({
        kind: INDEXING,
        params: z.object({}),
        title: () => 'Make documents searchable by meaning',
        resumable: true,
        run: (context) => this.#run(context),
      }),
    );
    options.jobs.onChange((job) => {
      if (job.kind !== INDEXING) return;
      this.#jobId = isActive(job) ? job.id : null;
      if (job.state === 'done') this.kick(); // for what came while it ended
    });
  }

  /** What its index has of a content; `jobId` is that of the work that makes it whole, null where it is or none is done. */
  progressOf({ passages, embedded, embedderId }: Pick<StoredDocument, 'passages' | 'embedded' | 'embedderId'>) {
    const { store, embedders } = this.#options;
    const model = embedders.current();
    const isOurs = model !== null && embedderId !== null && store.vectors.embedder(model.weights) === embedderId;
    const found = isOurs ? embedded : 0;
    return { embedded: found, jobId: model !== null && found < passages ? this.#jobId : null };
  }

  /** At start, before jobs go on. */
  start(): void {
    this.#jobId = this.#options.jobs.unfinished().find(({ kind }) => kind === INDEXING)?.id ?? null;
    this.kick();
  }

  /** Another model is used from now on: what it has not embedded yet is embedded. */
  modelChanged(): void {
    this.#loaded = null;
    this.kick();
  }

  /** Begins to embed what has no vector of the model that is used, unless that is under way, or was paused. */
  kick(): void {
    const { store, jobs, embedders } = this.#options;
    const model = embedders.current();
    if (model === null || this.#jobId !== null) return;
    if (store.vectors.unindexed(store.vectors.enrol(model.weights)).length > 0) jobs.start(INDEXING, {});
  }

  /** The number of the model that is used; null where it has embedded nothing here yet. */
  embedderId(): number | null {
    const model = this.#options.embedders.current();
    return model === null ? null : this.#options.store.vectors.embedder(model.weights);
  }

  /**
   * What a question means, or why that is not to be had: no model, one that does not know its language, a process that has
   * stopped, or nothing embedded yet.
   */
  async meaning(query: string, signal: AbortSignal | undefined): Promise<Meaning | WordsOnly> {
    const { store, embedder, embedders } = this.#options;
    const model = embedders.current();
    if (model === null) return 'no-embedder';
    if (!canRead(model, query)) return 'language';
    const embedderId = store.vectors.embedder(model.weights);
    if (embedderId === null || !store.vectors.hasEmbedded(embedderId)) return 'not-indexed';
    if (!embedder.connected) return 'embedder-stopped';
    try {
      await this.#load(model, signal ?? new AbortController().signal);
      const [vector] = await embedder.embed(model.folder, [query], 'query', { signal });
      return { embedderId, vector: vector!, unrelatedBelow: unrelatedBelow(model) };
    } catch (error) {
      signal?.throwIfAborted();
      this.#loaded = null;
      if (error instanceof LonghandError) return 'embedder-stopped';
      throw error;
    }
  }

  async #run({ signal, progress }: JobContext<Record<string, never>>): Promise<Record<string, unknown>> {
    const { store, embedders } = this.#options;
    const model = embedders.current();
    if (model === null) return { passages: 0 };
    const embedderId = store.vectors.enrol(model.weights);
    for (;;) {
      const [contentId] = store.vectors.unindexed(embedderId);
      if (contentId === undefined) break;
      const before = store.vectors.count(contentId, embedderId);
      await this.#index(contentId, embedderId, model, signal, () => {
        const { passages, embedded } = embedders.status();
        progress({ stage: 'embed', done: embedded, total: passages, unit: 'passages' });
      });
      if (store.vectors.count(contentId, embedderId) === before) break; // removed meanwhile, or it would go on for ever
    }
    // another model may be chosen meanwhile, whose vectors these are
    const isWhole = () =>
      embedders.current()?.weights === model.weights && store.vectors.unindexed(embedderId).length === 0;
    while (isWhole() && !store.vectors.dropOthers(embedderId)) {
      signal.throwIfAborted();
      await setImmediate();
    }
    return { passages: embedders.status().embedded };
  }

  async #index(
    contentId: number,
    embedderId: number,
    model: InstalledEmbedder,
    signal: AbortSignal,
    report: () => void,
  ): Promise<void> {
    const { store, embedder, embedders, changed } = this.#options;
    let losses = 0;
    let after: PassagePlace | undefined;
    for (let round = 0; ; round++) {
      signal.throwIfAborted();
      if (embedders.current()?.weights !== model.weights) return; // another model was chosen; the next job is its
      const waiting = store.vectors.unembedded(contentId, embedderId, AT_ONCE, after);
      if (waiting.length === 0) return changed(contentId);
      const readable = waiting.filter(({ words }) => canRead(model, words));
      try {
        const dimensions = await this.#load(model, signal);
        const texts = readable.map(({ words }) => words);
        const vectors = texts.length === 0 ? [] : await embedder.embed(model.folder, texts, 'passage', { signal });
        const nothing = new Float32Array(dimensions); // near nothing, so never found
        const found = new Map(readable.map(({ hash }, index) => [hash, vectors[index]!]));
        store.vectors.put(
          embedderId,
          waiting.map(({ hash }) => ({ hash, vector: found.get(hash) ?? nothing })),
        );
        losses = 0;
        after = waiting.at(-1)!.at;
      } catch (error) {
        signal.throwIfAborted();
        const isLoss = error instanceof LonghandError && ['embedder-stopped', 'no-model'].includes(error.code);
        if (!isLoss || ++losses > MOST_LOSSES) throw error;
        this.#loaded = null;
      }
      if (round % COUNT_EVERY === 0) {
        store.vectors.count(contentId, embedderId);
        changed(contentId);
        report();
      }
    }
  }

  /** @returns how many components its vectors have */
  async #load({ folder }: InstalledEmbedder, signal: AbortSignal): Promise<number> {
    if (this.#loaded?.folder === folder) return this.#loaded.dimensions;
    const { dimensions } = await this.#options.embedder.load(folder, { signal });
    this.#loaded = { folder, dimensions };
    return dimensions;
  }
}

const unrelatedBelow = (model: InstalledEmbedder): number | null =>
  catalog.find(({ name }) => name === model.name)?.unrelatedBelow ?? null;

/** An English model makes one vector of all Chinese. */
function canRead({ languages }: InstalledEmbedder, text: string): boolean {
  if (languages === 'many') return true;
  const wide = text.match(WIDE)?.length ?? 0;
  return wide === 0 || wide < (text.match(LETTER)?.length ?? 0) / 4;
}
