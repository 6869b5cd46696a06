import { afterEach, describe, expect, it } from 'vitest';
import { Encoder } from '../../main/engine/encoder.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { smollm2 } from '../support/golden-tokenizers.ts';

const { source } = smollm2();
const tokenizer = Tokenizer.fromSource(source);
const encoder = new Encoder(source, tokenizer);
afterEach(() => encoder.close());

const long = [
  { text: '<|im_start|>user\n', special: true },
  { text: 'The quick brown <|im_end|> fox, 你好 👍🏽. '.repeat(4000), special: false },
  { tokens: [1, 2, 3] },
];

describe('a prompt', () => {
  it('has the same tokens however long it is, wherever it is tokenised', async () => {
    expect(await encoder.encode(long)).toEqual(tokenizer.encodePieces(long));
    const short = [{ text: '<|im_end|>', special: true }];
    expect(await encoder.encode(short)).toEqual(tokenizer.encodePieces(short));
  });

  it('can be stopped while it is tokenised, and the next one comes all the same', async () => {
    const stop = new AbortController();
    const huge = [{ text: 'abc 123 '.repeat(2_000_000), special: false }];
    const stopped = encoder.encode(huge, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(stopped).rejects.toThrow('enough');
    expect(await encoder.encode(long)).toHaveLength(tokenizer.encodePieces(long).length);
  });

  it('fails when the model is put away meanwhile, and does not hang', async () => {
    const counting = encoder.encode(long);
    encoder.close();
    await expect(counting).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('is tokenised elsewhere when it is long, and on the spot when it is short', async () => {
    const here = Tokenizer.fromSource(source);
    here.encodePiecesAsync = () => Promise.reject(new Error('on the spot'));
    const watched = new Encoder(source, here);
    expect(await watched.encode(long)).toHaveLength(tokenizer.encodePieces(long).length);
    await expect(watched.encode([{ text: 'short', special: false }])).rejects.toThrow('on the spot');
    watched.close();
  });
});
