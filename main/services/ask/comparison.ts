import { setImmediate } from 'node:timers/promises';
import type { Citation } from '../../contract/citations.ts';
import { oneLine } from '../../contract/one-line.ts';
import { align, type Alignment, type Change, type Comparable, type Range } from './align.ts';
import { COMPARISON_WORDS, type ComparisonWords } from './comparison-words.ts';
import { fold } from './fold.ts';
import type { Block } from './marked-text.ts';
import type { Material, ReportKind, Written } from './report.ts';
import { sentencesOf, termsOf, type Stretch } from './sentences.ts';
import { SUMMARY_TOKENS, SUMMARY_WORDS } from './summary.ts';

/** Of the shorter document, the share that the other must have, or they are two documents rather than two versions of one. */
const ONE_DOCUMENT = 0.15;
/** What is said of one change, and of all together. */
const CHANGE_TOKENS = 120;
const OVERVIEW_TOKENS = 300;
/** Changes that the model is asked about, and that are shown: the longest. A table of new prices has thousands. */
const MOST_EXPLAINED = 50;
const MOST_SHOWN = 300;
/** Characters of a document that are shown of a change, about, and of the heading that it stands under. */
const MOST_QUOTED = 400;
const MOST_HEADING = 80;
/** Fewer are a heading, whatever the format calls it. */
const TELLING_TERMS = 4;
/** Blocks that are prepared before others have their turn. */
const AT_ONCE = 100;

type Paragraph = Comparable & Pick<Block, 'span' | 'part' | 'text' | 'kind'>;
/** A paragraph's words that differ, where in its text. */
type Shown = { paragraph: Paragraph; stretch: Stretch };

/**
 * Two documents, the earlier first. What is the same is found by comparing their text and costs the model nothing; it says
 * what each change means. Documents that have hardly a paragraph in common are compared by notes on their sections.
 */
export const comparison: ReportKind = {
  kind: 'comparison',
  title: 'Compare two documents',
  request: { en: 'Compare the two documents.', zh: '比较这两份文件。' },
  async write(material) {
    const { documents, ask, language, signal } = material;
    const [before, after] = [await paragraphsOf(documents[0]!.id), await paragraphsOf(documents[1]!.id)];
    const alignment = await align(before, after, signal);
    const words = COMPARISON_WORDS[language];
    const names = [documents[0]!.name, documents[1]!.name].map(escaped) as [string, string];
    if (alignment.shared < ONE_DOCUMENT) return writeApart(material, [before, after], names, words);
    return writeChanges(material, { before, after, alignment }, names, words);

    async function paragraphsOf(id: string): Promise<Paragraph[]> {
      const found: Paragraph[] = [];
      for (const block of ask.blocksOf(id)) {
        if (found.length % AT_ONCE === 0) await setImmediate();
        signal.throwIfAborted();
        const { text } = block;
        found.push({ ...block, key: fold(text).text, terms: new Set(termsOf(text)), characters: text.length });
      }
      return found;
    }
  },
};

type Compared = { before: Paragraph[]; after: Paragraph[]; alignment: Alignment };

async function writeChanges(
  { notes, signal }: Material,
  { before, after, alignment }: Compared,
  names: [string, string],
  words: ComparisonWords,
): Promise<Written> {
  const draft = new Draft();
  const headings = [headingsOf(before), headingsOf(after)] as const;
  const all: Entry[] = [];
  for (const change of alignment.changes) {
    if (all.length % AT_ONCE === 0) await setImmediate();
    signal.throwIfAborted();
    const [first, second] = [headingAt(headings[0], change.before), headingAt(headings[1], change.after)];
    all.push({ ...refine(change, before, after), heading: second || first });
  }
  const counts = { changed: 0, added: 0, removed: 0, moved: 0 };
  for (const { kind } of all) counts[kind]++;
  const entries = longest(all, MOST_SHOWN);
  const explained = longest(
    entries.filter(({ kind }) => kind !== 'moved'),
    MOST_EXPLAINED,
  );
  const totals = [
    { same: alignment.same.before, of: before.length },
    { same: alignment.same.after, of: after.length },
  ] as const;
  draft.add(`${words.intro(names, totals, counts)}\n`);
  const left = { shown: entries.length, all: all.length, explained: explained.length };
  const mayBeExplained = entries.filter(({ kind }) => kind !== 'moved').length;
  if (left.shown < left.all || left.explained < mayBeExplained) draft.add(`\n${words.leftOut(left)}\n`);
  const meanings = new Map<Entry, string>();
  for (const [index, entry] of explained.entries()) {
    const then = explained.length - index + (explained.length > 1 ? 1 : 0);
    meanings.set(entry, await explain(entry, { notes, words, then }));
  }
  if (explained.length > 1) {
    const list = entries.flatMap((entry, index) => {
      const meaning = meanings.get(entry);
      return meaning === undefined ? [] : [`${index + 1}. ${words.kinds[entry.kind]}: ${meaning}`];
    });
    const { texts } = await notes.condense(list, { section: words.gather, notes: words.gather });
    draft.add('\n');
    draft.say(await notes.say(texts, words.overview, OVERVIEW_TOKENS));
    draft.add('\n');
  }
  for (const [index, entry] of entries.entries()) {
    const { kind, heading } = entry;
    // The first level: an answer's headings follow that of its message without a gap.
    draft.add(`\n# ${index + 1}. ${words.kinds[kind]}${heading === '' ? '' : `${words.colon}${escaped(heading)}`}\n\n`);
    draft.quote(words.sides[kind][0], entry.before, words);
    draft.quote(words.sides[kind][1], entry.after, words);
    const meaning = meanings.get(entry);
    if (meaning === undefined) continue;
    draft.add('\n');
    draft.say(meaning);
    draft.add('\n');
  }
  return draft.written(counts);
}

