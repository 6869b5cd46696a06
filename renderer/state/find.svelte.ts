/** A message as finding needs it. */
export type Findable = { id: string; text: string };

export type Match = { messageId: string; at: number };

/** Finding words in the open conversation: which messages hold them, and which match is looked at. */
export class Find {
  open = $state(false);
  query = $state('');
  /** What is looked at, and stays so whatever is found above it meanwhile; null when there was no match yet. */
  #at = $state.raw<Match | null>(null);
  #index = 0;
  readonly matches: Match[];
  readonly index: number;
  readonly current: Match | null;

  constructor(messages: () => Findable[]) {
    this.matches = $derived(this.open ? findIn(messages(), this.query) : []);
    this.index = $derived.by(() => {
      const at = this.#at;
      const last = Math.max(0, this.matches.length - 1);
      if (at === null) return last;
      const place = this.matches.findIndex((match) => isSame(match, at));
      return place === -1 ? Math.min(this.#index, last) : place;
    });
    this.current = $derived.by(() => {
      const found = this.matches[this.index] ?? null;
      return found && this.#at && isSame(found, this.#at) ? this.#at : found; // the same object as long as it is the same
    });
  }

  type(query: string): void {
    this.query = query;
    this.#look(0);
  }

  /** To the next match, or the one before; round at the ends. */
  step(by: 1 | -1): void {
    const { length } = this.matches;
    if (length > 0) this.#look((this.index + by + length) % length);
  }

  close = () => {
    this.open = false;
    this.query = '';
    this.#look(0);
  };

  #look(index: number): void {
    this.#index = index;
    this.#at = this.matches[index] ?? null;
  }
}

const isSame = (a: Match, b: Match) => a.messageId === b.messageId && a.at === b.at;

/** Every place of `query`, whatever its case, in the order of reading. */
export function findIn(messages: Findable[], query: string): Match[] {
  const words = query.trim().toLowerCase();
  if (words === '') return [];
  return messages.flatMap(({ id, text }) => {
    const lower = text.toLowerCase();
    const found: Match[] = [];
    for (let at = lower.indexOf(words); at !== -1; at = lower.indexOf(words, at + words.length)) {
      found.push({ messageId: id, at });
    }
    return found;
  });
}
