import chardet from 'chardet';
import iconv from 'iconv-lite';

export type Decoded = { text: string; encoding: string; isGuess: boolean };

const SAMPLE_BYTES = 1 << 16;
/** Of the encodings that do not say what they are: those that texts of our time come in. */
const GUESSED = ['gb18030', 'big5', 'shift_jis', 'euc-jp', 'euc-kr', 'windows-1251', 'windows-1252'] as const;
const EAST_ASIAN: readonly string[] = ['gb18030', 'big5', 'shift_jis', 'euc-jp', 'euc-kr'];

/** Finds the encoding of a text by itself: marks first, then UTF-8 and UTF-16 by their form, then the likeliest of others. */
export function decodeText(bytes: Uint8Array): Decoded {
  const sure = markOf(bytes) ?? (isUtf8(bytes) ? 'utf-8' : unmarkedUtf16(bytes));
  const encoding = sure ?? guess(bytes.subarray(0, SAMPLE_BYTES));
  return { text: decodeAs(bytes, encoding), encoding, isGuess: sure === null };
}

/** Decodes as `encoding`, which a file names; one that nobody knows is found anew. */
export function decodeAs(bytes: Uint8Array, encoding: string): string {
  if (!iconv.encodingExists(encoding)) return decodeText(bytes).text;
  return iconv.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), encoding);
}

/** Whether the bytes can be a text at all. */
export function looksLikeText(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  return oddShare(decodeText(sample).text) < 0.02;
}

function markOf(bytes: Uint8Array): string | null {
  const [a, b, c, d] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? 'utf-32le' : 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  return null;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return !bytes.subarray(0, SAMPLE_BYTES).includes(0);
  } catch {
    return false;
  }
}

/** Every text has line ends, spaces or Latin letters, of which UTF-16 leaves one byte of two zero. */
function unmarkedUtf16(bytes: Uint8Array): string | null {
  const sample = Buffer.from(bytes.subarray(0, SAMPLE_BYTES));
  if (bytes.length % 2 !== 0 || !sample.includes(0)) return null;
  const shares = ['utf-16le', 'utf-16be'].map((encoding) => {
    const text = iconv.decode(sample, encoding);
    return { encoding, share: oddShare(text) < 0.01 ? ordinaryShare(text) : 0 };
  });
  const best = shares[0]!.share >= shares[1]!.share ? shares[0]! : shares[1]!;
  return best.share > 0.2 ? best.encoding : null;
}

/** The share of letters that nearly every text has: ASCII and the commonest Chinese ones. */
function ordinaryShare(text: string): number {
  let ordinary = 0;
  for (const letter of text) if (letter <= '\x7f' || FREQUENT.has(letter) || isKanaOrHangul(letter)) ordinary++;
  return ordinary / Math.max(1, text.length);
}

function guess(sample: Uint8Array): string {
  const confidence = new Map(chardet.analyse(sample).map(({ name, confidence }) => [name.toLowerCase(), confidence]));
  let best = { encoding: 'windows-1252', score: -Infinity };
  for (const encoding of GUESSED) {
    const text = iconv.decode(Buffer.from(sample), encoding);
    const score = (confidence.get(encoding) ?? 0) / 100 + plausibility(text, encoding);
    if (score > best.score) best = { encoding, score };
  }
  return best.encoding;
}

/** How much of a text is what texts of its writing are made of, less what cannot be: roughly -10 to 1. */
function plausibility(text: string, encoding: string): number {
  let common = 0;
  let all = 0;
  for (const letter of text) {
    if (letter <= '\x7f') continue;
    all++;
    if (EAST_ASIAN.includes(encoding) ? FREQUENT.has(letter) || isKanaOrHangul(letter) : /\p{L}|[‘-”–—]/u.test(letter))
      common++;
  }
  if (all === 0) return 0;
  // A letter of a Western encoding is any byte, so it says little.
  return (common / all) * (EAST_ASIAN.includes(encoding) ? 2 : 0.2) - 20 * oddShare(text);
}

function isKanaOrHangul(letter: string): boolean {
  return /[\u3041-\u30ff\uac00-\ud7a3\u3001\u3002\uff0c]/.test(letter);
}

function oddShare(text: string): number {
  let odd = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const isControl = code < 32 && code !== 9 && code !== 10 && code !== 13 && code !== 12;
    if (isControl || code === 0xfffd || (code >= 0x7f && code < 0xa0) || (code >= 0xe000 && code < 0xf900)) odd++;
  }
  return text.length === 0 ? 0 : odd / text.length;
}

/** The commonest characters of Chinese in both writings, some half of any text, with its punctuation. */
const FREQUENT = new Set(
  '，。、；：？！“”（）《》「」的一是不了在人有我他这這个個上们們来來到时時大地为為子中你说說生国國年着就那和要她出也得里裡后後自以会會家可下而过過天去能对對小多然于於心学學么麼之都好看起发發当當没沒成只如事把还還用第样樣道想作种種开開美总總从從无無情己面最女但现現前些所同日手又行意动動方期它头頭经經长長儿兒回位分爱愛老因很给給名法间間斯知世什两兩次使身者被高已其进進此话話常与與活正感见見明问問力理尔爾点點文几幾定本公特做外孩相西果走将將月十实實向声聲车車全信重三机機工物气氣每并別别真打太新比才便夫再书書部水像眼等体體却加电電主界门門利海受听聽表德少克代员員许許先口由死安写寫性马馬光白或住难難望教命花结結乐樂色',
);