type Side = { shown: Shown | null; paragraphs: Paragraph[] };
type Entry = { kind: Change['kind']; heading: string; before: Side; after: Side };

/** Those with the most text, in their order. */
function longest(entries: readonly Entry[], most: number): Entry[] {
  if (entries.length <= most) return [...entries];
  const lengthOf = ({ before, after }: Entry) =>
    [before, after].reduce((sum, { shown, paragraphs }) => {
      const stretch = shown === null ? 0 : shown.stretch.end - shown.stretch.start;
      return sum + (paragraphs.length > 1 ? paragraphs.reduce((all, { text }) => all + text.length, 0) : stretch);
    }, 0);
  const kept = new Set(entries.toSorted((x, y) => lengthOf(y) - lengthOf(x)).slice(0, most));
  return entries.filter((entry) => kept.has(entry));
}

/** Of two wordings of a paragraph, only the sentences that differ; what only one of them has is added, or removed. */
function refine(change: Change, before: readonly Paragraph[], after: readonly Paragraph[]): Omit<Entry, 'heading'> {
  const sides = [sideOf(before, change.before), sideOf(after, change.after)] as const;
  const [a, b] = [sides[0].paragraphs, sides[1].paragraphs];
  if (change.kind !== 'changed' || a.length !== 1 || b.length !== 1) {
    return { kind: change.kind, before: sides[0], after: sides[1] };
  }
  const [from, to] = differing(a[0]!, b[0]!);
  const kind = from === null ? 'added' : to === null ? 'removed' : 'changed';
  return {
    kind,
    before: { shown: from && { paragraph: a[0]!, stretch: from }, paragraphs: from === null ? [] : a },
    after: { shown: to && { paragraph: b[0]!, stretch: to }, paragraphs: to === null ? [] : b },
  };
}

/** What is shown of a stretch of paragraphs: the first that is more than its heading. */
function sideOf(all: readonly Paragraph[], [start, end]: Range): Side {
  const paragraphs = all.slice(start, end);
  const paragraph =
    paragraphs.find(({ kind, terms }) => kind !== 'heading' && terms.size >= TELLING_TERMS) ?? paragraphs[0];
  return { paragraphs, shown: paragraph ? { paragraph, stretch: { start: 0, end: paragraph.text.length } } : null };
}

/** Of two wordings, from the first to the last sentence that differs; null where one has none. */
function differing(a: Paragraph, b: Paragraph): [Stretch | null, Stretch | null] {
  const [first, second] = [a, b].map((paragraph) =>
    sentencesIn(paragraph).map(({ start, end }) => ({ start, end, key: fold(paragraph.text.slice(start, end)).text })),
  ) as [(Stretch & { key: string })[], (Stretch & { key: string })[]];
  let head = 0;
  let tail = 0;
  const most = Math.min(first.length, second.length);
  while (head < most && first[head]!.key === second[head]!.key) head++;
  while (tail < most - head && first.at(-1 - tail)!.key === second.at(-1 - tail)!.key) tail++;
  const rest = (sentences: readonly Stretch[]): Stretch | null => {
    const left = sentences.slice(head, sentences.length - tail);
    return left.length === 0 ? null : { start: left[0]!.start, end: left.at(-1)!.end };
  };
  const found: [Stretch | null, Stretch | null] = [rest(first), rest(second)];
  // Sentences that are put together otherwise: then the whole paragraphs are shown.
  if (found[0] !== null || found[1] !== null) return found;
  return [
    { start: 0, end: a.text.length },
    { start: 0, end: b.text.length },
  ];
}

