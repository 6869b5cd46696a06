import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../native-models/checkpoint/errors.ts';
import { readHfTokenizer } from '../../native-models/checkpoint/hf-tokenizer.ts';
import { TokenType, type TokenizerSource } from '../../native-models/text/tokenizer-source.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { smollm2 } from '../support/golden-tokenizers.ts';

const saved = join(import.meta.dirname, '../golden/data/hf-qwen2-sharded');
let root = '';
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'longhand-vocabulary-'))));
afterAll(() => rm(root, { recursive: true }));

/** Some thousand real merges, split as Qwen2 splits: a tokenizer in the newer and in the older form. */
const { source } = smollm2();
const entries = source.tokens.map((content, id) => ({ id, content, special: source.types[id] === TokenType.control }));
const vocab = Object.fromEntries(entries.filter(({ special }) => !special).map(({ content, id }) => [content, id]));
const added = entries.filter(({ special }) => special);

type Files = { vocab: string | null; merges: string | null; settings: Record<string, unknown> | null };
const older = async (): Promise<Files> => ({
  vocab: JSON.stringify(vocab),
  merges: `#version: 0.2\n${source.merges.join('\n')}\n`,
  settings: {
    ...(JSON.parse(await readFile(join(saved, 'tokenizer_config.json'), 'utf8')) as object),
    tokenizer_class: 'Qwen2Tokenizer',
    added_tokens_decoder: Object.fromEntries(added.map(({ id, ...rest }) => [id, { ...rest, lstrip: false }])),
  },
});

async function read({ vocab: tokens, merges, settings }: Files, newer?: object): Promise<TokenizerSource> {
  const folder = await mkdtemp(join(root, 'x'));
  if (tokens !== null) await writeFile(join(folder, 'vocab.json'), tokens);
  if (merges !== null) await writeFile(join(folder, 'merges.txt'), merges);
  if (settings !== null) await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(settings));
  if (newer) await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(newer));
  return readHfTokenizer(folder, { vocabSize: source.tokens.length, eosTokenIds: [] });
}

async function newerForm(): Promise<TokenizerSource> {
  const file = JSON.parse(await readFile(join(saved, 'tokenizer.json'), 'utf8')) as { model: object };
  const model = { ...file.model, vocab, merges: source.merges };
  return read({ ...(await older()), vocab: null, merges: null }, { ...file, model, added_tokens: added });
}

describe('a tokenizer in vocab.json and merges.txt', () => {
  it('gives the tokens that its tokenizer.json gives', async () => {
    const [one, other] = [await newerForm(), await read(await older())];
    expect(other).toEqual(one);
    expect(other.pre).toBe('qwen2');
    const [newer, olderTokenizer] = [Tokenizer.fromSource(one), Tokenizer.fromSource(other)];
    const unit = fc.constantFrom('the', 'ing', ' ', '\n', "'s", '12', 'é', '你好', '👍', '<|im_end|>', 'Qw', '.', 'x');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(unit).map((all) => all.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          expect(olderTokenizer.encode(text)).toEqual(newer.encode(text));
          const piece = [{ text, special: true }];
          expect(olderTokenizer.encodePieces(piece)).toEqual(newer.encodePieces(piece));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('reads merges with the line ends of Windows and without a line of the version', async () => {
    const files = await older();
    const merges = files.merges!.replace(/^.*\n/, '').replaceAll('\n', '\r\n');
    expect((await read({ ...files, merges })).merges).toEqual(source.merges);
  });

  it('is not asked where there is a tokenizer.json', async () => {
    await expect(read({ ...(await older()), vocab: 'broken' }, {})).rejects.toThrow('tokenizer.json: model');
  });

  it.each<[string, (files: Files) => Partial<Files>, string, string]>([
    ['no merges', () => ({ merges: null }), 'missing-metadata', 'merges.txt is missing'],
    ['no tokens', () => ({ vocab: null }), 'missing-metadata', 'tokenizer.json is missing'],
    ['no settings', () => ({ settings: null }), 'missing-metadata', 'tokenizer_config.json is missing'],
    [
      'a class whose way to split is not known',
      ({ settings }) => ({ settings: { ...settings, tokenizer_class: 'GPT2Tokenizer' } }),
      'unsupported-tokenizer',
      'GPT2Tokenizer',
    ],
    [
      'a space before the text',
      ({ settings }) => ({ settings: { ...settings, add_prefix_space: true } }),
      'unsupported-tokenizer',
      'add_prefix_space',
    ],
    [
      'no special tokens',
      ({ settings }) => ({ settings: { ...settings, added_tokens_decoder: undefined } }),
      'corrupt-checkpoint',
      'added_tokens_decoder',
    ],
    ['three parts in a merge', () => ({ merges: 'a b\na b c\n' }), 'corrupt-checkpoint', 'line 2'],
    ['an id that is no number', () => ({ vocab: '{"a": "b"}' }), 'corrupt-checkpoint', 'vocab.json: a'],
    ['more tokens than rows', () => ({ vocab: '{"a": 900000}' }), 'corrupt-checkpoint', '900001 tokens'],
  ])('is refused with the reason when it has %s', async (_, change, code, words) => {
    const files = await older();
    const outcome: unknown = await read({ ...files, ...change(files) }).catch((error: unknown) => error);
    if (!(outcome instanceof CheckpointError)) throw new Error('not refused', { cause: outcome });
    expect(outcome.message).toContain(words);
    expect(outcome.code).toBe(code);
  });
});
