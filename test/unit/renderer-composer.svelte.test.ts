import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReadingPrice } from '../../main/contract/models.ts';
import type { Connection } from '../../renderer/app/connection.ts';
import { Composer, type Count } from '../../renderer/state/composer.svelte.ts';
import { memoryStorage } from '../support/renderer-support.ts';

let storage: Storage;
const answers: ((answer: Count | ReadingPrice | Error) => void)[] = [];
/** A connection whose calls are answered by hand, in any order. */
const connection = {
  call: () =>
    new Promise((resolve, reject) =>
      answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
    ),
} as unknown as Connection;

const open = (id: string | null = 'c1') => new Composer(id, connection, storage);
const tokens = (promptTokens: number): Count => ({ promptTokens, contextTokens: 100, cachedTokens: 0 });

beforeEach(() => {
  vi.useFakeTimers();
  storage = memoryStorage();
  answers.length = 0;
});
afterEach(() => void vi.useRealTimers());

describe('the draft', () => {
  it('is kept with every key press and gone once the message is saved', () => {
    const composer = open();
    composer.text = 'half a thou';
    expect(open().text).toBe('half a thou');
    composer.take();
    expect(composer.text).toBe('');
    expect(open().text).toBe('half a thou'); // the page may be closed before the assistant has answered
    composer.sent();
    expect(open().text).toBe('');
  });

  it('typed while a message is on its way survives both', () => {
    const composer = open();
    composer.text = 'one';
    composer.take();
    composer.text = 'two';
    expect(open().text).toBe('one\n\ntwo');
    composer.sent();
    expect(open().text).toBe('two');
  });

  it('goes on being typed where it is more than the tab may keep, and no older one is kept in its place', () => {
    const composer = open();
    composer.text = 'an older draft';
    storage.setItem = () => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
    };
    composer.text = 'a very long draft';
    expect(composer.text).toBe('a very long draft');
    expect(open().text).toBe('');
  });

  it('moves to the conversation that was created for it', () => {
    const composer = open(null);
    composer.text = 'first words';
    composer.moveTo('c9');
    expect(open(null).text).toBe('');
    expect(open('c9').text).toBe('first words');
  });
});

describe('the count', () => {
  it('is asked for once, 100 ms after the last key', async () => {
    const composer = open();
    for (const text of ['a', 'ab', 'abc']) {
      composer.text = text;
      await vi.advanceTimersByTimeAsync(99);
    }
    expect(answers).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toHaveLength(1);
  });

  it('is asked for once a second while an answer grows', async () => {
    const composer = open();
    for (let at = 0; at < 2500; at += 20) {
      composer.grew();
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(answers).toHaveLength(2);
  });

  it('of an older draft never replaces a newer one', async () => {
    const composer = open();
    composer.text = 'short';
    await vi.advanceTimersByTimeAsync(100);
    composer.text = 'much longer';
    await vi.advanceTimersByTimeAsync(100);
    answers[1]?.(tokens(60));
    answers[0]?.(tokens(30));
    await vi.advanceTimersByTimeAsync(0);
    expect(composer.count?.promptTokens).toBe(60);
  });

  it('says by how many tokens the prompt is too long', async () => {
    const composer = open();
    composer.count = tokens(99);
    expect(composer.tooMany).toBe(0);
    composer.count = tokens(100); // no room for a single token of the answer
    expect(composer.tooMany).toBe(1);
  });

  it('is unknown rather than old when the model cannot tell', async () => {
    const composer = open();
    composer.count = tokens(500);
    composer.text = 'x';
    await vi.advanceTimersByTimeAsync(100);
    answers[0]?.(new Error('no model'));
    await vi.advanceTimersByTimeAsync(0);
    expect(composer.count).toBeNull();
    expect(composer.tooMany).toBe(0);
  });
});

describe('the price of what would be sent', () => {
  const long: Count = { promptTokens: 40_000, contextTokens: 100_000, cachedTokens: 2000 };
  const price = (seconds: number): ReadingPrice => ({ seconds, followUpSeconds: 1.2, kvBytes: 5, fits: true });
  const settle = () => vi.advanceTimersByTimeAsync(0);

  async function counted(count: Count) {
    const composer = open();
    composer.text = 'x';
    await vi.advanceTimersByTimeAsync(100);
    answers[0]!(count);
    await settle();
    return composer;
  }

  it('is said where reading takes more than ten seconds', async () => {
    const composer = await counted(long);
    answers[1]!(price(190));
    await settle();
    expect(composer.price).toMatchObject({ seconds: 190, tokens: 38_000 });
    composer.text = 'xy';
    await vi.advanceTimersByTimeAsync(100);
    answers[2]!({ ...long, cachedTokens: 39_000 });
    await settle();
    answers[3]!(price(9));
    await settle();
    expect(composer.price).toBeNull();
  });

  it('is not asked for where next to nothing is new, or nothing can be sent', async () => {
    await counted({ ...long, cachedTokens: 39_950 });
    expect(answers).toHaveLength(1);
    answers.length = 0;
    await counted({ ...long, contextTokens: 40_000 });
    expect(answers).toHaveLength(1);
  });

  it('of an older draft never replaces a newer one, and one that cannot be told is none', async () => {
    const composer = await counted(long);
    composer.text = 'xy';
    await vi.advanceTimersByTimeAsync(100);
    answers[2]!(long);
    await settle();
    answers[3]!(new Error('no model'));
    answers[1]!(price(190));
    await settle();
    expect(composer.price).toBeNull();
  });
});
