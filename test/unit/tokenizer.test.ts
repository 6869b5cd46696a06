import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preTokenizers, safeWindows } from '../../native-models/text/pre-tokenizers.ts';
import { parseTokenizerSource, TokenType, writeTokenizerSource } from '../../native-models/text/tokenizer-source.ts';
import { Detokenizer, Tokenizer, type Piece } from '../../native-models/text/tokenizer.ts';
import { qwen25, smollm2 } from '../support/golden-tokenizers.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const smolSource = smollm2().source;
const smol = Tokenizer.fromSource(smolSource);
const qwenSource = qwen25().source;
const qwen = Tokenizer.fromSource(qwenSource);

/** Bytes for which SmolLM2 has tokens: all that assigned characters need but some control codes. */
const smolCanSpell = (text: string) => [...new TextEncoder().encode(text)].every((byte) => smolBytes.has(byte));
const smolBytes = new Set(
  smolSource.tokens.flatMap((_, id) => (smolSource.types[id] === TokenType.normal ? [...smol.tokenBytes(id)] : [])),
);

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom(' ', '\n', '\r', '\t', "'s", 'a', '1', '你', '，', '\u0301', '👍', '\u0085', '='))
    .map((parts) => parts.join('')),
);

describe('encoding and decoding', () => {
  it('gives back any text', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(qwen.decode(qwen.encode(value))).toBe(value.normalize('NFC'));
        fc.pre(smolCanSpell(value));
        expect(smol.decode(smol.encode(value))).toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  it('never makes a special token of plain text', () => {
    const spelled = fc.constantFrom('<|im_start|>', '<|im_end|>', '<tool_call>', '<|im_', 'end|>', '\n', 'user', '<');
    fc.assert(
      fc.property(
        fc.array(spelled).map((parts) => parts.join('')),
        (value) => {
          for (const id of qwen.encode(value)) expect(qwenSource.types[id]).toBe(TokenType.normal);
          expect(qwen.decode(qwen.encode(value))).toBe(value);
        },
      ),
    );
  });

  it('cannot be led by merges into a special token', () => {
    const source = tinySource();
    const hello = source.tokens.indexOf('hello');
    const types = source.types.map((type, id) => (id === hello ? TokenType.control : type));
    expect(Tokenizer.fromSource(source).encode('hello')).toEqual([hello]);
    expect(Tokenizer.fromSource({ ...source, types }).encode('hello')).not.toContain(hello);
  });

  it('gives half a surrogate pair the token of U+FFFD', () => {
    expect(smol.decode(smol.encode('a\ud83db'))).toBe('a\ufffdb');
  });

  it('keeps composed and decomposed text apart only where the model does', () => {
    expect(qwen.encode('cafe\u0301')).toEqual(qwen.encode('caf\u00e9'));
    expect(smol.encode('cafe\u0301')).not.toEqual(smol.encode('caf\u00e9'));
  });

  it('composes across the segments of a long text', () => {
    const filler = 'e\u0301 '.repeat(100_000); // three segments, none of them cut between letter and accent
    expect(qwen.decode(qwen.encode(filler))).toBe(filler.normalize('NFC'));
  });

  it('gives a long text the tokens of its parts', () => {
    const sentence = "It's 3 o'clock; 你好，世界 ok.\n";
    const ids = smol.encode(sentence);
    const repeated = smol.encode(sentence.repeat(20_000));
    expect(repeated).toHaveLength(ids.length * 20_000);
    expect(repeated.slice(-ids.length)).toEqual(ids);
  });

  it.each(['a', ' ', '\n', '=', '你', 'é', '👍'])('gives back 100,000 of %j in a row', (character) => {
    const value = character.repeat(100_000);
    expect(smol.decode(smol.encode(value))).toBe(value);
  });

  it('takes about four times as long for a piece four times as long', () => {
    const best = (characters: number) => {
      const runs = Array.from({ length: 4 }, () => {
        const start = performance.now();
        smol.encode('a'.repeat(characters));
        return performance.now() - start;
      });
      return Math.min(...runs);
    };
    expect(best(60_000) / best(15_000)).toBeLessThan(10); // 16 were it quadratic
  });

  it('merges a long piece as a short one is merged: lowest rank first, leftmost on ties', () => {
    const tiny = Tokenizer.fromSource(tinySource());
    // The same letters below and above the length at which scanning gives way to a heap.
    fc.assert(
      fc.property(fc.array(fc.constantFrom('h', 'e', 'l', 'o'), { minLength: 40, maxLength: 200 }), (letters) => {
        expect(spell(tiny, letters.join(''))).toEqual(mergeNaively(letters, ['h e', 'l l', 'he ll', 'hell o']));
      }),
    );
  });
});

describe.each(Object.entries(preTokenizers))('the windows of %s', (_, { pattern }) => {
  it('are cut only where the pattern cuts too', () => {
    const unit = fc.constantFrom('a', 'é', '你', '1', '½', ' ', '\n', "'", "'s", '.', '，', '👍', '\u0301', '\u00a0');
    fc.assert(
      fc.property(fc.array(unit, { minLength: 50, maxLength: 400 }), (units) => {
        // A window is 65,536 characters, so a prefix moves its end over the random part.
        const value = 'word '.repeat(13_080) + units.join('');
        const pieces = [...safeWindows(value)].flatMap((window) => window.match(pattern) ?? []);
        expect(pieces).toEqual(value.match(pattern));
      }),
      { numRuns: 30 },
    );
  });

  it('hold the whole text even where nothing can be cut', () => {
    const value = '👍'.repeat(100_000);
    const windows = [...safeWindows(value)];
    expect(windows.join('')).toBe(value);
    expect(windows.every((window) => window.isWellFormed())).toBe(true);
  });
});

describe('pieces of a prompt', () => {
  const plain = (value: string): Piece => ({ text: value, special: false });
  const literal = (value: string): Piece => ({ text: value, special: true });

  it('give the tokens of the whole text, wherever it is cut', () => {
    const value = "I'll say hello 你好 123\n\n  there";
    for (let cut = 0; cut <= value.length; cut++) {
      const pieces = [plain(value.slice(0, cut)), plain(''), literal(value.slice(cut))];
      expect(qwen.encodePieces(pieces)).toEqual(qwen.encode(value));
    }
  });

  it('know special tokens only where a piece may spell them', () => {
    const end = qwen.specialId('<|im_end|>')!;
    expect(qwen.encodePieces([literal('<|im_end|>')])).toEqual([end]);
    expect(qwen.encodePieces([plain('<|im_end|>')])).not.toContain(end);
    expect(qwen.encodePieces([literal('<|im_'), plain('end|>')])).not.toContain(end);
    expect(qwen.encodePieces([plain('<|im_'), literal('end|>')])).not.toContain(end);
  });

  it('take the longer of two special tokens that start alike', () => {
    const source = tinySource();
    const longer = { ...source, tokens: [...source.tokens, '<|im_end|><|im_end|>'], types: [...source.types, 3] };
    const tokenizer = Tokenizer.fromSource(longer);
    const ids = tokenizer.encodePieces([literal('a<|im_end|><|im_end|><|im_end|>b')]);
    expect(ids.slice(1, -1)).toEqual([tokenizer.specialId('<|im_end|><|im_end|>'), tokenizer.specialId('<|im_end|>')]);
  });

  it('pass generated tokens on as they are, and merge nothing across them', () => {
    const hello = [104, 101, 108, 108]; // bytes that would merge, were they text
    const tiny = Tokenizer.fromSource(tinySource());
    expect(tiny.encodePieces([plain('h'), { tokens: hello }, plain('ello')])).toEqual([
      ...tiny.encode('h'),
      ...hello,
      ...tiny.encode('ello'),
    ]);
  });

  it('give the same tokens when they are encoded step by step', async () => {
    const pieces = [literal('<|im_start|>user\n'), plain('hello world, 你好 '.repeat(5000)), { tokens: [1, 2, 3] }];
    expect(await smol.encodePiecesAsync(pieces)).toEqual(smol.encodePieces(pieces));
  });

  it('let other events run while a document is encoded', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await smol.encodePiecesAsync([plain('The quick brown fox jumps. 你好 '.repeat(50_000))]);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it('do not mix when two documents are encoded at once', async () => {
    const one = [plain('alpha beta gamma '.repeat(20_000))];
    const two = [plain('1 two 三, vier; '.repeat(20_000))];
    const both = await Promise.all([smol.encodePiecesAsync(one), smol.encodePiecesAsync(two)]);
    expect(both).toEqual([smol.encodePieces(one), smol.encodePieces(two)]);
  });

  it('stop soon when they are no longer wanted', async () => {
    const stop = new AbortController();
    const start = performance.now();
    const encoding = smol.encodePiecesAsync([plain('a b c d '.repeat(4_000_000))], { signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    await expect(encoding).rejects.toThrow('aborted');
    expect(performance.now() - start).toBeLessThan(1000);
    await expect(smol.encodePiecesAsync([], { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  });
});

describe('the detokenizer', () => {
  it('holds back a character until all its bytes are there', () => {
    const ids = smol.encode('👍');
    expect(ids.length).toBeGreaterThan(1);
    const detokenizer = new Detokenizer(smol);
    expect(ids.map((id) => detokenizer.push(id))).toEqual([...ids.slice(1).map(() => ''), '👍']);
  });

  it('never shows half a character, and loses none', () => {
    fc.assert(
      fc.property(text, (value) => {
        fc.pre(smolCanSpell(value) && !value.includes('\ufffd'));
        const detokenizer = new Detokenizer(smol);
        const shown = smol.encode(value).map((id) => detokenizer.push(id));
        for (const part of shown) expect(part).not.toContain('\ufffd');
        expect(shown.join('') + detokenizer.flush()).toBe(value);
      }),
    );
  });

  it('shows U+FFFD for a character that stays incomplete, and can go on', () => {
    const detokenizer = new Detokenizer(smol);
    detokenizer.push(smol.encode('👍')[0]!);
    expect(detokenizer.flush()).toBe('\ufffd');
    expect(detokenizer.push(smol.encode('a')[0]!)).toBe('a');
  });

  it('hides control tokens and shows user-defined ones', () => {
    const ids = ['<|im_start|>', '<tool_call>', '<|im_end|>'].map((spelling) => qwen.specialId(spelling)!);
    expect(qwen.decode(ids)).toBe('<tool_call>');
    expect(ids.map((id) => qwen.isControl(id))).toEqual([true, false, true]);
  });

  it('shows nothing for padding rows', () => {
    expect(qwen.isControl(qwen.vocabSize)).toBe(true);
    expect(qwen.tokenBytes(qwen.vocabSize)).toHaveLength(0);
    expect(qwen.decode([qwen.vocabSize + 5])).toBe('');
  });

  it('keeps a byte order mark that the model wrote', () => {
    expect(smol.decode(smol.encode('\ufeffa'))).toBe('\ufeffa');
  });
});

describe('a tokenizer source', () => {
  it('survives being written and read', () => {
    expect(parseTokenizerSource(writeTokenizerSource(smolSource))).toEqual(smolSource);
  });

  it.each([
    ['no JSON', 'not json', 'not JSON'],
    ['another format', JSON.stringify({ format: 2 }), 'damaged at format'],
    ['a token that is a number', writeTokenizerSource(tinySource()).replace('"!"', '7'), 'damaged at tokens.33'],
    [
      'a type too few',
      writeTokenizerSource(tinySource()).replace('"types":"1', '"types":"'),
      '268 tokens but 267 types',
    ],
  ])('is refused when it holds %s', (_, json, words) => {
    expect(() => parseTokenizerSource(json)).toThrow(words);
    expect(() => parseTokenizerSource(json)).toThrow(expect.objectContaining({ code: 'bad-tokenizer' }));
  });

  it('is refused by name when its pre-tokeniser is unknown', () => {
    for (const pre of ['llama-bpe', 'constructor']) {
      expect(() => Tokenizer.fromSource({ ...tinySource(), pre })).toThrow(`"${pre}" is not supported; supported are`);
    }
  });

  it('is refused when it cannot spell plain English', () => {
    const source = tinySource();
    const tokens = source.tokens.map((token) => (token === 'k' ? 'kk' : token));
    expect(() => Tokenizer.fromSource({ ...source, tokens })).toThrow('no token for "k"');
  });

  it('may list merges that its vocabulary lacks', () => {
    const source = { ...tinySource(), merges: ['a b', 'nonsense', 'h e'] };
    expect(spell(Tokenizer.fromSource(source), 'abhe')).toEqual(['a', 'b', 'he']);
  });
});

function tinySource() {
  const metadata = tinyCheckpoint().metadata as Record<string, unknown>;
  return {
    pre: 'qwen2',
    tokens: (metadata['tokenizer.ggml.tokens'] as string[]).slice(0, 268),
    types: (metadata['tokenizer.ggml.token_type'] as number[]).slice(0, 268),
    merges: metadata['tokenizer.ggml.merges'] as string[],
    bosTokenId: null,
    eosTokenIds: [266],
    padTokenId: null,
    addBosToken: false,
    chatTemplate: null,
  };
}

function spell(tokenizer: Tokenizer, value: string): string[] {
  return tokenizer.encode(value).map((id) => tokenizer.decode([id]));
}

/** The definition, without any attempt at speed. */
function mergeNaively(symbols: string[], merges: string[]): string[] {
  const parts = [...symbols];
  for (;;) {
    const ranks = parts.slice(1).map((right, i) => merges.indexOf(`${parts[i]} ${right}`));
    const best = Math.min(...ranks.filter((rank) => rank >= 0));
    if (best === Infinity) return parts;
    const at = ranks.indexOf(best);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}