/** Of each paragraph, the heading that it is, or stands under; '' where there is none. */
function headingsOf(all: readonly Paragraph[]): string[] {
  let last = '';
  return all.map(({ kind, text }) => (last = kind === 'heading' ? oneLine(text).replace(/^#+ */, '') : last));
}

function headingAt(headings: readonly string[], [start, end]: Range): string {
  const text = start === end ? '' : headings[start]!;
  return text.length <= MOST_HEADING ? text : `${text.slice(0, MOST_HEADING)}…`;
}

/** What the model says of a change. It sees what differs, and of what was only added or removed the whole. */
async function explain(
  { kind, before, after }: Entry,
  { notes, words, then }: { notes: Material['notes']; words: ComparisonWords; then: number },
): Promise<string> {
  const both = kind === 'changed';
  const limit = both ? Math.floor(notes.limit / 2) : notes.limit;
  const gist = async ({ shown, paragraphs }: Side) => {
    const isPart = shown !== null && paragraphs.length === 1;
    const texts = isPart
      ? [shown.paragraph.text.slice(shown.stretch.start, shown.stretch.end)]
      : paragraphs.map(({ text }) => text);
    return (await notes.condense(texts, words.sections, { limit, then })).texts.join('\n\n');
  };
  const texts: string[] = [];
  if (before.paragraphs.length > 0) texts.push(`${words.before}\n${await gist(before)}`);
  if (after.paragraphs.length > 0) texts.push(`${words.after}\n${await gist(after)}`);
  return notes.say(texts, words.explain[both ? 'changed' : kind === 'added' ? 'added' : 'removed'], CHANGE_TOKENS);
}

/** Two documents, each for itself, and then the notes on both side by side. */
async function writeApart(
  { notes, language }: Material,
  sides: readonly [Paragraph[], Paragraph[]],
  names: [string, string],
  words: ComparisonWords,
): Promise<Written> {
  const limit = Math.floor(notes.limit / 2);
  const gists: string[] = [];
  let sections = 0;
  for (const [index, side] of sides.entries()) {
    const texts = side.map(({ text }) => text);
    const condensed = await notes.condense(texts, SUMMARY_WORDS[language], { limit, then: 2 - index });
    sections += condensed.sections;
    gists.push(`${words.documents[index]}\n${condensed.texts.join('\n\n')}`);
  }
  const draft = new Draft();
  draft.add(`${words.apart(names)}\n\n`);
  draft.say(await notes.say(gists, words.compare, SUMMARY_TOKENS));
  return draft.written({ sections });
}

/** A text as it grows, with what in it is the model's, and what shows words of a document. */
class Draft {
  #text = '';
  readonly #said: Stretch[] = [];
  readonly #known: Citation[] = [];

  add(text: string): void {
    this.#text += text;
  }

  say(text: string): void {
    this.#said.push({ start: this.#text.length, end: this.#text.length + text.length });
    this.#text += text;
  }

  /** A line with words of a document, which are its citation as well. */
  quote(label: string, { shown, paragraphs }: Side, words: ComparisonWords): void {
    if (shown === null) return;
    const { paragraph, stretch } = shown;
    const { start, end } = shortened(paragraph, stretch);
    const quote = paragraph.text.slice(start, end);
    const isWhole = end === stretch.end;
    const begin = this.#text.length + 2;
    this.#text += `- **${label}**${words.colon}${words.quoted(`${escaped(oneLine(quote))}${isWhole ? '' : ' …'}`)}`;
    this.#known.push({
      ...{ start: begin, end: this.#text.length, state: 'exact', quote, doubts: [], part: paragraph.part },
      span: { ...paragraph.span, start: paragraph.span.start + start, end: paragraph.span.start + end },
    });
    if (paragraphs.length > 1) this.#text += ` ${words.more(paragraphs.length)}`;
    this.#text += '\n';
  }

  written(counts: Record<string, number>): Written {
    return { text: this.#text.trimEnd(), said: this.#said, known: this.#known, counts };
  }
}

/** As many sentences as may be shown, or as much of the first one. */
function shortened(paragraph: Paragraph, { start, end }: Stretch): Stretch {
  if (end - start <= MOST_QUOTED) return { start, end };
  const last = sentencesIn(paragraph).findLast(
    (sentence) => sentence.end > start && sentence.end - start <= MOST_QUOTED,
  );
  if (last !== undefined) return { start, end: last.end };
  const space = paragraph.text.lastIndexOf(' ', start + MOST_QUOTED);
  return { start, end: space > start ? space : start + MOST_QUOTED };
}

/** Lines of a paragraph only break it for the eye; those of code are apart. */
const sentencesIn = ({ text, kind }: Paragraph) => sentencesOf(kind === 'code' ? text : text.replaceAll('\n', ' '));

/** What a document says is no Markdown. */
const escaped = (text: string) => text.replace(/[\\`*_~$<>[\]|]/g, '\\$&');
