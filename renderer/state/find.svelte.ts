/** A message as finding needs it. */
export type Findable = { id: string; text: string };

export type Match = { messageId: string; at: number };

/** Finding words in the open conversation: which messages hold them, and which match is looked at. */
export class Find {
  open = $state(false);
  query = $state('');
  #index = $state(0);
  readonly matches: Match[];
  readonly index: number;
  readonly current: Match | null;

  constructor(messages: () => Findable[]) {
    this.matches = $derived(this.open ? findIn(messages(), this.query) : []);
    this.index = $derived(Math.min(this.#index, Math.max(0, this.matches.length - 1)));
    this.current = $derived(this.matches[this.index] ?? null);
  }

  type(query: string): void {
    this.query = query;
    this.#index = 0;
  }

  /** To the next match, or the one before; round at the ends. */
  step(by: 1 | -1): void {
    const { length } = this.matches;
    if (length > 0) this.#index = (this.index + by + length) % length;
  }

  close = () => {
    this.open = false;
    this.query = '';
    this.#index = 0;
  };
}

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
