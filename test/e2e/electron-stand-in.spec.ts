// What Electron's main process asks of the system, and whom it obeys: heard by the stand-in.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect, type Page } from '@playwright/test';
import { buildElectron } from '../../scripts/build-electron.mjs';
import { buildRenderer } from '../../scripts/build-renderer.mjs';
import type { Start } from '../support/shells/app.ts';
import { startStandIn, type StandIn } from '../support/shells/stand-in.ts';

const OURS = 'app://longhand/index.html';

const test = base.extend<{
  folder: string;
  open: (change?: Partial<Start>, env?: NodeJS.ProcessEnv) => Promise<StandIn>;
}>({
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'longhand-stand-in-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  },
  open: async ({ folder }, use) => {
    await buildRenderer();
    await buildElectron();
    const apps: StandIn[] = [];
    await use(async (change, env) => {
      const app = await startStandIn({ dataFolder: join(folder, 'data'), model: null, ...change }, env);
      apps.push(app);
      return app;
    });
    for (const app of apps) await app.stop();
  },
});

const show = async (app: StandIn, page: Page) => {
  const ui = await app.show(page);
  await expect(ui.getByRole('navigation')).toBeVisible();
  return ui;
};
/** What the app told after `act`, once `settled` is among it. */
async function toldBy(app: StandIn, act: () => void): Promise<string[]> {
  const before = app.told.length;
  act();
  app.order({ permission: 'marker', from: OURS }); // answered in order, so all before it has been dealt with
  await expect.poll(() => app.told.slice(before).some(({ args }) => args[0] === 'marker')).toBe(true);
  return app.told
    .slice(before)
    .map(({ call }) => call)
    .filter((call) => call !== 'permission');
}

test('only our own page, in the main frame of a window, is answered, and only in the agreed form', async ({
  open,
  page,
}) => {
  const app = await open();
  await show(app, page);
  const ask = (from: string, isMainFrame: boolean, ...args: unknown[]) =>
    toldBy(app, () => app.order({ ipc: 'longhand:connect', args, from, isMainFrame }));
  expect(await ask(OURS, true, 'an-id')).toEqual(['frame.postMessage']);
  for (const from of [
    'https://evil.example/',
    'file:///index.html',
    'app://longhand.evil/',
    'app://other/',
    'data:text/html,x',
    '',
  ]) {
    expect(await ask(from, true, 'an-id')).toEqual([]);
  }
  expect(await ask(OURS, false, 'an-id')).toEqual([]);
  for (const args of [[], [1], ['an id'], ['x'.repeat(65)], ['id', 'more'], [{ id: 'id' }], [null]]) {
    expect(await ask(OURS, true, ...args)).toEqual([]);
  }
});

test('no other page is given the system’s file dialog', async ({ open, page }) => {
  const app = await open();
  await show(app, page);
  const channel = 'longhand:choose-checkpoint';
  app.order({ ipc: channel, args: [], from: 'https://evil.example/', isMainFrame: true });
  expect((await app.hears('ipcMain.handled')).args).toEqual([[]]);
  expect(app.told.map(({ call }) => call)).not.toContain('dialog.showOpenDialog');
});

test('the file dialog takes several files, and no other page can say what was dropped', async ({ open, page }) => {
  const app = await open();
  const ui = await show(app, page);
  await ui.evaluate(() => window.longhand?.chooseCheckpoint());
  const [options] = (await app.hears('dialog.showOpenDialog')).args as [{ properties: string[] }];
  expect(options.properties).toEqual(expect.arrayContaining(['openFile', 'multiSelections']));
  const path = '/etc/hostname';
  const drop = async (from: string, isMainFrame: boolean, ...args: unknown[]) => {
    const handled = () => app.told.filter(({ call }) => call === 'ipcMain.handled').length;
    const before = handled();
    app.order({ ipc: 'longhand:dropped', args, from, isMainFrame });
    await expect.poll(handled).toBe(before + 1);
  };
  await drop('https://evil.example/', true, path);
  await drop(OURS, false, path);
  for (const args of [[], [1], [''], [path, path], [[path]]]) await drop(OURS, true, ...args);
  const ask = () => app.call((client) => client.models.import({ path }));
  await expect(ask()).rejects.toMatchObject({ code: 'path-not-chosen' });
  await drop(OURS, true, path);
  expect(await ask()).toMatchObject({ kind: 'import' });
});

test('an address outside is opened once its full form was shown and confirmed, and only then', async ({
  open,
  page,
}) => {
  const app = await open();
  const ui = await show(app, page);
  const address = `https://xn--e1awd7f.com/path?q=${'long'.repeat(50)}`;
  const opened = () => app.told.filter(({ call }) => call === 'shell.openExternal').map(({ args }) => args[0]);
  const asked = () => app.told.filter(({ call }) => call === 'dialog.showMessageBox');
  await ui.evaluate((url) => void window.open(url), address);
  await expect.poll(() => asked().length).toBe(1);
  expect(asked()[0]?.args[0]).toMatchObject({ detail: address, defaultId: 1, cancelId: 1 });
  expect(opened()).toEqual([]);

  app.order({ answer: 'dialog.showMessageBox', value: { response: 0 } });
  await ui.evaluate((url) => void window.open(url), address);
  await expect.poll(opened).toEqual([address]);
  for (const other of ['http://example.com/', 'file:///etc/passwd', 'javascript:alert(1)', 'smb://host/share', 'x:y']) {
    await ui.evaluate((url) => void window.open(url), other);
  }
  await ui.waitForTimeout(300);
  expect(asked()).toHaveLength(2);
  expect(opened()).toEqual([address]);
});

