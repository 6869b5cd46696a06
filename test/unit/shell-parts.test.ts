import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { implement } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Port } from '../../main/contract/client.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import { contract } from '../../main/contract/index.ts';
import type { Job } from '../../main/contract/jobs.ts';
import type { ModelStatus } from '../../main/contract/models.ts';
import { createServer } from '../../main/contract/serve.ts';
import { parseOptions } from '../../main/shell/browser/options.ts';
import { Pages } from '../../main/shell/browser/pages.ts';
import { jsonReport, textReport } from '../../main/shell/browser/report.ts';
import { findBrowser, windowFolder } from '../../main/shell/browser/window.ts';
import { Connection } from '../../main/shell/connection.ts';
import { ChosenPaths } from '../../main/shell/chosen-paths.ts';
import { dataFolderPath, ensureDataFolder } from '../../main/shell/data-folder.ts';
import { announceInstance, findInstance, newToken } from '../../main/shell/instance.ts';
import { createChannel } from '../../main/shell/node/channel.ts';
import { describeJob, formatBytes, formatDuration, ProgressLine } from '../../main/shell/progress.ts';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'longhand-parts-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the data folder', () => {
  const at = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv, option?: string) =>
    dataFolderPath(option, { platform, env, home: '/home/ada' });

  it('lies where each platform keeps such things', () => {
    expect(at('linux', {})).toBe('/home/ada/.local/share/Longhand');
    expect(at('linux', { XDG_DATA_HOME: '/data' })).toBe('/data/Longhand');
    expect(at('linux', { XDG_DATA_HOME: 'data' })).toBe('/home/ada/.local/share/Longhand');
    expect(at('darwin', {})).toBe('/home/ada/Library/Application Support/Longhand');
    expect(at('win32', { APPDATA: '/roaming' })).toBe(join('/roaming', 'Longhand'));
  });

  it('is the one that the user names: on the command line before the environment', () => {
    expect(at('linux', { LONGHAND_DATA: '/a' })).toBe('/a');
    expect(at('linux', { LONGHAND_DATA: '/a' }, '/b/../c')).toBe('/c');
    expect(at('linux', {}, 'here')).toBe(join(process.cwd(), 'here'));
  });

  it('is made for its owner alone', () => {
    const made = join(folder, 'deep', 'data');
    ensureDataFolder(made);
    expect(statSync(made).mode & 0o777).toBe(0o700);
  });

  it('says what to do where there cannot be one', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => ensureDataFolder(file)).toThrow(
      `The data folder ${file} cannot be used (EEXIST). Make it writable, or name another with --data.`,
    );
  });
});

describe('the paths that a user gave to a page', () => {
  it.each<[given: string[], path: string, isChosen: boolean]>([
    [[], '/etc/hostname', false],
    [['/m/a.gguf'], '/m/a.gguf', true],
    [['/m/a.gguf'], '/m/../m/./a.gguf', true],
    [['/m/a.gguf'], '/m/a.gguf/../b.gguf', false],
    [['/m/a.gguf'], '/m', false],
    [['/m/a.gguf'], '/m/a.gguf.txt', false],
    [['/m/t/config.json'], '/m/t', true],
    [['/m/t/model-00001-of-00002.safetensors'], '/m/t/', true],
    [['/m/t/config.json'], '/m/t/model.safetensors', false],
    [['/m/t/config.json'], '/m', false],
    [['/m/t'], '/m/t', true],
    [['/m/t'], '/m/t/deeper', false],
  ])('%j lets the page name %s: %s', (given, path, isChosen) => {
    const chosen = new ChosenPaths();
    for (const one of given) chosen.add(one);
    expect(chosen.has(path)).toBe(isChosen);
  });
});

describe('the notice of a running instance', () => {
  const own = { pid: process.pid, address: 'http://127.0.0.1:9', token: newToken(), commandToken: newToken() };

  it('can be read by its owner alone and goes with its instance', () => {
    const file = join(folder, 'instance.json');
    const forget = announceInstance(folder, own);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    forget();
    expect(() => readFileSync(file)).toThrow('ENOENT');
  });

  it('is left alone when it is another one by now', () => {
    const forget = announceInstance(folder, own);
    const other = { ...own, token: newToken() };
    announceInstance(folder, other);
    forget();
    expect(JSON.parse(readFileSync(join(folder, 'instance.json'), 'utf8'))).toEqual(other);
  });

  it.each([
    ['of a process that has ended', { ...own, pid: 2 ** 22 + 1 }],
    ['whose port belongs to nobody', own],
    ['that leads to another machine', { ...own, address: 'http://evil.example:80' }],
    ['without a proper token', { ...own, token: '' }],
    ['that is not whole', '{"pid":'],
  ])('does not mislead anyone when it is one %s', async (_case, notice) => {
    writeFileSync(join(folder, 'instance.json'), typeof notice === 'string' ? notice : JSON.stringify(notice));
    expect(await findInstance(folder)).toBeNull();
  });
});

