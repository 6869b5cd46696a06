import type { Collection } from '../../main/contract/collections.ts';
import type { DocumentInfo } from '../../main/contract/documents.ts';
import { fuzzy } from './fuzzy.ts';

/** Something on the shelf that can be named in a message. */
export type Mentioned = { kind: 'document' | Collection['kind']; id: string; name: string };

type Options = {
  /** What can be named now. */
  shelf(): { documents: readonly DocumentInfo[]; collections: readonly (Collection & { name: string })[] };
  /** Adds what was chosen to the conversation. */
  take(chosen: Mentioned): void;
};

/** A name that is being typed behind an at sign: [start, end) of the text, and its words. */
type Word = { start: number; end: number; query: string };

const MOST = 8;
const LONGEST = 60;
/** At the start of a word; Chinese has no space before it. */
const BEFORE = /(?:^|[\s([{（【「“"'，。：；、]|\p{Script=Han})$/u;

/** The list of documents that opens at an @ in the message field. */
export class Mentions {
  #word = $state.raw<Word | null>(null);
  /** Where the at sign stands whose list was closed: it stays shut there. */
  #closedAt = -1;
  #index = $state(0);
  readonly items = $derived.by((): Mentioned[] => (this.#word === null ? [] : this.#find(this.#word.query)));
  /** Of the line that is chosen. The list may have become shorter since: then it is the last. */
  readonly index = $derived(Math.max(0, Math.min(this.#index, this.items.length - 1)));
  readonly open = $derived(this.items.length > 0);
  readonly current = $derived(this.items[this.index] ?? null);
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The text has changed, or the caret has moved. */
  look(text: string, caret: number): void {
    const word = wordAt(text, caret);
    if (word?.start !== this.#closedAt) this.#closedAt = -1;
    if (word?.query !== this.#word?.query) this.#index = 0;
    this.#word = word === null || word.start === this.#closedAt ? null : word;
  }

  step(by: 1 | -1): void {
    const { length } = this.items;
    this.#index = (this.index + by + length) % length;
  }

  point(index: number): void {
    this.#index = index;
  }

  /** Shuts the list; it opens again with the next at sign. */
  close(): void {
    this.#closedAt = this.#word?.start ?? -1;
    this.#word = null;
  }

  /** Nobody writes any more. */
  leave(): void {
    this.#word = null;
  }

  /** Takes what is chosen. @returns the text without the name, and where the caret stands in it */
  choose(text: string, chosen = this.current): { text: string; caret: number } | null {
    const word = this.#word;
    if (word === null || chosen === null) return null;
    this.#word = null;
    this.#options.take(chosen);
    const before = text.slice(0, word.start);
    const after = text.slice(word.end);
    // Of the spaces on both sides of the name one is enough.
    const isDouble = (before === '' || before.endsWith(' ')) && after.startsWith(' ');
    return { text: before + (isDouble ? after.slice(1) : after), caret: word.start };
  }

  #find(query: string): Mentioned[] {
    const shelf = this.#options.shelf();
    const documents = shelf.documents.map(({ id, name }): Mentioned => ({ kind: 'document', id, name }));
    // Of both some are seen at once; a letter finds the others.
    if (query === '')
      return [...shelf.collections.slice(0, MOST / 2), ...documents, ...shelf.collections.slice(MOST / 2)].slice(
        0,
        MOST,
      );
    const scored = [...shelf.collections, ...documents].flatMap((item) => {
      // With a space in it, it may be the rest of the message: then it has to be part of the name as it stands.
      const isPart = !query.includes(' ') || item.name.toLowerCase().includes(query.toLowerCase());
      const score = isPart ? fuzzy(query, item.name) : null;
      return score === null ? [] : [{ item, score }];
    });
    return scored
      .toSorted((a, b) => b.score - a.score)
      .slice(0, MOST)
      .map(({ item }) => item);
  }
}

/** The name before the caret; null where none is typed. */
export function wordAt(text: string, caret: number): Word | null {
  const start = Math.max(text.lastIndexOf('@', caret - 1), text.lastIndexOf('＠', caret - 1));
  if (start === -1 || start >= caret || caret - start > LONGEST) return null;
  if (!BEFORE.test(text.slice(Math.max(0, start - 2), start))) return null;
  const query = text.slice(start + 1, caret);
  return /^\s|\n|\s\s/.test(query) ? null : { start, end: caret, query };
}
