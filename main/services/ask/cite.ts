import { setImmediate } from 'node:timers/promises';
import type { Citation } from '../../contract/citations.ts';
import type { Span } from '../../contract/documents.ts';
import type { Part } from '../../contract/extraction.ts';
import { claimsOf, doubtsOf, type Claim } from './claims.ts';
import { fold, indexOfWords, unfold, type Folded } from './fold.ts';
import { sentencesOf, termsOf, type Stretch } from './sentences.ts';

/** A stretch of a stored text that the model read, under the number it was shown with. */
export type Passage = { mark: number; span: Span; part: Pick<Part, 'kind' | 'label'>; text: string };

/** Share of a claim's terms, by weight, that its source must hold. */
const CLOSE = 0.5;
/** Words in a row that a claim shares with its source, from which on they count as the source's own. */
const EXACT_UNITS = { latin: 24, han: 8 };
/** Sentences that a claim may rest on together. */
const WINDOW = 3;
/** Passages that are prepared before others have their turn. */
const AT_ONCE = 50;

type Sentence = Stretch & { terms: ReadonlySet<string>; passage: number };

/**
 * What an answer rests on: each of its statements is held against the words that the model read, those that it names by
 * their marks first. A citation never points at words that were not found in the stored text.
 */
export async function cite(answer: string, passages: readonly Passage[], signal?: AbortSignal): Promise<Citation[]> {
  const claims = claimsOf(answer);
  if (claims.length === 0) return [];
  const index = await SourceIndex.of(passages, signal);
  if (claims.some(({ quotes }) => quotes.length > 0)) await index.fold(signal);
  const citations: Citation[] = [];
  for (const claim of claims) {
    await pause(signal);
    citations.push({ start: claim.start, end: claim.end, ...index.find(claim) });
  }
  return citations;
}

