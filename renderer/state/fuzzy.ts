/**
 * How well `query` fits `text`: the higher the better, null where it does not. Each word of the query has to be found:
 * at the start of a word, inside one, or as letters in order ("nc" in "New conversation"). Chinese is found anywhere.
 */
export function fuzzy(query: string, text: string): number | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = text.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const score = scoreWord(word, lower);
    if (score === null) return null;
    sum += score;
  }
  // Of two that fit alike the shorter one says more exactly what was asked for.
  return sum - lower.length / 1000;
}

function scoreWord(word: string, text: string): number | null {
  const at = text.indexOf(word);
  if (at === 0) return 4;
  if (at > 0) return /[\p{L}\p{N}]/u.test(text[at - 1] ?? '') ? 2 : 3;
  return word.length > 1 && isInOrder(word, initials(text)) ? 1 : null;
}

/** "New conversation" -> "nc" */
function initials(text: string): string {
  return (text.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => word[0]).join('');
}

function isInOrder(letters: string, text: string): boolean {
  let from = 0;
  for (const letter of letters) {
    const at = text.indexOf(letter, from);
    if (at === -1) return false;
    from = at + 1;
  }
  return true;
}
