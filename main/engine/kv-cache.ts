import { copyTail, KvPages, newTail, pageBytes, type CacheShape, type TailPage } from './kv-pages.ts';
import { packTail } from './packed-tail.ts';

/** Full pages at the start of a sequence that belong to another. */
type Base = { pages: KvPages; count: number };

/** A sequence as it was at one moment. Its page that was being filled is a copy. */
export type FrozenSequence = {
  readonly tokens: readonly number[];
  readonly pages: number;
  readonly shape: CacheShape;
  /** Where full page `page` lies. */
  place(page: number): { pages: KvPages; at: number };
  readonly tail: readonly Float32Array[];
  release(): void;
};

/**
 * Keys and values of one sequence of tokens: full pages, of which the first may be shared with other sequences, and a page
 * that is being filled, always float32. What lies behind `length` in that page is finite and never seen.
 */
export class KvSequence {
  readonly shape: CacheShape;
  /** Token ids whose keys and values are cached, in order. */
  tokens: number[] = [];
  readonly tail: TailPage;
  #base: Base | null = null;
  #own: KvPages;

  constructor(shape: CacheShape) {
    this.shape = shape;
    this.tail = newTail(shape);
    this.#own = new KvPages(shape);
  }

  get length(): number {
    return this.tokens.length;
  }

  /** Tokens in the page that is being filled. */
  get offset(): number {
    return this.length % this.shape.kvPage;
  }

  /** The stretches of full pages, in order: those of others, then its own. */
  get stretches(): { base: Base; own: Base } {
    return { base: this.#base ?? { pages: this.#own, count: 0 }, own: { pages: this.#own, count: this.#own.count } };
  }

  /** Full pages in all. */
  get pages(): number {
    return (this.#base?.count ?? 0) + this.#own.count;
  }

  /** Bytes of what it holds by itself: its own pages and the one that is being filled. */
  get ownBytes(): number {
    return this.#own.byteLength + tailBytes(this.shape);
  }

  /** Stores of pages that it reads: several sequences may name the same. */
  get stores(): KvPages[] {
    return this.#base === null ? [this.#own] : [this.#base.pages, this.#own];
  }

  /** Notes that the rows of `ids` have been written into the page that is being filled; a full one becomes a page. */
  commit(ids: readonly number[]): void {
    for (const id of ids) this.tokens.push(id);
    if (this.offset === 0 && ids.length > 0) this.#own.append(this.tail);
  }

  /** Forgets all but the first `length` tokens. */
  truncate(length: number): void {
    if (length >= this.length) return;
    const pages = Math.floor(length / this.shape.kvPage);
    if (pages < this.pages) {
      if (length % this.shape.kvPage !== 0) this.#restore(pages);
      this.#keepPages(pages);
    }
    this.tokens.length = length;
  }

  /** A sequence of the first `length` tokens that lives on its own; full pages are shared where they can be. */
  fork(length: number): KvSequence {
    const child = new KvSequence(this.shape);
    const pages = Math.floor(length / this.shape.kvPage);
    const shared = this.#base ?? { pages: this.#own, count: this.#own.count };
    const count = Math.min(shared.count, pages);
    if (count > 0) child.#shareBase(shared.pages, count);
    if (pages > count) child.#own.copy(this.#own, 0, pages - count);
    child.tokens = this.tokens.slice(0, length);
    if (length % this.shape.kvPage !== 0) {
      if (pages < this.pages) this.#restore(pages, child.tail);
      else copyTail(this.tail, child.tail);
    }
    return child;
  }

  /** Makes room for more pages of its own: see `KvPages.reserve`. */
  reserve(pages: number): void {
    this.#own.reserve(pages);
  }

  /** Notes that the rows of `ids` were put where they belong by other means: into a page behind its own, or into its tail. */
  adopt(ids: readonly number[]): void {
    for (const id of ids) this.tokens.push(id);
  }

  /** What it holds now, to be read while it goes on: its pages stay as they are until that is let go of. */
  freeze(): FrozenSequence {
    const { base, own } = this.stretches;
    const stretches = [base, own].filter(({ count }) => count > 0);
    for (const { pages, count } of stretches) pages.share(count);
    return {
      tokens: [...this.tokens],
      pages: base.count + own.count,
      shape: this.shape,
      place: (page) => {
        return page < base.count ? { pages: base.pages, at: page } : { pages: own.pages, at: page - base.count };
      },
      tail: packTail(this.tail, this.shape, this.offset),
      release() {
        for (const { pages, count } of stretches.splice(0)) pages.unshare(count);
      },
    };
  }

  /** As if `tokens` tokens, all of id 0, were cached: for measuring what depends on their number alone. */
  pretend(tokens: number): void {
    const pages = Math.floor(tokens / this.shape.kvPage);
    this.#own.pretend(pages - this.pages);
    for (const part of [...this.tail.keys, ...this.tail.values]) part.fill(0.01);
    this.tokens = Array<number>(tokens).fill(0);
  }

  /** Lets go of pages of others and gives its own back, unless others share them. */
  release(): void {
    this.#base?.pages.unshare(this.#base.count);
    this.#base = null;
    this.#replaceOwn();
    this.tokens = [];
  }

  #shareBase(pages: KvPages, count: number): void {
    pages.share(count);
    this.#base = { pages, count };
  }

  #restore(page: number, tail: TailPage = this.tail): void {
    const shared = this.#base?.count ?? 0;
    if (page < shared) this.#base!.pages.restore(page, tail);
    else this.#own.restore(page - shared, tail);
  }

  /** Cuts to the first `pages` full pages. Own pages that others use stay theirs: they become a base of this one, too. */
  #keepPages(pages: number): void {
    if (this.#base !== null && pages <= this.#base.count) {
      const { pages: store, count } = this.#base;
      store.unshare(count);
      this.#base = null;
      this.#replaceOwn();
      if (pages > 0) this.#shareBase(store, pages);
      return;
    }
    const own = pages - (this.#base?.count ?? 0);
    if (own >= this.#own.shared) return this.#own.truncate(own);
    const old = this.#own;
    this.#replaceOwn();
    if (this.#base === null) this.#shareBase(old, own);
    else this.#own.copy(old, 0, own);
  }

  #replaceOwn(): void {
    this.#own.free();
    this.#own = new KvPages(this.shape);
  }
}

function tailBytes({ layers, kvHeads, headDim, kvPage }: CacheShape): number {
  return 2 * layers * kvHeads * headDim * kvPage * 4;
}

/** Bytes of keys and values of one token over all layers, once its page is full. */
export function bytesPerToken(shape: Omit<CacheShape, 'contextTokens'>): number {
  return pageBytes({ ...shape, contextTokens: 0 }) / shape.kvPage;
}

/** Bytes of all of `sequences` together; what several share counts once. */
export function bytesOfAll(sequences: readonly KvSequence[]): number {
  const stores = new Set(sequences.flatMap((sequence) => sequence.stores));
  const pages = [...stores].reduce((sum, store) => sum + store.byteLength, 0);
  return sequences.reduce((sum, { shape }) => sum + tailBytes(shape), pages);
}
