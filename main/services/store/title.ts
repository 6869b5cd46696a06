const MAX_LENGTH = 60;
// More of a line than this is not looked at: marks may be removed, but a title's worth of text remains.
const MAX_LINE = 500;
const GREETING_LENGTH = 12; // "Hello there!", "大家好。": so short a sentence names no conversation, unless it asks

/**
 * A title for a conversation from its first message: the first line that says something, up to the end of its first
 * sentence (the greeting before it left out), without Markdown marks, at most 60 characters (code points). Empty when the text has no such line.
 */
export function titleFrom(text: string): string {
  for (const line of text.split(/[\r\n]+/u)) {
    if (/^\s{0,3}(```|~~~)/u.test(line)) continue; // a fence; the code in it may still tell what the message is about
    const plain = withoutMarks(line.slice(0, MAX_LINE));
    if (/[\p{L}\p{N}\p{S}]/u.test(plain)) return shorten(firstSentence(plain));
  }
  return '';
}

function withoutMarks(line: string): string {
  return line
    .replace(/^\s*(?:(?:>|#{1,6}\s|[-*+]\s(?:\[[ xX]\]\s)?|\d{1,9}[.)]\s)\s*)+/u, '') // quote, heading, list, task
    .replace(/!?\[([^\]]*)\]\([^)]*\)/gu, '$1') // link or image: its text
    .replace(/(\*\*|__|~~)(.+?)\1/gu, '$2')
    .replace(/(?<![\p{L}\p{N}])([*_])(?=\S)(.+?)(?<=\S)\1(?![\p{L}\p{N}])/gu, '$2') // not 2 * 3 * 4, not snake_case
    .replace(/(`+)(.+?)\1/gu, '$2')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** A full stop ends a sentence only before a space ("3.5", "e.g. this" has a small letter after it); 。！？ always do. */
function firstSentence(line: string): string {
  const end = /[。！？]|[.!?…]+["'”’)\]]*(?=\s+[\p{Lu}\p{N}\p{Lo}])/u.exec(line);
  const sentence = end === null ? line : line.slice(0, end.index + end[0].length);
  const rest = line.slice(sentence.length).trim();
  const length = sentence.replace(/\p{Lo}/gu, '$&$&$&').length; // a Chinese character says as much as three letters
  const greets = length <= GREETING_LENGTH && /[.!…。！]$/u.test(sentence);
  if (greets && rest.length > sentence.length && /\p{L}/u.test(rest)) return firstSentence(rest);
  return sentence.replace(/(?<!\.)[.。]+$|[,，;；:：、]+$/u, '');
}

/** Cut between words where the writing has them; Chinese has none, so there any character may be the last. */
function shorten(title: string): string {
  const characters = [...title];
  if (characters.length <= MAX_LENGTH) return title;
  const cut = characters.slice(0, MAX_LENGTH - 1).join('');
  const midWord = /[^\s\p{Lo}]$/u.test(cut) && /^[^\s\p{Lo}]/u.test(characters[MAX_LENGTH - 1] ?? '');
  const word = /^(.*)\s\S*$/su.exec(cut)?.[1];
  const kept = midWord && word !== undefined && [...word].length > MAX_LENGTH / 2 ? word : cut;
  return `${kept.replace(/[\s,，;；:：、.。]+$/u, '')}…`;
}
