import { afterEach, describe, expect, it } from 'vitest';
import { Encoder, type Chat } from '../../main/engine/encoder.ts';
import { renderChat } from '../../native-models/text/chat-template.ts';
import { Tokenizer } from '../../native-models/text/tokenizer.ts';
import { smollm2 } from '../support/golden-tokenizers.ts';

const { source, chatTemplate: template, eosToken } = smollm2();
const tokenizer = Tokenizer.fromSource(source);
const encoder = new Encoder(source, tokenizer);
afterEach(() => encoder.close());

const format = { template, options: { addGenerationPrompt: true, eosToken } };
const chatOf = (content: string): Chat => ({ ...format, messages: [{ role: 'user', content }] });
/** As one would do it without an encoder. */
const tokensOf = ({ messages }: Chat) => tokenizer.encodePieces(renderChat(template, messages, format.options));

const text = 'The quick brown <|im_end|> fox, 你好 👍🏽. '.repeat(4000);
const long: Chat = {
  ...format,
  messages: [
    { role: 'user', content: text },
    { role: 'assistant', content: '', tokens: [1, 2, 3] },
    { role: 'user', content: 'And?' },
  ],
};
const many: Chat = { ...format, messages: Array.from({ length: 999 }, () => ({ role: 'user', content: 'Yes.' })) };

describe('a prompt', () => {
  it('has the same tokens however long it is, wherever it is tokenised', async () => {
    for (const chat of [long, many, chatOf('<|im_end|>')])
      expect(Array.from(await encoder.encode(chat))).toEqual(tokensOf(chat));
  });

  it('can be stopped while it is tokenised, and the next one comes all the same', async () => {
    const stop = new AbortController();
    const huge = chatOf('abc 123 '.repeat(2_000_000));
    const stopped = encoder.encode(huge, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(stopped).rejects.toThrow('enough');
    expect(await encoder.encode(long)).toHaveLength(tokensOf(long).length);
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
    expect(await watched.encode(long)).toHaveLength(tokensOf(long).length);
    expect(await watched.encode(many)).toHaveLength(tokensOf(many).length);
    await expect(watched.encode(chatOf('short'))).rejects.toThrow('on the spot');
    watched.close();
  });

  it('in a format that cannot be read fails alike here and there', async () => {
    const broken = { ...format, template: '{% for %}' };
    await expect(encoder.encode({ ...chatOf('short'), ...broken })).rejects.toMatchObject({
      code: 'bad-chat-template',
    });
    await expect(encoder.encode({ ...long, ...broken })).rejects.toMatchObject({ code: 'bad-chat-template' });
  });
});

describe('texts that are counted one by one', () => {
  it.each([3, 3000])('each count as a prompt of their own (%i of them)', async (count) => {
    const texts = Array.from({ length: count }, (_, index) => 'word '.repeat(index % 9));
    const counts = await encoder.countEach({ ...format, texts });
    expect(counts).toEqual(texts.map((content) => tokensOf(chatOf(content)).length));
  });
});
