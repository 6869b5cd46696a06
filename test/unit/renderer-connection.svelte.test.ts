import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LonghandError } from '../../main/contract/errors.ts';
import { Connection, type ConnectionState, type Dial } from '../../renderer/app/connection.ts';
import { tokenIn, takeToken } from '../../renderer/app/socket.ts';
import { TestLine, memoryStorage, until } from '../support/renderer-support.ts';
import { readyStatus } from '../support/scripted-data.ts';

describe('the line to the assistant', () => {
  let line: TestLine;
  beforeEach(() => void (line = new TestLine()));
  afterEach(() => line.connection.close());

  it('is dialled again by itself when it breaks', async () => {
    await until(() => expect(line.states).toEqual(['connected']));
    line.cut();
    await until(() => expect(line.states).toEqual(['connected', 'reconnecting', 'connected']));
    await expect(line.connection.call((client) => client.system.hello())).resolves.toMatchObject({
      version: '0.0.0',
    });
  });

  it('fails a call with the assistant’s own error while it is up', async () => {
    await until(() => expect(line.connection.state).toBe('connected'));
    const rename = line.connection.call((client) => client.chat.rename({ id: 'none', title: 'x' }));
    await expect(rename).rejects.toMatchObject({ code: 'not-found' });
  });

  it('fails calls in flight, and new ones, with one error while it is down', async () => {
    await until(() => expect(line.connection.state).toBe('connected'));
    const inFlight = line.connection.call(async (client) => {
      line.cut();
      return client.system.hello();
    });
    await expect(inFlight).rejects.toMatchObject({ code: 'assistant-stopped' });
    await expect(line.connection.call((client) => client.system.hello())).rejects.toMatchObject({
      code: 'assistant-stopped',
    });
  });

  it('opens its streams again after a break', async () => {
    const seen: string[] = [];
    const stop = new AbortController();
    const following = line.connection.follow(
      (client, options) => client.models.watch(undefined, options),
      ({ state }) => seen.push(state),
      stop.signal,
    );
    await until(() => expect(seen).toEqual(['ready']));
    line.cut();
    await until(() => expect(seen).toEqual(['ready', 'ready']));
    line.assistant.setStatus({ ...readyStatus, state: 'loading' });
    await until(() => expect(seen.at(-1)).toBe('loading'));
    stop.abort();
    await following;
    line.assistant.setStatus(readyStatus);
    expect(seen).toEqual(['ready', 'ready', 'loading']);
  });

  it('gives up a stream that the assistant refuses', async () => {
    const follow = line.connection.follow(
      (client, options) => client.chat.watch({ id: 'none' }, options),
      () => {},
      new AbortController().signal,
    );
    await expect(follow).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('dialling', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function start(dial: Dial) {
    const states: ConnectionState[] = [];
    const connection = new Connection(dial, (state) => states.push(state));
    return { connection, states };
  }

  it('waits longer after each failure, up to four seconds', async () => {
    const times: number[] = [];
    const began = Date.now();
    const { connection } = start(async () => {
      times.push(Date.now() - began);
      throw new Error('absent');
    });
    await vi.advanceTimersByTimeAsync(16_000);
    expect(times).toEqual([0, 250, 750, 1750, 3750, 7750, 11_750, 15_750]);
    connection.close();
  });

  it('dials at once when it is asked to', async () => {
    const dial = vi.fn(async () => Promise.reject(new Error('absent')));
    const { connection } = start(dial);
    await vi.advanceTimersByTimeAsync(1800);
    const before = dial.mock.calls.length;
    connection.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect(dial).toHaveBeenCalledTimes(before + 1);
    connection.close();
  });

  it('stops when it is refused, until it is asked to try again', async () => {
    const dial = vi.fn(async () => Promise.reject(new LonghandError('unauthorised', 'No.')));
    const { connection, states } = start(dial);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dial).toHaveBeenCalledTimes(1);
    expect(states).toEqual(['refused']);
    connection.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect(dial).toHaveBeenCalledTimes(2);
    expect(states).toEqual(['refused', 'connecting', 'refused']);
  });

  it('does not dial any more once it is closed', async () => {
    const dial = vi.fn(async () => Promise.reject(new Error('absent')));
    const { connection } = start(dial);
    await vi.advanceTimersByTimeAsync(300);
    connection.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dial).toHaveBeenCalledTimes(2);
  });
});

describe('the token', () => {
  it.each([
    ['', null],
    ['#', null],
    ['#/', null],
    ['#/conversation/c1', null],
    ['#aZ09_-', 'aZ09_-'],
  ])('in the fragment %j is %j', (hash, token) => expect(tokenIn(hash)).toBe(token));

  it('leaves the address and stays with the tab', () => {
    const replaceState = vi.fn();
    const sessionStorage = memoryStorage();
    const page = (hash: string) =>
      ({ location: { hash, pathname: '/' }, history: { replaceState }, sessionStorage }) as unknown as Window;
    expect(takeToken(page(''))).toBe('');
    expect(takeToken(page('#secret'))).toBe('secret');
    expect(replaceState).toHaveBeenCalledExactlyOnceWith(null, '', '/');
    expect(takeToken(page('#/conversation/c1'))).toBe('secret');
  });
});
