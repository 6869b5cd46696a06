/** How an item of a list is marked: a bullet, or a text with the numbers of its level and those above, as '%1.%2'. */
export type ListLevel = { format: string; text: string; start: number };

/** Counts the items of lists. */
export class ListNumbers {
  readonly #levelOf: (list: string, level: number) => ListLevel | null;
  readonly #counts = new Map<string, number[]>();

  constructor(levelOf: (list: string, level: number) => ListLevel | null) {
    this.#levelOf = levelOf;
  }

  /** The mark of the next item of `list` at `level`, from 0; '' where it has none. */
  next(list: string, level: number): string {
    const own = this.#levelOf(list, level);
    if (own === null || own.format === 'none') return '';
    const counts = this.#counts.get(list) ?? [];
    this.#counts.set(list, counts);
    for (let above = 0; above < level; above++) counts[above] ??= this.#levelOf(list, above)?.start ?? 1;
    counts[level] = counts[level] === undefined ? own.start : counts[level] + 1;
    counts.length = level + 1;
    if (own.format === 'bullet') return '•';
    return own.text.replace(/%([1-9])/g, (_, digit: string) => {
      const at = Number(digit) - 1;
      return numeral(counts[at] ?? 1, this.#levelOf(list, at)?.format ?? 'decimal');
    });
  }
}

const ROMAN: readonly [number, string][] = [
  [1000, 'm'],
  [900, 'cm'],
  [500, 'd'],
  [400, 'cd'],
  [100, 'c'],
  [90, 'xc'],
  [50, 'l'],
  [40, 'xl'],
  [10, 'x'],
  [9, 'ix'],
  [5, 'v'],
  [4, 'iv'],
  [1, 'i'],
];
const CHINESE = '零一二三四五六七八九';

/** `format` as Word names it. */
function numeral(count: number, format: string): string {
  if (format === 'lowerLetter') return letters(count);
  if (format === 'upperLetter') return letters(count).toUpperCase();
  if (format === 'lowerRoman') return roman(count);
  if (format === 'upperRoman') return roman(count).toUpperCase();
  if (/chineseCounting|ideographTraditional|japaneseCounting|taiwaneseCounting/.test(format)) return chinese(count);
  return String(count);
}

function letters(count: number): string {
  return String.fromCharCode(97 + ((count - 1) % 26)).repeat(Math.ceil(count / 26));
}

function roman(count: number): string {
  let left = count;
  let text = '';
  for (const [value, sign] of ROMAN) {
    while (left >= value) {
      text += sign;
      left -= value;
    }
  }
  return text;
}

/** Up to ninety-nine, as lists are numbered. */
function chinese(count: number): string {
  if (count > 99) return String(count);
  const tens = Math.floor(count / 10);
  const ones = count % 10;
  return (tens === 0 ? '' : (tens === 1 ? '' : CHINESE[tens]!) + '十') + (ones === 0 && tens > 0 ? '' : CHINESE[ones]!);
}
