/** Where a part of a pattern can end, for all the places where it can begin. */
type Part = (name: string, starts: ReadonlySet<number>) => Set<number>;

const MAX_PATTERN_CHARACTERS = 512;
const MAX_REPEATS = 100;
/** Characters looked at, and repetitions, for one name: a pattern of somebody else's takes no longer than this. */
const MAX_STEPS = 100_000;

/** A pattern that is not understood; `reason` says what of it. */
export class NamePatternError extends Error {}

/**
 * Whether a whole name matches a regular expression of Python's `re`: characters, `.`, classes, `\d \w \s`, groups,
 * alternatives, repetitions and the two anchors. It walks all ways through the pattern at once, by sets of places, so that
 * no pattern makes it slow, as the engines that go back and try again can be made.
 * @throws NamePatternError for what else such an expression may have, and, when used, for one that takes too long
 */
export function namePattern(source: string): (name: string) => boolean {
  if (source.length > MAX_PATTERN_CHARACTERS) throw new NamePatternError('is too long');
  const parser = new Parser(source);
  const whole = parser.parse();
  return (name) => {
    parser.stepsLeft = MAX_STEPS;
    return whole(name, new Set([0])).has(name.length);
  };
}

class Parser {
  stepsLeft = 0;
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Part {
    const whole = this.#alternatives();
    if (this.#at < this.#source.length) this.#refuse();
    return whole;
  }

  #alternatives(): Part {
    const branches = [this.#sequence()];
    while (this.#take('|')) branches.push(this.#sequence());
    return (name, starts) => new Set(branches.flatMap((branch) => [...branch(name, starts)]));
  }

  #sequence(): Part {
    const parts: Part[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) parts.push(this.#repeated());
    return (name, starts) => parts.reduce((places, part) => part(name, places), new Set(starts));
  }

  #repeated(): Part {
    const part = this.#atom();
    const [, sign, least, comma, most] = this.#match(/([*+?]|\{(\d+)(,(\d*))?\})\??/y) ?? [];
    if (sign === undefined) return part;
    if ('*+?{'.includes(this.#source[this.#at] ?? ' ')) this.#refuse();
    const fewest = least === undefined ? (sign === '+' ? 1 : 0) : Number(least);
    const bounded = comma === undefined ? fewest : most === '' ? Infinity : Number(most);
    const highest = least === undefined ? (sign === '?' ? 1 : Infinity) : bounded;
    if (fewest > MAX_REPEATS || (highest > MAX_REPEATS && highest !== Infinity)) this.#refuse();
    return (name, starts) => {
      let places = new Set(starts);
      for (let count = 0; count < fewest && places.size > 0; count++) {
        this.#spend(1);
        places = part(name, places);
      }
      const reached = new Set(places);
      for (let count = fewest; count < highest && places.size > 0; count++) {
        this.#spend(1);
        places = new Set([...part(name, places)].filter((place) => !reached.has(place)));
        for (const place of places) reached.add(place);
      }
      return reached;
    };
  }

  #atom(): Part {
    if (this.#take('(')) {
      if (this.#take('?') && !this.#take(':')) this.#refuse();
      const inner = this.#alternatives();
      if (!this.#take(')')) this.#refuse();
      return inner;
    }
    if (this.#take('^')) return (_name, starts) => new Set(starts.has(0) ? [0] : []);
    if (this.#take('$')) return (name, starts) => new Set(starts.has(name.length) ? [name.length] : []);
    const test = this.#character();
    return (name, starts) => {
      this.#spend(starts.size + 1);
      const ends = [...starts].filter((place) => place < name.length && test(name[place]!));
      return new Set(ends.map((place) => place + 1));
    };
  }

  /** One character, or a class of them: what belongs to it. */
  #character(): (character: string) => boolean {
    if (this.#take('.')) return () => true;
    if (this.#take('[')) return this.#class();
    const found = this.#match(/\\([dDwWsS])|\\([^a-zA-Z0-9])|([^\\*+?{}()[\]|^$])/y);
    if (found === null) return this.#refuse();
    const [, kind, escaped, plain] = found;
    if (kind !== undefined) return kindOf(kind);
    return (character) => character === (escaped ?? plain);
  }

  #class(): (character: string) => boolean {
    const isNegated = this.#take('^');
    const tests: ((character: string) => boolean)[] = [];
    do {
      const found = this.#match(/\\([dDwWsS])|(?:\\([^a-zA-Z0-9])|([^\\\]]))(?:-(?:\\([^a-zA-Z0-9])|([^\\\]])))?/y);
      if (found === null) return this.#refuse();
      const [, kind, escaped, plain, escapedEnd, plainEnd] = found;
      const low = escaped ?? plain ?? '';
      const high = escapedEnd ?? plainEnd ?? low;
      tests.push(kind === undefined ? (character) => character >= low && character <= high : kindOf(kind));
    } while (!this.#take(']'));
    return (character) => tests.some((test) => test(character)) !== isNegated;
  }

  #spend(steps: number): void {
    this.stepsLeft -= steps;
    if (this.stepsLeft < 0) throw new NamePatternError('takes too long');
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found !== null) this.#at = pattern.lastIndex;
    return found;
  }

  #refuse(): never {
    throw new NamePatternError(
      `has ${JSON.stringify(this.#source.slice(this.#at, this.#at + 8))}, which is not supported`,
    );
  }
}

function kindOf(letter: string): (character: string) => boolean {
  const kinds = { d: /[0-9]/, w: /\w/, s: /\s/ } as const;
  const kind = kinds[letter.toLowerCase() as keyof typeof kinds];
  const isNegated = letter !== letter.toLowerCase();
  return (character) => kind.test(character) !== isNegated;
}
