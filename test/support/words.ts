/** A word that is in five of a million messages. */
export const RARE_WORD = 'quixotrythan';

const COMMON = (
  'the of and to a in is you that it he was for on are as with his they at be this have from or one had by word but not ' +
  'what all were we when your can said there use an each which she do how their if will up other about out many then ' +
  'them these so some her would make like him into time has look two more write go see number no way could people my ' +
  'than first water been call who oil its now find long down day did get come made may part river model light answer'
).split(' ');
const SYLLABLES = 'ba ce di fo gu ha ki lo mu ne pi qua ra so te vi wen xa yo zu bra cle dro fin gor'.split(' ');
const COMMON_CHINESE =
  '我们 你们 他们 这个 那个 什么 可以 没有 因为 所以 如果 但是 时间 问题 现在 知道 使用 模型 数据 河流 学习 工作 中国'.split(
    ' ',
  );
const VOCABULARY = 30_000;
const CHARACTERS = 3000;

/** English-like text, the same for the same seed: common words as common as they are, and a long tail. */
export function englishText(seed: number, words: number): string {
  const random = mulberry32(seed);
  const sentence = Array.from({ length: words }, () => wordOf(zipf(random, VOCABULARY)));
  return `${sentence.join(' ')}.`;
}

/** Text of Han characters, some of them in words that occur. */
export function chineseText(seed: number, words: number): string {
  const random = mulberry32(seed);
  const parts = Array.from({ length: words }, () => {
    if (random() < 0.3) return COMMON_CHINESE[zipf(random, COMMON_CHINESE.length)]!;
    return String.fromCodePoint(0x4e00 + zipf(random, CHARACTERS) * 6);
  });
  return `${parts.join('')}。`;
}

function wordOf(rank: number): string {
  const common = COMMON[rank];
  if (common !== undefined) return common;
  let word = '';
  for (let rest = rank; rest > 0; rest = Math.floor(rest / SYLLABLES.length))
    word += SYLLABLES[rest % SYLLABLES.length];
  return word;
}

/** A rank from 0 on, about as likely as one over it. */
function zipf(random: () => number, size: number): number {
  return Math.floor(Math.exp(random() * Math.log(size + 1))) - 1;
}

/** A small generator by Tommy Ettinger, in the public domain. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
