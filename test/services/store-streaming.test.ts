import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openReadable } from '../../main/services/store/db.ts';
import { databaseIn, failure, killHard, open, startAnswer, startChild, tempFolder } from './store-support.ts';

const METRICS = {
  promptTokens: 12,
  cachedTokens: 8,
  newTokens: 4,
  generatedTokens: 3,
  prefillMs: 10,
  decodeMs: 30,
  firstTokenMs: 11,
  prefillTokensPerSecond: 400,
  decodeTokensPerSecond: 100,
};

describe('an answer that is being written', () => {
  it('is read with every piece so far, by itself and on its path', () => {
    const store = open();
    const { answer } = startAnswer(store);
    store.messages.appendChunk(answer.id, 'Be', [10]);
    store.messages.appendChunk(answer.id, '', [11, 12]);
    store.messages.appendChunk(answer.id, 'cause', []);
    const expected = { state: 'streaming', text: 'Because', tokens: Int32Array.of(10, 11, 12) };
    expect(store.messages.get(answer.id)).toMatchObject(expected);
    expect(store.messages.path(answer.id).at(-1)).toMatchObject(expected);
  });

  it('keeps everything when it ends, and how it ended', () => {
    const store = open();
    const { answer, conversationId } = startAnswer(store);
    store.messages.appendChunk(answer.id, 'Because', Int32Array.of(10, 11));
    const before = store.conversations.get(conversationId)?.updatedMs ?? 0;
    const ended = store.messages.finish(answer.id, { state: 'complete', finishReason: 'stop', metrics: METRICS });
    expect(ended).toMatchObject({
      state: 'complete',
      text: 'Because',
      tokens: Int32Array.of(10, 11),
      finishReason: 'stop',
      metrics: METRICS,
    });
    expect(store.messages.get(answer.id)).toEqual(ended);
    expect(store.conversations.get(conversationId)?.updatedMs).toBeGreaterThanOrEqual(before);
  });

  it('keeps its error when it failed', () => {
    const store = open();
    const { answer } = startAnswer(store);
    const error = {
      code: 'engine-stopped' as const,
      message: 'The model process stopped.',
      details: { exitCode: 137 },
    };
    store.messages.finish(answer.id, { state: 'failed', finishReason: 'error', error });
    expect(store.messages.get(answer.id)).toMatchObject({ state: 'failed', error, tokens: null, text: '' });
  });

  it('goes on after a stop where it was, without the old error', () => {
    const store = open();
    const { answer } = startAnswer(store);
    store.messages.appendChunk(answer.id, 'Be', [1]);
    store.messages.finish(answer.id, { state: 'stopped', finishReason: 'aborted', error: null });
    expect(store.messages.startStreaming(answer.id)).toMatchObject({
      state: 'streaming',
      finishReason: null,
      text: 'Be',
    });
    store.messages.appendChunk(answer.id, 'cause', [2]);
    store.messages.finish(answer.id, { state: 'complete', finishReason: 'stop' });
    expect(store.messages.get(answer.id)).toMatchObject({ text: 'Because', tokens: Int32Array.of(1, 2) });
    expect(store.search.find('because')).toHaveLength(1);
  });

  it('accepts pieces only between its start and its end', () => {
    const store = open();
    const { answer, question, conversationId } = startAnswer(store);
    const append = (id: string) => () => store.messages.appendChunk(id, 'x', [1]);
    append(answer.id)();
    store.messages.finish(answer.id, { state: 'complete' });
    expect(append(answer.id)).toThrow('not streaming');
    expect(append(question.id)).toThrow('not streaming');
    const waiting = store.messages.insert({ conversationId, parentId: null, role: 'assistant', state: 'waiting' });
    expect(append(waiting.id)).toThrow('not streaming');
    expect(failure(() => store.messages.finish('nothing', { state: 'complete' })).code).toBe('not-found');
    expect(store.messages.get(answer.id)?.text).toBe('x');
  });

  it('does not become searchable before its end', () => {
    const store = open();
    const { answer } = startAnswer(store);
    store.messages.appendChunk(answer.id, 'scattering', [1]);
    expect(store.search.find('scattering')).toEqual([]);
    store.messages.finish(answer.id, { state: 'stopped' });
    expect(store.search.find('scattering')).toMatchObject([{ messageId: answer.id }]);
  });

  it('may run beside others without mixing with them', () => {
    const store = open();
    const answers = [startAnswer(store), startAnswer(store), startAnswer(store)].map(({ answer }) => answer.id);
    for (let token = 0; token < 20; token += 1) {
      for (const [index, id] of answers.entries()) store.messages.appendChunk(id, `${index}`, [index, token]);
    }
    for (const [index, id] of answers.entries()) {
      expect(store.messages.finish(id, { state: 'complete' })).toMatchObject({ text: `${index}`.repeat(20) });
      expect(store.messages.get(id)?.tokens?.subarray(0, 4)).toEqual(Int32Array.of(index, 0, index, 1));
    }
  });
});

