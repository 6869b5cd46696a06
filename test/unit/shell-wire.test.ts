import { describe, expect, it } from 'vitest';
import type { Port } from '../../main/contract/client.ts';
import { createChannel } from '../../main/shell/node/channel.ts';
import { Wire, type Frame } from '../../main/shell/node/wire.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Everything that happens at a port, in order: data as it is, and 'closed'. */
function listen(port: Port): unknown[] {
  const events: unknown[] = [];
  port.addEventListener('message', ({ data }) => void events.push(data));
  port.addEventListener('close', () => void events.push('closed'));
  return events;
}

/** Two wires joined as by a fork: frames are copied as the IPC channel would. */
function joinedWires() {
  const opened: { data: unknown; ports: Port[] }[] = [];
  const frames: Frame[] = [];
  const carry = (to: () => Wire) => (frame: Frame) => {
    frames.push(frame);
    to().receive(structuredClone(frame));
  };
  const shell: Wire = new Wire({ send: carry(() => child) });
  const child: Wire = new Wire({
    send: carry(() => shell),
    onPorts: (data, ports) => void opened.push({ data, ports }),
  });
  return { shell, child, opened, frames };
}

describe('a channel', () => {
  it('delivers in order, after the sender has gone on, and only once the port was started', async () => {
    const [a, b] = createChannel();
    const events = listen(b);
    a.postMessage(1);
    a.postMessage(2);
    await turn();
    expect(events).toEqual([]);
    b.start?.();
    expect(events).toEqual([]);
    a.postMessage(3);
    await turn();
    expect(events).toEqual([1, 2, 3]);
  });

  it('delivers what was sent before the other end closed, then says so at both ends', async () => {
    const [a, b] = createChannel();
    const [atA, atB] = [listen(a), listen(b)];
    a.start?.();
    a.postMessage('last words');
    a.close?.();
    a.postMessage('never heard');
    b.start?.();
    await turn();
    expect(atA).toEqual(['closed']);
    expect(atB).toEqual(['last words', 'closed']);
  });

  it('keeps the order of messages that are sent while others are being delivered', async () => {
    const [a, b] = createChannel();
    const events = listen(b);
    b.addEventListener('message', ({ data }) => data === 1 && a.postMessage(3));
    b.start?.();
    a.postMessage(1);
    a.postMessage(2);
    await turn();
    expect(events).toEqual([1, 2, 3]);
  });

  it('is not held up by a listener that throws', async () => {
    const thrown: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => void thrown.push(error.message));
    try {
      const [a, b] = createChannel();
      b.addEventListener('message', () => {
        throw new Error('a bug');
      });
      const events = listen(b);
      b.start?.();
      a.postMessage(1);
      a.postMessage(2);
      await turn();
      expect(events).toEqual([1, 2]);
      expect(thrown).toEqual(['a bug', 'a bug']);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});

describe('a wire', () => {
  it('carries messages of several ports both ways without mixing them up', async () => {
    const { shell, opened } = joinedWires();
    const [a, farA] = createChannel();
    const [b, farB] = createChannel();
    const [atA, atB] = [listen(a), listen(b)];
    a.start?.();
    b.start?.();
    shell.transfer('client', [farA]);
    shell.transfer('engine', [farB]);
    expect(opened.map(({ data }) => data)).toEqual(['client', 'engine']);
    const ends = opened.map(({ ports }) => ports[0]!);
    const received = ends.map(listen);
    for (const [index, port] of ends.entries()) {
      port.start?.();
      port.postMessage(`from ${index}`);
    }
    a.postMessage(new Uint8Array([1, 255]));
    await turn();
    expect(atA).toEqual(['from 0']);
    expect(atB).toEqual(['from 1']);
    expect(received).toEqual([[new Uint8Array([1, 255])], []]);
  });

  it('opens a port over there before any message that waited in it', async () => {
    const { shell, opened, frames } = joinedWires();
    const [a, far] = createChannel();
    a.postMessage('early');
    shell.transfer('client', [far]);
    const events = listen(opened[0]!.ports[0]!);
    opened[0]!.ports[0]!.start?.();
    await turn();
    expect(frames.map(([kind]) => kind)).toEqual(['open', 'data']);
    expect(events).toEqual(['early']);
  });

  it.each(['here', 'there'])('closes both ends when the one %s is closed', async (where) => {
    const { shell, opened, frames } = joinedWires();
    const [a, far] = createChannel();
    const here = listen(a);
    a.start?.();
    shell.transfer('client', [far]);
    const end = opened[0]!.ports[0]!;
    const there = listen(end);
    end.start?.();
    (where === 'here' ? a : end).close?.();
    await turn();
    expect([here, there]).toEqual([['closed'], ['closed']]);
    expect(frames.filter(([kind]) => kind === 'close')).toHaveLength(1);
  });

  it('closes all ports when the other process is gone, and any that is handed to it later', async () => {
    const { shell } = joinedWires();
    const [a, farA] = createChannel();
    const [b, farB] = createChannel();
    const events = [listen(a), listen(b)];
    a.start?.();
    b.start?.();
    shell.transfer('client', [farA]);
    shell.closeAll();
    shell.transfer('client', [farB]);
    await turn();
    expect(events).toEqual([['closed'], ['closed']]);
  });

  it('ignores what a broken child sends, and lets it hand over no port', async () => {
    const sent: Frame[] = [];
    const wire = new Wire({ send: (frame) => void sent.push(frame) });
    const [a, far] = createChannel();
    const events = listen(a);
    a.start?.();
    wire.transfer('client', [far]);
    for (const frame of [
      null,
      7,
      'open',
      [],
      ['data'],
      ['data', '1', 'x'],
      ['data', 99, 'x'],
      ['close', 99],
      ['open', 'all', 0],
    ]) {
      wire.receive(frame);
    }
    wire.receive(['open', [1], 'client']);
    wire.receive(['data', 1, 'still the first port']);
    await turn();
    expect(events).toEqual(['still the first port']);
    expect(sent).toEqual([['open', [1], 'client']]);
  });
});