describe('the options of npm start', () => {
  it('default to a window, a free port, and fetching the starter model', () => {
    expect(parseOptions([])).toEqual({
      isHeadless: false,
      isKept: false,
      fetch: 'starter',
      data: undefined,
      port: 0,
      json: false,
      help: false,
      isForBrowser: false,
    });
    expect(parseOptions(['--headless', '--no-fetch', '--port', '8080', '--data', '/d'])).toMatchObject({
      isHeadless: true,
      fetch: 'never',
      port: 8080,
      data: '/d',
    });
  });

  it.each([['--browser'], ['--headless'], ['--keep'], ['--json'], ['--help'], ['--port', '0']])(
    'mean the browser where Electron’s window could not do what is asked: %s %s',
    (...argv) => {
      expect(parseOptions(argv).isForBrowser).toBe(true);
      expect(parseOptions(['--no-fetch', '--data', '/d']).isForBrowser).toBe(false);
    },
  );

  it.each([
    ['--port', 'http'],
    ['--port', '65536'],
    ['--port', '-1'],
    ['--port'],
    ['--headles'],
    ['now'],
    ['--data', ''],
  ])('are refused when they are %j', (...argv) => {
    expect(() => parseOptions(argv.filter((argument) => typeof argument === 'string'))).toThrow();
  });
});

describe('the browser for the window', () => {
  const machine = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv, ...installed: string[]) => ({
    platform,
    env,
    home: '/home/ada',
    isExecutable: (file: string) => installed.includes(file),
  });

  it('is found on the PATH, Chrome before others', () => {
    const env = { DISPLAY: ':0', PATH: '/usr/local/bin:/usr/bin' };
    expect(findBrowser(machine('linux', env, '/usr/bin/chromium', '/usr/bin/google-chrome'))).toEqual({
      browser: '/usr/bin/google-chrome',
    });
    expect(findBrowser(machine('linux', env, '/usr/local/bin/microsoft-edge'))).toEqual({
      browser: '/usr/local/bin/microsoft-edge',
    });
  });

  it('is found where macOS and Windows install it', () => {
    const chrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
    expect(findBrowser(machine('darwin', {}, `/home/ada${chrome}`))).toEqual({ browser: `/home/ada${chrome}` });
    const edge = join('/x86', 'Microsoft/Edge/Application/msedge.exe');
    expect(findBrowser(machine('win32', { 'ProgramFiles(x86)': '/x86' }, edge))).toEqual({ browser: edge });
  });

  it('is not looked for without a display, which Wayland is as well', () => {
    expect(findBrowser(machine('linux', { PATH: '/usr/bin' }, '/usr/bin/chromium'))).toEqual({
      reason: 'There is no display here.',
    });
    const wayland = { DISPLAY: '', WAYLAND_DISPLAY: 'wayland-0', PATH: '/usr/bin' };
    expect(findBrowser(machine('linux', wayland, '/usr/bin/chromium'))).toEqual({ browser: '/usr/bin/chromium' });
  });

  it('is the one in LONGHAND_BROWSER, or none when that cannot be started', () => {
    const env = { DISPLAY: ':0', PATH: '/usr/bin', LONGHAND_BROWSER: '/opt/brave' };
    expect(findBrowser(machine('linux', env, '/usr/bin/chromium', '/opt/brave'))).toEqual({ browser: '/opt/brave' });
    expect(findBrowser(machine('linux', env, '/usr/bin/chromium'))).toEqual({
      reason: 'LONGHAND_BROWSER names /opt/brave, which cannot be started.',
    });
  });

  it('gets its files where it may read them', () => {
    expect(windowFolder('/usr/bin/chromium', '/data', '/home/ada')).toBe('/data/browser');
    expect(windowFolder('/snap/bin/chromium', '/data', '/home/ada')).toBe('/home/ada/snap/chromium/common/longhand');
  });
});

