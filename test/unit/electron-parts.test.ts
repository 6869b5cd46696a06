import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { portOf } from '../../main/contract/handover.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import { externalAddress, isOurs } from '../../main/shell/electron/address.ts';
import { Assistant } from '../../main/shell/electron/assistant.ts';
import { menuTemplate } from '../../main/shell/electron/menu.ts';
import { choosePlace, readPlace } from '../../main/shell/electron/place.ts';
import { wordsFor } from '../../main/shell/electron/words.ts';
import type { Supervisor } from '../../main/shell/supervisor.ts';
import { electronDial } from '../../renderer/app/electron-port.ts';
import { MessageChannelMain } from '../support/electron-stand-in/port-main.ts';

describe('an address', () => {
  it.each(['app://longhand/index.html', 'app://longhand/assets/x.js'])('is ours: %s', (address) => {
    expect(isOurs(address)).toBe(true);
  });

  it.each([
    'app://longhand',
    'app://longhand.evil/',
    'app://evil/longhand/',
    'https://longhand/',
    'file:///app://longhand/',
    '',
  ])('is not ours: %s', (address) => {
    expect(isOurs(address)).toBe(false);
  });

  it('leads outside by https and mailto only, and shows a disguised host for what it is', () => {
    expect(externalAddress('https://аpple.com/x')).toBe('https://xn--pple-43d.com/x');
    expect(externalAddress('mailto:a@example.com')).toBe('mailto:a@example.com');
    for (const address of [
      'http://a.b/',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'ms-settings:x',
      'https://',
      'x',
      '',
    ]) {
      expect(externalAddress(address)).toBe(null);
    }
  });
});

describe('the place of the window', () => {
  let folder = '';
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'longhand-place-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const screen = { x: 0, y: 0, width: 1600, height: 1000 };
  const saved = { x: 100, y: 50, width: 900, height: 700, maximised: false };

  it('is that of last time, while a screen shows it', () => {
    expect(choosePlace(saved, [screen])).toEqual({ x: 100, y: 50, width: 900, height: 700 });
    expect(choosePlace({ ...saved, x: 1700 }, [screen, { ...screen, x: 1600 }])).toMatchObject({ x: 1700 });
  });

  it.each([{ x: 1700 }, { y: 1100 }, { y: -600 }, { x: -890 }])(
    'is the usual one where no screen shows its title: %o',
    (gone) => {
      expect(choosePlace({ ...saved, ...gone }, [screen])).toEqual({ width: 1180, height: 800 });
    },
  );

  it('is no larger than the screen', () => {
    expect(choosePlace(null, [{ ...screen, width: 1000, height: 600 }])).toEqual({ width: 1000, height: 600 });
    expect(choosePlace(null, [])).toEqual({ width: 1180, height: 800 });
  });

  it.each(['', '{', '[]', '{"x":1}', '{"x":0,"y":0,"width":1e9999,"height":5,"maximised":false}', '{"x":"0"}'])(
    'is not taken from a file that holds %j',
    (text) => {
      const file = join(folder, 'window.json');
      writeFileSync(file, text);
      expect(readPlace(file)).toBe(null);
      expect(readPlace(join(folder, 'absent'))).toBe(null);
    },
  );
});

describe('the menu', () => {
  const words = wordsFor(['en-GB']);
  const labels = (platform: NodeJS.Platform, isPackaged = true) =>
    menuTemplate({ platform, isPackaged, words }).map(({ label }) => label);
  const roles = (platform: NodeJS.Platform, isPackaged: boolean) =>
    menuTemplate({ platform, isPackaged, words }).flatMap(({ submenu }) =>
      (submenu as { role?: string }[]).map(({ role }) => role),
    );

  it('has what the users of each platform expect', () => {
    expect(labels('darwin')).toEqual(['Longhand', 'File', 'Edit', 'View', 'Window']);
    expect(labels('linux')).toEqual(['File', 'Edit', 'View', 'Window']);
    for (const role of ['undo', 'redo', 'cut', 'copy', 'paste', 'selectAll', 'quit']) {
      expect(roles('darwin', true).filter((one) => one === role)).toHaveLength(1);
      expect(roles('win32', true).filter((one) => one === role)).toHaveLength(1);
    }
  });

  it('offers the developer tools only when run from the sources', () => {
    expect(roles('linux', true)).not.toContain('toggleDevTools');
    expect(roles('linux', false)).toContain('toggleDevTools');
  });

  it('speaks the first language of the system’s list that it knows', () => {
    expect(wordsFor(['de-DE', 'zh-Hans-CN', 'en']).quit).toBe('退出 Longhand');
    expect(wordsFor(['en-US', 'zh-CN']).quit).toBe('Quit Longhand');
    expect(wordsFor([]).quit).toBe('Quit Longhand');
  });
});