test('only writing to the clipboard is permitted, and only to our own page', async ({ open, page }) => {
  const app = await open();
  await show(app, page);
  const allowed = async (permission: string, from: string) => {
    const before = app.told.length;
    app.order({ permission, from });
    await expect.poll(() => app.told.length).toBeGreaterThan(before);
    return app.told.at(-1)?.args[1];
  };
  expect(await allowed('clipboard-sanitized-write', OURS)).toBe(true);
  expect(await allowed('clipboard-sanitized-write', 'https://evil.example/')).toBe(false);
  for (const permission of [
    'clipboard-read',
    'media',
    'geolocation',
    'notifications',
    'openExternal',
    'fileSystem',
    'usb',
  ]) {
    expect(await allowed(permission, OURS)).toBe(false);
  }
  expect((await app.hears('session.setDevicePermissionHandler')).args).toEqual([false]);
});

test('a second start brings the window of the first to the front and ends', async ({ open, page, folder }) => {
  const app = await open();
  await show(app, page);
  const second = startStandIn({ dataFolder: join(folder, 'data'), model: null });
  await expect(second).rejects.toThrow('ended');
  await app.hears('window.focus');
});

test('a window opens where it was closed', async ({ open, folder }) => {
  const place = { x: 40, y: 50, width: 900, height: 700, maximised: false };
  const file = join(folder, 'data', 'electron', 'window.json');
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, JSON.stringify(place));
  const app = await open();
  await app.stop();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ width: 900, height: 700 });
});

test('a data folder that is in use is said in the window, which helps itself once it is free', async ({
  open,
  page,
  folder,
}) => {
  const other = await open();
  await show(other, page);
  // Another instance by Electron's measure, with the same database.
  mkdirSync(join(folder, 'elsewhere'));
  const app = await open({}, { STAND_IN_USER_DATA: join(folder, 'elsewhere') });
  const ui = await app.show(page);
  await expect(ui.getByRole('heading', { name: 'Longhand cannot start' })).toBeVisible({ timeout: 20_000 });
  await expect(ui.getByText('Another Longhand uses this data folder.')).toBeVisible();
  await other.stop();
  await ui.getByRole('button', { name: 'Try again' }).click();
  await expect(ui.getByRole('navigation')).toBeVisible({ timeout: 20_000 });
});

test('the menu speaks Chinese where the system does', async ({ open }) => {
  const app = await open({}, { STAND_IN_LANGUAGE: 'zh-Hans-CN' });
  const [template] = (await app.hears('Menu.setApplicationMenu')).args as [{ label: string }[]];
  expect(template.map(({ label }) => label)).toEqual(['文件', '编辑', '显示', '窗口']);
});

test('the menu follows the language that is chosen in the settings', async ({ open, page }) => {
  const app = await open();
  const ui = await show(app, page);
  const menus = () =>
    app.told
      .filter(({ call }) => call === 'Menu.setApplicationMenu')
      .map(({ args: [template] }) => (template as { label: string }[])[0]?.label);
  expect(menus()).toEqual(['File']);
  await app.call((client) => client.system.changeSettings({ language: 'zh-CN' }));
  await ui.reload();
  await expect.poll(menus).toEqual(['File', '文件']);
  const ask = (from: string, ...args: unknown[]) =>
    toldBy(app, () => app.order({ ipc: 'longhand:speak', args, from, isMainFrame: true }));
  expect(await ask('https://evil.example/', 'en')).toEqual([]);
  for (const args of [[], ['de'], ['__proto__'], [1], ['en', 'en']]) expect(await ask(OURS, ...args)).toEqual([]);
  expect(await ask(OURS, 'en')).toEqual(['Menu.setApplicationMenu']);
});

test('the data move to a folder that is chosen in the settings, and the next start finds them', async ({
  open,
  page,
  folder,
}) => {
  const app = await open();
  const ui = await show(app, page);
  const { id } = await app.call((client) => client.chat.create({}));
  const chosen = join(folder, 'large');
  mkdirSync(chosen);
  writeFileSync(join(chosen, 'mine.txt'), '');
  const target = join(chosen, 'Longhand');
  await expect(app.call((client) => client.system.moveData({ path: chosen }))).rejects.toThrow('was not chosen');
  await ui.keyboard.press('Control+,');
  app.order({ answer: 'dialog.showOpenDialog', value: { canceled: false, filePaths: [chosen] } });
  await ui.getByRole('button', { name: 'Move…' }).click();
  await expect(ui.getByText(`will go to ${target}`)).toBeVisible();
  await ui.getByRole('button', { name: 'Move the data' }).click();
  await app.hears('app.relaunch');
  await app.stop();

  const next = await open(); // told the old place
  expect((await next.call((client) => client.system.hello())).dataFolder).toBe(target);
  expect(await next.call((client) => client.chat.path({ id }))).toEqual([]); // and not `not-found`
  await expect
    .poll(() => readdirSync(join(folder, 'data')).filter((name) => name !== 'electron'))
    .toEqual(['moved-to.json']);
});

test('the version is that of the package, and nothing runs any more when the app has ended', async ({ open, page }) => {
  const app = await open();
  await show(app, page);
  const { version } = await app.call((client) => client.system.hello());
  expect(version).toBe((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
  const processes = await app.call((client) => client.system.processes());
  await app.stop();
  for (const { pid } of [...processes, app]) expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});
