import type { Doubt } from '../../contract/citations.ts';
import { sentencesOf, termsOf, type Stretch } from './sentences.ts';

/** A sentence of an answer that can be held against a source. */
export type Claim = Stretch & {
  /** The sentence without the marks that it carries. */
  text: string;
  /** Numbers of paragraphs that it names. */
  marks: number[];
  /** What it gives as words of the source. */
  quotes: string[];
};

/** `[3]`, `[3, 7]`, `[3-5]`, `【3】`, `[3][4]`. */
const MARK = /[[【](\d{1,6}(?:\s*(?:[,，、;]|-|–|and|和)\s*\d{1,6})*)[\]】]/gu;
const TRAILING_MARKS = new RegExp(`^(?:[^\\S\\n]*${MARK.source})+[.。]?`, 'u');
const QUOTED = /"([^"\n]+)"|“([^”\n]+)”|「([^」\n]+)」|『([^』\n]+)』|《([^》\n]+)》/gu;
/** Who says it, before what is said. */
const LEAD_IN =
  /^(?:according to (?:the|this|these) \S+,?|(?:the|this) (?:document|text|file|paragraph|passage|source|answer)s? (?:also )?(?:says?|states?|is|are)(?: that)?(?::|\s)|(?:根据|按照)(?:以上|这些|该)?(?:文件|文档|资料)[，,]?|(?:文件|文档)(?:中)?(?:说|指出|写道)[：:，,]?)\s*/iu;