describe('a port of Electron’s', () => {
  it('is the contract’s: silent until it is started, and told of its end', async () => {
    const { port1, port2 } = new MessageChannelMain();
    const [ours, theirs] = [portOf(port1), portOf(port2)];
    const heard: unknown[] = [];
    ours.addEventListener('message', ({ data }) => heard.push(data));
    ours.addEventListener('close', () => heard.push('closed'));
    theirs.postMessage('early');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(heard).toEqual([]);
    ours.start?.();
    theirs.postMessage(new Uint8Array([1]));
    theirs.close?.();
    await vi.waitFor(() => expect(heard).toEqual(['early', new Uint8Array([1]), 'closed']));
  });
});

describe('the assistant behind the window', () => {
  it('says why it cannot be, until a restart that succeeds', async () => {
    const port = { postMessage() {}, addEventListener() {} };
    const supervisor = { start() {}, connectPage: () => port, stop: () => Promise.resolve() };
    let broken = true;
    const assistant = new Assistant(() => {
      if (broken) throw new LonghandError('data-folder-unusable', 'No.', { path: '/x' });
      return supervisor as unknown as Supervisor;
    });
    expect(() => assistant.connectPage()).toThrow('not started');
    assistant.start();
    expect(() => assistant.connectPage()).toThrow(expect.objectContaining({ code: 'data-folder-unusable' }));
    broken = false;
    await assistant.restart();
    expect(assistant.connectPage()).toBe(port);
    await assistant.stop();
    expect(() => assistant.connectPage()).toThrow('not started');
  });
});

describe('the page’s dial', () => {
  function dialled() {
    const page = Object.assign(new EventTarget(), {}) as unknown as Window;
    const asked: string[] = [];
    const failures: LonghandError[] = [];
    const bridge = {
      platform: 'linux',
      connect: (id: string) => void asked.push(id),
      pathForFile: () => Promise.resolve(''),
      chooseDocuments: () => Promise.resolve([]),
      chooseFolder: () => Promise.resolve(null),
      restart() {},
      speak() {},
    };
    const dial = electronDial({ ...bridge, chooseCheckpoint: () => Promise.resolve([]) }, page, (error) =>
      failures.push(error),
    );
    const answer = (data: unknown, ports: MessagePort[] = [], source: unknown = page) =>
      page.dispatchEvent(Object.assign(new Event('message'), { data, ports, source }));
    return { dial, asked, failures, answer };
  }

  it('takes the port that bears its own id, from its own window, and no other', async () => {
    const { dial, asked, answer } = dialled();
    const { port1, port2 } = new MessageChannel();
    const dialling = dial(new AbortController().signal);
    const mine = { longhand: 'port', id: asked[0], error: null };
    for (const other of [null, 'port', {}, { ...mine, id: 'x' }, { ...mine, longhand: 'x' }]) answer(other, [port2]);
    answer(mine, [port2], {});
    answer(mine, [port1]);
    expect(await dialling).toBe(port1);
    port1.close();
  });

  it('fails with the reason that comes instead, which is shown', async () => {
    const { dial, asked, failures, answer } = dialled();
    const dialling = dial(new AbortController().signal);
    answer({
      longhand: 'port',
      id: asked[0],
      error: { code: 'disk-full', message: 'Full.', details: { freeBytes: 1 } },
    });
    await expect(dialling).rejects.toMatchObject({ code: 'disk-full', details: { freeBytes: 1 } });
    expect(failures).toHaveLength(1);
  });

  it('is given up with the page', async () => {
    const { dial, failures } = dialled();
    const stop = new AbortController();
    const dialling = dial(stop.signal);
    stop.abort();
    await expect(dialling).rejects.toMatchObject({ code: 'assistant-stopped' });
    expect(failures).toEqual([]);
  });
});