describe('the pages that are open', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const settled = async (promise: Promise<unknown>) => {
    let value: unknown = 'pending';
    void promise.then((it) => void (value = it ?? 'done'));
    await vi.advanceTimersByTimeAsync(0);
    return () => value;
  };

  it('have come as soon as there is one, or not within the limit', async () => {
    const pages = new Pages();
    const early = await settled(pages.haveComeWithin(1000));
    const late = await settled(pages.haveComeWithin(3000));
    await vi.advanceTimersByTimeAsync(1000);
    expect([early(), late()]).toEqual([false, 'pending']);
    pages.set(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(late()).toBe(true);
  });

  it('have gone when none comes back, and not while one is only reloaded', async () => {
    const pages = new Pages();
    pages.set(1);
    const gone = await settled(pages.haveAllGoneFor(2000));
    for (const count of [0, 1, 0]) {
      pages.set(count);
      await vi.advanceTimersByTimeAsync(1900);
      expect(gone()).toBe('pending');
    }
    await vi.advanceTimersByTimeAsync(100);
    expect(gone()).toBe('done');
  });
});

const download: Job = {
  id: 'j1',
  kind: 'download',
  title: 'SmolLM2',
  subject: null,
  state: 'running',
  stage: 'download',
  done: 45.2e6,
  total: 138e6,
  unit: 'bytes',
  speed: 5.1e6,
  etaMs: 18_400,
  result: null,
  error: null,
  createdMs: 0,
  updatedMs: 0,
};
const status: ModelStatus = {
  state: 'none',
  model: null,
  contextTokens: null,
  context: null,
  verifiedTokens: null,
  job: null,
  error: null,
};

describe('progress', () => {
  it('tells size, share, speed and the time left', () => {
    expect(describeJob(download)).toBe('SmolLM2: download, 45.2 of 138.0 MB (32%), 5.1 MB/s, 18 s left');
  });

  it('leaves out what is not known', () => {
    const unknown = { ...download, stage: null, done: 0, total: null, speed: null, etaMs: null };
    expect(describeJob(unknown)).toBe('SmolLM2: waiting');
    expect(describeJob({ ...unknown, stage: 'compile', done: 1200, unit: 'tensors' })).toBe(
      'SmolLM2: compile, 1,200 tensors',
    );
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [138e6, '138.0 MB'],
    [7.6e12, '7.6 TB'],
    [2e15, '2000.0 TB'],
  ])('writes %s bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [400, '0 s'],
    [59_400, '59 s'],
    [190_000, '3 min 10 s'],
    [7_500_000, '2 h 5 min'],
  ])('writes %s ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('is rewritten in place on a terminal, cut to its width, and cleared for other lines', () => {
    const write = vi.fn();
    const line = new ProgressLine({ write, isTTY: true, columns: 31 });
    line.update('a line that is longer than the terminal');
    line.clear();
    line.clear();
    expect(write.mock.calls.flat()).toEqual(['\r\x1b[Ka line that is longer than the', '\r\x1b[K']);
  });

  it('is a line for each stage in a log, and one in five seconds within a stage', () => {
    vi.useFakeTimers();
    const write = vi.fn();
    const line = new ProgressLine({ write });
    for (let second = 0; second < 7; second++) {
      line.update(`${second}`, second < 6 ? 'download' : 'compile');
      vi.advanceTimersByTime(1000);
    }
    vi.useRealTimers();
    expect(write.mock.calls.flat()).toEqual(['0\n', '5\n', '6\n']);
  });
});