describe('recovering after the process died', () => {
  it('marks what was written or waited for, with its text and the time of its last piece', () => {
    let now = 1000;
    const path = databaseIn(tempFolder());
    const first = open(path, { now: () => (now += 1000) });
    const { answer, question, conversationId } = startAnswer(first);
    first.messages.appendChunk(answer.id, 'Be', [1]);
    first.messages.appendChunk(answer.id, 'cause', [2]);
    const lastPiece = now;
    const waiting = first.messages.insert({
      conversationId,
      parentId: question.id,
      role: 'assistant',
      state: 'waiting',
    });
    first.close();

    now = 9_000_000;
    const store = open(path, { now: () => now });
    expect(store.messages.recoverInterrupted()).toEqual([answer.id, waiting.id]);
    expect(store.messages.get(answer.id)).toMatchObject({
      state: 'interrupted',
      text: 'Because',
      tokens: Int32Array.of(1, 2),
      updatedMs: lastPiece,
    });
    expect(store.messages.get(waiting.id)).toMatchObject({
      state: 'interrupted',
      text: '',
      updatedMs: waiting.updatedMs,
    });
    expect(store.messages.get(question.id)?.state).toBe('complete');
    expect(store.messages.recoverInterrupted()).toEqual([]);
  });

  it('loses nothing that was committed, wherever in twenty runs kill -9 hits', { timeout: 60_000 }, async () => {
    const path = databaseIn(tempFolder());
    let acknowledged = 0;
    let interrupted = 0;
    for (let run = 0; run < 20; run += 1) {
      const { child, firstLine, lines } = startChild('write', path);
      await firstLine;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      await killHard(child);

      const db = openReadable(path);
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(db.pragma('foreign_key_check')).toEqual([]);
      db.close();
      const store = open(path);
      interrupted += store.messages.recoverInterrupted().length;
      for (const [id, count, state] of latestOf(lines)) {
        const message = store.messages.get(id);
        const tokens = Array.from(message?.tokens ?? []);
        expect(tokens.length).toBeGreaterThanOrEqual(count);
        expect(tokens).toEqual(Array.from(tokens, (_, index) => index));
        expect(message?.text).toBe(tokens.map((token) => `w${token} `).join(''));
        if (state === 'complete') expect(message?.state).toBe('complete');
        acknowledged += count;
      }
      store.close();
    }
    console.log(`kill -9, 20 runs: ${acknowledged} acknowledged tokens, all there; ${interrupted} answers interrupted`);
    expect(acknowledged).toBeGreaterThan(100);
    expect(interrupted).toBeGreaterThan(0);
  });
});

describe('speed', () => {
  it('commits a token in microseconds and folds a long answer quickly', () => {
    const store = open(databaseIn(tempFolder()));
    const { answer } = startAnswer(store);
    const micros: number[] = [];
    for (let token = 0; token < 5000; token += 1) {
      const start = performance.now();
      store.messages.appendChunk(answer.id, ' word', [token]);
      micros.push((performance.now() - start) * 1000);
    }
    micros.sort((a, b) => a - b);
    const at = (share: number) => micros[Math.floor(micros.length * share)]?.toFixed(1);
    const start = performance.now();
    store.messages.finish(answer.id, { state: 'complete' });
    const foldMs = performance.now() - start;
    console.log(
      `token commit: median ${at(0.5)} µs, p99 ${at(0.99)} µs; folding 5,000 tokens: ${foldMs.toFixed(1)} ms`,
    );
    expect(store.messages.get(answer.id)?.tokens).toHaveLength(5000);
  });

  it('reads the path of a conversation of 10,000 messages', () => {
    const store = open(join(tempFolder(), 'longhand.db'));
    const conversationId = store.conversations.create().id;
    let parentId: string | null = null;
    store.durably(() => {
      for (let index = 0; index < 10_000; index += 1) {
        const role = index % 2 === 0 ? 'user' : 'assistant';
        parentId = store.messages.insert({ conversationId, parentId, role, text: 'some words '.repeat(20) }).id;
      }
    });
    const start = performance.now();
    const path = store.messages.path(parentId ?? '');
    console.log(`path of 10,000 messages: ${(performance.now() - start).toFixed(1)} ms`);
    expect(path).toHaveLength(10_000);
  });
});

/** The last thing said about each message: id, tokens, state. */
function latestOf(lines: string[]): [id: string, count: number, state: string][] {
  const latest = new Map<string, [string, number, string]>();
  for (const line of lines) {
    const [id = '', count = '', state = ''] = line.split(' ');
    latest.set(id, [id, Number(count), state]);
  }
  return [...latest.values()];
}