/** Lets tokens and calls pass: an answer and its sources may be long. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

class SourceIndex {
  readonly #passages: readonly Passage[];
  readonly #byMark = new Map<number, number>();
  readonly #sentences: Sentence[] = [];
  /** Of each passage, its first sentence; one more for the end. */
  readonly #firsts: number[] = [0];
  readonly #byTerm = new Map<string, number[]>();
  readonly #folded = new Map<number, Folded>();

  private constructor(passages: readonly Passage[]) {
    this.#passages = passages;
  }

  static async of(passages: readonly Passage[], signal?: AbortSignal): Promise<SourceIndex> {
    const index = new SourceIndex(passages);
    for (const at of passages.keys()) {
      if (at % AT_ONCE === AT_ONCE - 1) await pause(signal);
      index.#add(at);
    }
    return index;
  }

  /** Prepares for quotations to be looked up. */
  async fold(signal?: AbortSignal): Promise<void> {
    for (const at of this.#passages.keys()) {
      if (at % AT_ONCE === AT_ONCE - 1) await pause(signal);
      this.#fold(at);
    }
  }

  #add(at: number): void {
    const { mark, text } = this.#passages[at]!;
    this.#byMark.set(mark, at);
    for (const sentence of sentencesOf(text)) {
      const terms = new Set(termsOf(text.slice(sentence.start, sentence.end)));
      for (const term of terms) {
        const known = this.#byTerm.get(term);
        if (known === undefined) this.#byTerm.set(term, [this.#sentences.length]);
        else known.push(this.#sentences.length);
      }
      this.#sentences.push({ ...sentence, terms, passage: at });
    }
    this.#firsts.push(this.#sentences.length);
  }

  find(claim: Claim): Omit<Citation, 'start' | 'end'> {
    const named = claim.marks.map((mark) => this.#byMark.get(mark)).filter((at) => at !== undefined);
    const quoted = this.#findQuotes(claim, named);
    if (quoted !== null) return quoted;
    const best = this.#closest(claim, named);
    if (best === null) return { state: 'missing', span: null, part: null, quote: '', doubts: [] };
    const state = claim.quotes.length === 0 && this.#isVerbatim(claim.text, best) ? 'exact' : 'close';
    return this.#told(claim, state, best.passage, best);
  }

  /** All that the claim gives as the source's words, where they are: the first of them. Null where it gives none, or one is not. */
  #findQuotes(claim: Claim, named: readonly number[]) {
    if (claim.quotes.length === 0) return null;
    const order = [...named, ...this.#passages.keys()];
    const places = claim.quotes.map((quote) => {
      const wanted = fold(quote).text.replace(/[.,;:…]+$/u, '');
      for (const at of order) {
        const folded = this.#fold(at);
        const from = indexOfWords(folded.text, wanted);
        if (from < 0) continue;
        const [start, end] = unfold(folded, from, from + wanted.length, this.#passages[at]!.text);
        return { at, start, end };
      }
      return null;
    });
    const [first] = places;
    if (first === null || first === undefined || places.includes(null)) return null;
    return this.#told(claim, 'exact', first.at, first);
  }

  /** The sentences that share most with a claim: of the passages it names if those hold enough, else of any. */
  #closest({ text }: Claim, named: readonly number[]): (Stretch & { passage: number }) | null {
    const terms = [...new Set(termsOf(text))];
    const weights = new Map(terms.map((term) => [term, this.#weight(term)]));
    const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
    if (total === 0) return null;
    const share = (held: ReadonlySet<string>) =>
      terms.reduce((sum, term) => sum + (held.has(term) ? weights.get(term)! : 0), 0) / total;
    const bestOf = (candidates: Iterable<number>) => {
      let best: { share: number; from: number; to: number } | null = null;
      for (const from of candidates) {
        const held = new Set<string>();
        for (let to = from; to < from + WINDOW && this.#isTogether(from, to); to++) {
          for (const term of this.#sentences[to]!.terms) held.add(term);
          // A longer window must bring something for what it adds.
          const found = share(held) - 0.05 * (to - from);
          if (best === null || found > best.share) best = { share: found, from, to };
        }
      }
      return best;
    };
    let best = bestOf(named.flatMap((at) => this.#sentencesIn(at)));
    if (best === null || best.share < CLOSE) best = bestOf(this.#holding(terms));
    if (best === null || best.share < CLOSE) return null;
    const [first, last] = [this.#sentences[best.from]!, this.#sentences[best.to]!];
    return { passage: first.passage, start: first.start, end: last.end };
  }

  #sentencesIn(passage: number): number[] {
    const [first, end] = [this.#firsts[passage]!, this.#firsts[passage + 1]!];
    return Array.from({ length: end - first }, (_, index) => first + index);
  }

  #isTogether(from: number, to: number): boolean {
    return this.#sentences[to]?.passage === this.#sentences[from]!.passage;
  }

  /** Sentences that hold one of the rarer terms. */
  #holding(terms: readonly string[]): Set<number> {
    const lists = terms.map((term) => this.#byTerm.get(term) ?? []).sort((a, b) => a.length - b.length);
    const found = new Set<number>();
    for (const list of lists) {
      if (found.size > 2000) break;
      for (const at of list) found.add(at);
    }
    return found;
  }

  /** Rarer terms say more; one that occurs nowhere counts as the rarest, for a claim that adds something. */
  #weight(term: string): number {
    const occurs = this.#byTerm.get(term)?.length ?? 0;
    return Math.log(1 + (this.#sentences.length + 1) / (occurs + 1));
  }

  #isVerbatim(claim: string, { passage, start, end }: Stretch & { passage: number }): boolean {
    const wanted = fold(claim).text.replace(/^[\s"'([]+|[\s"')\].,;:!?。，；：！？]+$/gu, '');
    const most = /\p{Script=Han}/u.test(wanted) ? EXACT_UNITS.han : EXACT_UNITS.latin;
    if (wanted.length < most) return false;
    return indexOfWords(fold(this.#passages[passage]!.text.slice(start, end)).text, wanted) >= 0;
  }

  #fold(at: number): Folded {
    const known = this.#folded.get(at);
    if (known !== undefined) return known;
    const folded = fold(this.#passages[at]!.text);
    this.#folded.set(at, folded);
    return folded;
  }

  #told(claim: Claim, state: 'exact' | 'close', at: number, { start, end }: Stretch) {
    const { span, part, text } = this.#passages[at]!;
    const quote = text.slice(start, end);
    // What stands around a quotation, in its sentences, bears out what is said of it.
    const sentences = this.#sentencesIn(at).map((index) => this.#sentences[index]!);
    const touched = sentences.filter((sentence) => sentence.start < end && sentence.end > start);
    const around = text.slice(Math.min(start, touched[0]?.start ?? start), Math.max(end, touched.at(-1)?.end ?? end));
    return {
      state,
      span: { ...span, start: span.start + start, end: span.start + end },
      part,
      quote,
      doubts: doubtsOf(claim.text, around),
    };
  }
}