const FENCE = /^\s*(?:```|~~~)/;
/** The most paragraphs that a range of marks stands for. */
const LONGEST_RANGE = 20;
/** What is no statement, however many words it has. */
const NO_CLAIM = /[?？]["”」)]?$/u;
/** What a refusal speaks of. */
const SOURCES = '(?:documents?|texts?|files?|sources?|passages?|paragraphs?|excerpts?)';
const SAYS_NOT =
  "(?:(?:do|does|did)(?: not|n't) (?:say|mention|state|specify|contain|provide|hold|answer|include)|(?:has|have|gives?) no)";
/** A sentence that says the sources do not hold an answer: they are what it is about, not a product or a company. */
const REFUSAL = new RegExp(
  `\\b${SOURCES}\\b[^.]{0,20}\\b${SAYS_NOT}\\b|` +
    `^(?:this|that|it|the answer)\\b[^.]{0,40}\\bnot (?:mentioned|stated|specified|provided|contained|found|in)\\b[^.]{0,20}\\b${SOURCES}\\b|` +
    `\\bno (?:information|mention|answer)\\b[^.]{0,40}\\b${SOURCES}\\b|` +
    '(?:文件|文档|资料|原文|文中)[^。]{0,8}(?:没有|未|不)(?:提到|提及|说明|说|包含|给出|提供|找到|回答)|不在(?:这些|这份|该)?(?:文档|文件)',
  'iu',
);

/** Sentences of a Markdown answer that state something, with the marks and quotations they carry. Code is none. */
export function claimsOf(answer: string): Claim[] {
  const claims: Claim[] = [];
  for (const sentence of sentencesWithMarks(withoutCode(answer))) {
    const raw = answer.slice(sentence.start, sentence.end);
    const text = plain(raw.replace(MARK, '')).replace(LEAD_IN, '');
    const marks = [...raw.matchAll(MARK)].flatMap(([, list]) => numbersOf(list!));
    const quotes = [...text.matchAll(QUOTED)].map((found) => found.slice(1).find((group) => group !== undefined)!);
    const isStatement = !NO_CLAIM.test(text.trim()) && !REFUSAL.test(text) && saysSomething(text);
    if (marks.length > 0 || isStatement)
      claims.push({ ...sentence, text, marks: [...new Set(marks)], quotes: quotes.filter(isLong) });
  }
  return claims;
}

/** A statement without the numbers of paragraphs that it names. */
export const withoutMarks = (claim: string): string => claim.replace(MARK, '');

/** What of `claim` the words of its source do not bear out. */
export function doubtsOf(claim: string, source: string): Doubt[] {
  const known = new Set(numeralsOf(source));
  const doubts: Doubt[] = numeralsOf(claim)
    .filter((number) => !known.has(number))
    .map((text) => ({ kind: 'number', text }));
  const low = source.toLowerCase();
  for (const name of namesOf(claim)) if (!low.includes(name.toLowerCase())) doubts.push({ kind: 'name', text: name });
  const [denied, sourceDenied] = [NEGATION.exec(claim)?.[0], NEGATION.exec(source)?.[0]];
  if ((denied === undefined) !== (sourceDenied === undefined)) {
    doubts.push({ kind: 'negation', text: (denied ?? sourceDenied)!.trim() });
  }
  return doubts.filter(
    (doubt, at) => doubts.findIndex(({ kind, text }) => kind === doubt.kind && text === doubt.text) === at,
  );
}

const NEGATION =
  /\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing)\b|n['’]t\b|不(?!仅|但|同|断|少|过|久|管|论)|没有|未(?!来)|无(?!论)|并非/iu;

/** A plain space separates no thousands: the cells of a row of a table would make one number. */
export const NUMERAL = /\d{1,3}(?:[,'\u00a0]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?/gu;

/** Numbers as written in digits, without separators of thousands and needless zeros. */
export function numeralsOf(text: string): string[] {
  return [...text.normalize('NFKC').matchAll(NUMERAL)].map(([found]) => {
    const [whole = '', fraction = ''] = found.replace(/[,'\u00a0]/gu, '').split('.');
    const trimmed = fraction.replace(/0+$/u, '');
    return `${whole.replace(/^0+(?=\d)/u, '')}${trimmed === '' ? '' : `.${trimmed}`}`;
  });
}

/** Words in capitals within a sentence: those that begin one may be any word. */
function namesOf(text: string): string[] {
  const first = text.search(/\p{L}/u);
  return [...text.matchAll(/(?<![\p{L}\p{N}])\p{Lu}[\p{L}\p{N}]+(?:-\p{L}+)*/gu)]
    .filter(({ index }) => index !== first && !/[.!?:]["”']?\s+$/u.test(text.slice(0, index)))
    .map(([name]) => name);
}

/** Sentences with the marks behind them: one behind the full stop belongs to the sentence before it. */
function sentencesWithMarks(text: string): Stretch[] {
  const sentences = sentencesOf(text.replace(MARK, (mark) => ' '.repeat(mark.length)));
  for (const [at, sentence] of sentences.entries()) {
    const rest = text.slice(sentence.end, sentences[at + 1]?.start);
    sentence.end += TRAILING_MARKS.exec(rest)?.[0].length ?? 0;
  }
  return sentences;
}

/** Code blocks become blanks of their length, so that offsets stay. */
function withoutCode(answer: string): string {
  let isCode = false;
  return answer
    .split('\n')
    .map((line) => {
      const isFence = FENCE.test(line);
      if (isFence) isCode = !isCode;
      return isFence || isCode ? ' '.repeat(line.length) : line;
    })
    .join('\n');
}

/** A sentence without its Markdown: list markers, emphasis, the bars of a table. */
function plain(text: string): string {
  return text
    .replace(/^\s*(?:[-*+]|\d+[.)]|#{1,6}|>)\s+/u, '')
    .replace(/[*_`|]/gu, (sign) => (sign === '|' ? ' ' : ''));
}

function numbersOf(list: string): number[] {
  return list.split(/[,，、;]|and|和/u).flatMap((entry) => {
    const [from, to = from] = entry.split(/[-–]/u).map(Number);
    if (from === undefined || to === undefined || to < from) return [];
    return Array.from({ length: Math.min(to - from + 1, LONGEST_RANGE) }, (_, i) => from + i);
  });
}

const isLong = (quote: string) => termsOf(quote).length >= 2 || (quote.length >= 12 && /[\p{L}\p{N}]/u.test(quote));
const saysSomething = (text: string) => termsOf(text).length >= 3 || (/\d/u.test(text) && termsOf(text).length >= 1);
