import type { KvSequence } from '../kv-cache.ts';
import { WORTH_SAVING, type CacheOf } from './finder.ts';
import type { SnapshotStore } from './store.ts';

/** A sequence that nobody has used for so long is saved. */
const IDLE_MS = 3000;
/** While a prompt is read, it is saved whenever so many pages have come to it. */
const PAGES_AT_ONCE = 2;

/** Where the caches of one model go. The store may change or not be there yet. */
export type SaverOptions = {
  model: CacheOf;
  store(): SnapshotStore | null;
  idleMs?: number;
};

type Known = { owner: string | null; savedTokens: number; saving: Promise<void> | null; timer: NodeJS.Timeout | null };

/** Decides when the sequences of a model are saved. What has no owner stays in memory. */
export class Saver {
  readonly #options: SaverOptions;
  readonly #known = new Map<KvSequence, Known>();

  constructor(options: SaverOptions) {
    this.#options = options;
  }

  /** A sequence is used for `owner` from now on. */
  begin(sequence: KvSequence, owner: string | null): void {
    const known = this.#known.get(sequence);
    if (known?.timer) clearTimeout(known.timer);
    const savedTokens = Math.min(known?.savedTokens ?? 0, sequence.length);
    this.#known.set(sequence, { owner, savedTokens, saving: known?.saving ?? null, timer: null });
  }

  ownerOf(sequence: KvSequence): string | null {
    return this.#known.get(sequence)?.owner ?? null;
  }

  /** Tokens of `prompt` that are saved. */
  async find(prompt: ArrayLike<number>): Promise<number> {
    return (await this.#options.store()?.find(this.#options.model, prompt)) ?? 0;
  }

  /** As `SnapshotStore.restore`. */
  async restore(sequence: KvSequence, prompt: readonly number[], signal?: AbortSignal): Promise<number> {
    const tokens = await this.#options.store()?.restore(sequence, this.#options.model, prompt, signal);
    const known = this.#known.get(sequence);
    if (tokens && known) known.savedTokens = sequence.length;
    return tokens ?? 0;
  }

  /** A part of a long prompt was read. */
  grew(sequence: KvSequence): void {
    const { kvPage } = sequence.shape;
    const known = this.#known.get(sequence);
    if (!known || known.saving !== null) return;
    if (Math.floor(sequence.length / kvPage) - Math.floor(known.savedTokens / kvPage) < PAGES_AT_ONCE) return;
    void this.#save(sequence, { tail: false });
  }

  /** A sequence is not used for the time being. */
  rest(sequence: KvSequence): void {
    const known = this.#known.get(sequence);
    if (!known) return;
    known.timer = setTimeout(() => void this.save(sequence), this.#options.idleMs ?? IDLE_MS).unref();
  }

  isSaved(sequence: KvSequence): boolean {
    const known = this.#known.get(sequence);
    if (!known?.owner || sequence.length < WORTH_SAVING || this.#options.store()?.mode !== 'write') return true;
    return known.savedTokens >= sequence.length;
  }

  /** Saves all of a sequence. Never rejects. */
  async save(sequence: KvSequence, signal?: AbortSignal): Promise<void> {
    if (!this.isSaved(sequence)) await this.#save(sequence, { tail: true, signal });
  }

  /** A sequence is no more. */
  end(sequence: KvSequence): void {
    const known = this.#known.get(sequence);
    if (known?.timer) clearTimeout(known.timer);
    this.#known.delete(sequence);
  }

  #save(sequence: KvSequence, options: { tail: boolean; signal?: AbortSignal | undefined }): Promise<void> {
    const { store, model } = this.#options;
    const known = this.#known.get(sequence);
    const to = store();
    if (!known?.owner || to === null || to.mode !== 'write') return Promise.resolve();
    const { owner } = known;
    // By the time its turn has come the sequence may be another's.
    const freeze = () => (this.ownerOf(sequence) === owner ? sequence.freeze() : null);
    const saving = to.save(model.cacheKey, owner, freeze, options).then((tokens) => {
      const now = this.#known.get(sequence);
      if (now?.owner === owner) now.savedTokens = Math.min(Math.max(now.savedTokens, tokens), sequence.length);
      if (now?.saving === saving) now.saving = null;
    });
    known.saving = saving;
    return saving;
  }
}
