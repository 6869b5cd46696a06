// What a page can reach of the machine in Electron: run by the stand-in, and by Electron itself where its binary is.
import { expect, test } from '../support/e2e-app.ts';
import { field } from '../support/e2e-page.ts';

test('a page has the bridge and nothing else of the machine', async ({ ui }) => {
  const seen = await ui.evaluate(() => ({
    bridge: Object.keys(window.longhand ?? {}).sort(),
    isFrozen: Object.isFrozen(window.longhand),
    leaks: ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer', 'standInSend'].filter(
      (name) => name in window,
    ),
  }));
  expect(seen).toEqual({
    bridge: [
      'chooseCheckpoint',
      'chooseDocuments',
      'chooseFolder',
      'connect',
      'pathForFile',
      'platform',
      'restart',
      'speak',
    ],
    isFrozen: true,
    leaks: [],
  });
});

test('a page runs no script that is not a file of its own, and speaks to nobody', async ({ ui }) => {
  const refusals: string[] = [];
  ui.on('console', (message) => refusals.push(message.text()));
  const tried = await ui.evaluate(async () => {
    const inline = document.createElement('script');
    inline.textContent = 'window.wasInline = true';
    const foreign = document.createElement('script');
    foreign.src = 'https://example.com/x.js';
    document.head.append(inline, foreign);
    const image = new Image();
    image.src = 'https://example.com/x.png';
    document.body.insertAdjacentHTML('beforeend', '<img src="y" onerror="window.wasHandled = true">');
    const sent = (work: Promise<unknown>) =>
      work.then(
        () => 'sent',
        () => 'refused',
      );
    const results = [
      await sent(fetch('https://example.com/')),
      await sent(image.decode()),
      await new Promise((resolve) => {
        const socket = new WebSocket('wss://example.com/');
        socket.onopen = () => resolve('sent');
        socket.onerror = () => resolve('refused');
      }),
    ];
    let evaluated = 'refused';
    try {
      evaluated = (Reflect.construct(Function, ['return "run"']) as () => string)();
    } catch {
      // as it should be
    }
    return { results, evaluated, ran: 'wasInline' in window || 'wasHandled' in window };
  });
  expect(tried).toEqual({ results: ['refused', 'refused', 'refused'], evaluated: 'refused', ran: false });
  await expect.poll(() => refusals.join('\n')).toContain('Content Security Policy');
});

test('a page opens no window and goes nowhere', async ({ ui }) => {
  const address = ui.url();
  await ui.evaluate(() => {
    window.open('file:///etc/passwd');
    window.open('about:blank');
    const link = document.createElement('a');
    link.href = 'http://example.com/';
    document.body.append(link);
    link.click();
  });
  await ui.evaluate(() => void (location.href = 'file:///etc/passwd')).catch(() => {});
  await ui.evaluate(() => void (location.href = 'http://example.com/')).catch(() => {});
  await ui.waitForTimeout(500);
  expect(ui.url()).toBe(address);
  await expect(field(ui)).toBeVisible();
  expect(ui.context().pages()).toHaveLength(1);
});

test('a frame in the page gets no address of the world', async ({ ui }) => {
  const shown = await ui
    .evaluate(async () => {
      const frame = document.createElement('iframe');
      frame.src = 'http://example.com/';
      document.body.append(frame);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const bridge = (frame.contentWindow as unknown as { longhand?: unknown } | null)?.longhand;
      frame.remove();
      return String(bridge);
    })
    .catch(() => 'undefined');
  expect(shown).toBe('undefined');
});

test('a page may write to the clipboard and do nothing else that needs leave', async ({ ui }) => {
  const states = await ui.evaluate(async () => {
    const ask = async (name: string) => (await navigator.permissions.query({ name: name as PermissionName })).state;
    const place = await new Promise((resolve) =>
      navigator.geolocation.getCurrentPosition(
        () => resolve('told'),
        () => resolve('refused'),
      ),
    );
    return { write: await ask('clipboard-write'), read: await ask('clipboard-read'), place };
  });
  expect(states.write).toBe('granted');
  expect(states.read).not.toBe('granted');
  expect(states.place).toBe('refused');
});