describe('what npm start reports', () => {
  const streams = () => {
    const stdout: string[] = [];
    const stderr: string[] = [];
    const to = (lines: string[]) => ({ write: (text: string) => void lines.push(text) });
    return { stdout, stderr, streams: { stdout: to(stdout), stderr: to(stderr) } };
  };

  it('says each state of the model once', () => {
    const { stderr, streams: to } = streams();
    const report = textReport(to);
    const failure = { code: 'offline', message: 'No source answers.', details: {} };
    expect(report.model(status)).toBe(false);
    report.model({ ...status, state: 'failed', error: failure });
    report.model({ ...status, state: 'installing', job: download });
    report.model({ ...status, state: 'loading' });
    report.model({ ...status, state: 'loading' });
    expect(report.model({ ...status, state: 'ready' })).toBe(true);
    expect(stderr).toEqual([
      'There is no model yet. Add one in the page, or with: npm run -s longhand -- models pull\n',
      'There is no model yet: No source answers.\n',
      'SmolLM2: download, 45.2 of 138.0 MB (32%), 5.1 MB/s, 18 s left\n',
      'Loading the model\n',
      'Model ready: the model\n',
    ]);
  });

  it('is one JSON object per line where that is asked for', () => {
    const { stdout, stderr, streams: to } = streams();
    const report = jsonReport(to);
    report.ready({ pid: 7, address: 'http://127.0.0.1:9', token: 'T', commandToken: 'hidden' });
    report.say('a line');
    report.error(new LonghandError('port-in-use', 'Port 9 is in use.', { port: 9 }));
    expect(stderr).toEqual([]);
    expect(stdout.map((line) => JSON.parse(line) as unknown)).toEqual([
      { event: 'ready', url: 'http://127.0.0.1:9/#T', pid: 7, address: 'http://127.0.0.1:9', token: 'T' },
      { event: 'message', text: 'a line' },
      { event: 'error', code: 'port-in-use', message: 'Port 9 is in use.', details: { port: 9 } },
    ]);
  });
});

describe('a connection', () => {
  const { hello } = contract.system;
  const { watch } = contract.models;

  /** An assistant in this process: `calls` counts what reached it, `hangUp` closes its ports as its death would. */
  function startAssistant(answer: () => Promise<string>) {
    const ports: Port[] = [];
    const os = implement({ system: { hello }, models: { watch } });
    const server = createServer(
      os.router({
        system: { hello: os.system.hello.handler(async () => ({ version: await answer(), dataFolder: '', pid: 1 })) },
        models: {
          watch: os.models.watch.handler(async function* () {
            yield status;
            await answer();
          }),
        },
      }),
    );
    const open = () => {
      const [ours, theirs] = createChannel();
      server.serve(theirs);
      ports.push(theirs);
      return ours;
    };
    return { open, ports, hangUp: () => ports.at(-1)?.close?.() };
  }
  const version = (connection: Connection) => connection.run(async (client) => (await client.system.hello()).version);

  it('uses one port for all calls', async () => {
    const assistant = startAssistant(() => Promise.resolve('1'));
    const connection = new Connection(assistant.open);
    expect(await Promise.all([version(connection), version(connection)])).toEqual(['1', '1']);
    expect(assistant.ports).toHaveLength(1);
  });

  it('asks again at the next assistant when the line goes down in mid-call', async () => {
    let calls = 0;
    const assistant = startAssistant(() => (++calls === 1 ? new Promise(() => {}) : Promise.resolve('2')));
    const connection = new Connection(assistant.open);
    const answers = [version(connection)];
    await vi.waitFor(() => expect(calls).toBe(1));
    assistant.hangUp();
    answers.push(version(connection));
    expect(await Promise.all(answers)).toEqual(['2', '2']);
    expect(assistant.ports).toHaveLength(2);
  });

  it('opens a stream again that broke off', async () => {
    let streams = 0;
    const assistant = startAssistant(() => (++streams === 1 ? new Promise(() => {}) : Promise.resolve('')));
    const connection = new Connection(assistant.open);
    const events: string[] = [];
    const reading = connection.run(async (client) => {
      for await (const event of await client.models.watch()) events.push(event.state);
      return 'end';
    });
    await vi.waitFor(() => expect(streams).toBe(1));
    assistant.hangUp();
    expect(await reading).toBe('end');
    expect(events).toEqual(['none', 'none']);
  });

  it('passes on what the assistant throws, and what opening a port throws', async () => {
    const refusal = new LonghandError('disk-full', 'No room.', { needed: 5 });
    const assistant = startAssistant(() => Promise.reject(refusal));
    await expect(version(new Connection(assistant.open))).rejects.toMatchObject({
      code: 'disk-full',
      details: { needed: 5 },
    });
    const gone = new Connection(() => {
      throw refusal;
    });
    await expect(version(gone)).rejects.toBe(refusal);
    await expect(version(gone)).rejects.toBe(refusal);
  });

  it('ends the calls that run when it is closed', async () => {
    const assistant = startAssistant(() => new Promise(() => {}));
    const connection = new Connection(assistant.open);
    const call = version(connection);
    await vi.waitFor(() => expect(assistant.ports).toHaveLength(1));
    void connection.close();
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
  });
});
