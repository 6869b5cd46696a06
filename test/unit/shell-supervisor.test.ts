import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Port } from '../../main/contract/client.ts';
import type { ProcessInfo, ProcessRole } from '../../main/contract/shell.ts';
import type { Memory } from '../../main/shell/memory.ts';
import { createChannel } from '../../main/shell/node/channel.ts';
import { spawnNode } from '../../main/shell/node/node-process.ts';
import type { ProcessExit } from '../../main/shell/process.ts';
import { restartDelayMs } from '../../main/shell/restart-policy.ts';
import { Supervisor } from '../../main/shell/supervisor.ts';

const support = (file: string) => fileURLToPath(new URL(`../support/processes/${file}`, import.meta.url));
const running: Supervisor[] = [];
afterEach(() => Promise.all(running.splice(0).map((supervisor) => supervisor.stop())));

function start(env: Record<string, string> = {}) {
  const said: string[] = [];
  const logged: string[] = [];
  const launch = (file: string) => ({ file: support(file), args: [], env });
  const supervisor = new Supervisor({
    say: (line) => void said.push(line),
    platform: { channel: createChannel, spawn: (it) => spawnNode(it, (line) => void logged.push(line)) },
    launches: {
      assistant: launch('probe.ts'),
      engine: launch('engine.ts'),
      reader: launch('engine.ts'),
      embedder: launch('engine.ts'),
    },
  });
  running.push(supervisor);
  supervisor.start();
  return { supervisor, said, logged };
}

/** Sends words to the probe and waits for its answers. */
function client(supervisor: Supervisor) {
  const port: Port = supervisor.connectClient();
  const answers: ((text: string) => void)[] = [];
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    port.addEventListener('close', () => {
      isClosed = true;
      resolve();
    });
  });
  port.addEventListener('message', ({ data }) => answers.shift()?.(String(data)));
  port.start?.();
  const ask = (word: string) =>
    new Promise<string>((resolve) => {
      answers.push(resolve);
      port.postMessage(word);
    });
  return { ask, closed, isClosed: () => isClosed };
}

const pidOf = (supervisor: Supervisor, role: ProcessRole) =>
  supervisor.processes().find((process) => process.role === role)?.pid ?? 0;

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('the supervisor and its child processes', () => {
  it('joins the assistant with engine, reader and shell, and lets it call all of them', async () => {
    const { supervisor } = start();
    const { ask } = client(supervisor); // asked before the assistant listens
    expect(await ask('peers')).toBe('embedder engine reader shell');
    expect(await ask('engine')).toBe(String(pidOf(supervisor, 'engine')));
    const processes = JSON.parse(await ask('processes')) as ProcessInfo[];
    expect(processes).toEqual(supervisor.processes());
    expect(processes.map(({ role, restarts, failed }) => ({ role, restarts, failed }))).toEqual(
      ['assistant', 'engine', 'reader', 'embedder'].map((role) => ({ role, restarts: 0, failed: false })),
    );
  });

  it('starts a killed engine again at once and joins the new one with the assistant', async () => {
    const { supervisor, said } = start();
    const { ask } = client(supervisor);
    const before = await ask('engine');
    process.kill(Number(before), 'SIGKILL');
    await until(async () => (await ask('closed')) === 'engine');
    await until(() => ![0, Number(before)].includes(pidOf(supervisor, 'engine')));
    await until(async () => (await ask('engine')) === String(pidOf(supervisor, 'engine')));
    expect(said).toEqual(['The engine process stopped (SIGKILL). It is started again now.']);
    expect(supervisor.processes()[1]).toMatchObject({ restarts: 1, failed: false, lastExit: 'SIGKILL' });
  });

  it('closes the ports of a killed assistant and joins the new one with everyone', async () => {
    const { supervisor } = start();
    const first = client(supervisor);
    const before = await first.ask('pid');
    process.kill(Number(before), 'SIGKILL');
    await first.closed;
    const second = client(supervisor); // while nobody is there
    expect(await second.ask('pid')).not.toBe(before);
    expect(await second.ask('peers')).toBe('embedder engine reader shell');
    expect(await second.ask('engine')).toBe(String(pidOf(supervisor, 'engine')));
    expect(second.isClosed()).toBe(false);
  });

  it('restarts a hung process when the assistant asks for it', async () => {
    const { supervisor, said } = start();
    const { ask } = client(supervisor);
    const before = await ask('engine');
    expect(await ask('restart engine')).toBe('done');
    await until(() => ![0, Number(before)].includes(pidOf(supervisor, 'engine')));
    await until(() => !isAlive(Number(before)));
    expect(said[0]).toBe('The engine process is being restarted: it hangs');
  });

  it('starts everything again where the data were moved to, which counts as no stop', async () => {
    const { supervisor, said } = start();
    const first = client(supervisor);
    const before = supervisor.processes().map(({ pid }) => pid);
    void first.ask('moved'); // whoever answers ends
    await first.closed;
    await until(() => supervisor.processes().every(({ pid }) => pid !== null && !before.includes(pid)));
    expect(await client(supervisor).ask('peers')).toBe('embedder engine reader shell');
    expect(supervisor.processes()).toMatchObject(Array(4).fill({ restarts: 0, failed: false, lastExit: null }));
    expect(said).toEqual([]);
  });

  it('does not restart an assistant that cannot start, and passes its reason on', async () => {
    const fatal = {
      code: 'data-folder-in-use',
      message: '/x is in use by process 7.',
      details: { path: '/x', pid: 7 },
    };
    const { supervisor, said } = start({ PROBE_FATAL: JSON.stringify({ fatal }) });
    expect(await supervisor.failed).toMatchObject(fatal);
    expect(said).toEqual([]);
    expect(() => supervisor.connectClient()).toThrow('/x is in use by process 7.');
    expect(supervisor.processes()[0]).toMatchObject({ pid: null, failed: true, restarts: 0 });
  });

  it('lets the assistant close what it has open before it ends, and leaves no process behind', async () => {
    const { supervisor, logged } = start();
    const { ask, closed } = client(supervisor);
    await ask('pid');
    const pids = supervisor.processes().map(({ pid }) => pid!);
    await supervisor.stop();
    await closed;
    expect(logged).toContain('closing');
    expect(pids.filter(isAlive)).toEqual([]);
    expect(() => supervisor.connectClient()).toThrow('Longhand is ending.');
  });

  it('takes its processes along when it is killed itself', async () => {
    const shell = spawn(process.execPath, [support('shell.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: shell.stdout }), 'line')) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids.filter(isAlive)).toHaveLength(4);
    shell.kill('SIGKILL');
    await until(() => !pids.some(isAlive));
  });
});

describe('the supervisor, on processes that die as scripted', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const crash = { code: null, signal: 'SIGSEGV', lastLines: ['bad tensor', ''] };

  /** A platform without processes: `die` ends the running one of a role, `started` counts how often there was one. */
  function startScripted(memory: Memory | null = null) {
    const said: string[] = [];
    const started: ProcessRole[] = [];
    const exits = new Map<ProcessRole, (exit: ProcessExit) => void>();
    const supervisor = new Supervisor({
      say: (line) => void said.push(line),
      platform: {
        channel: createChannel,
        spawn({ role }) {
          started.push(role);
          const { promise, resolve } = Promise.withResolvers<ProcessExit>();
          exits.set(role, resolve);
          return { pid: started.length, exited: promise, postMessage() {}, end: () => resolve(crash), kill() {} };
        },
      },
      launches: { assistant: nothing, engine: nothing, reader: nothing, embedder: nothing },
      readMemory: () => memory,
    });
    supervisor.start();
    const die = async (role: ProcessRole, exit: ProcessExit = crash) => {
      exits.get(role)?.(exit);
      await vi.advanceTimersByTimeAsync(0);
    };
    const count = (role: ProcessRole) => started.filter((one) => one === role).length;
    return { supervisor, said, die, count };
  }
  const nothing = { file: '', args: [], env: {} };

  it('waits longer after each death, gives the engine up after the fifth, and says so', async () => {
    const { supervisor, said, die, count } = startScripted();
    for (const [deaths, delayMs] of [0, 1000, 2000, 4000].entries()) {
      await die('engine');
      if (delayMs > 0) await vi.advanceTimersByTimeAsync(delayMs - 1);
      expect(count('engine')).toBe(delayMs === 0 ? 2 : deaths + 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(count('engine')).toBe(deaths + 2);
    }
    await die('engine');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(count('engine')).toBe(5);
    expect(supervisor.processes()[1]).toMatchObject({ pid: null, failed: true, restarts: 4 });
    expect(said).toEqual([
      'The engine process stopped (SIGSEGV: bad tensor). It is started again now.',
      'The engine process stopped (SIGSEGV: bad tensor). It is started again in 1 s.',
      'The engine process stopped (SIGSEGV: bad tensor). It is started again in 2 s.',
      'The engine process stopped (SIGSEGV: bad tensor). It is started again in 4 s.',
      'The engine process keeps stopping (SIGSEGV: bad tensor) and is not started again.',
    ]);
  });

  it('tells that memory may have been why, unless it was ended on purpose', async () => {
    const scarce = { usedBytes: 7.8e9, totalBytes: 8e9, rssBytes: 5e9, kills: 0 };
    const { supervisor, die } = startScripted(scarce);
    const killed = { code: null, signal: 'SIGKILL', lastLines: [] };
    const { kills: _, ...figures } = scarce;
    await die('engine', killed); // before anybody looked
    expect(supervisor.processes()[1]).not.toHaveProperty('outOfMemory');
    await vi.advanceTimersByTimeAsync(2000);
    await die('engine', killed);
    expect(supervisor.processes()[1]).toMatchObject({ outOfMemory: { isCertain: false, ...figures } });
    await vi.advanceTimersByTimeAsync(4000);
    supervisor.restart('engine', 'it hangs');
    await die('engine', killed);
    expect(supervisor.processes()[1]).not.toHaveProperty('outOfMemory');
  });

  it('starts an engine that was given up again when asked, as if it had never died', async () => {
    const { supervisor, die, count } = startScripted();
    for (let deaths = 0; deaths < 5; deaths++) {
      await die('engine');
      await vi.advanceTimersByTimeAsync(4000);
    }
    supervisor.restart('engine', 'the user asks');
    expect(count('engine')).toBe(6);
    expect(supervisor.processes()[1]).toMatchObject({ failed: false });
    await die('engine');
    expect(count('engine')).toBe(7);
  });

  it('gives up an assistant that keeps dying and tells its clients why', async () => {
    const { supervisor, die } = startScripted();
    for (let deaths = 0; deaths < 4; deaths++) {
      await die('assistant');
      await vi.advanceTimersByTimeAsync(deaths < 3 ? 4000 : 0);
    }
    const closed = vi.fn();
    const port = supervisor.connectClient(); // while it waits to be started
    port.addEventListener('close', closed);
    port.start?.();
    await vi.advanceTimersByTimeAsync(4000);
    await die('assistant');
    const error = await supervisor.failed;
    expect(error).toMatchObject({ code: 'assistant-stopped', details: { lastExit: 'SIGSEGV: bad tensor' } });
    expect(() => supervisor.connectClient()).toThrow(error);
  });

  it('closes the port of a client that waited for an assistant that never came', async () => {
    const { supervisor, die } = startScripted();
    await die('assistant');
    await die('assistant'); // the next start is a second away
    const closed = vi.fn();
    const port = supervisor.connectClient();
    port.addEventListener('close', closed);
    port.start?.();
    await supervisor.stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(closed).toHaveBeenCalledOnce();
  });

  it.each(['no JSON', '{"fatal":7}', '{"fatal":{"code":"unheard-of"}}'])(
    'reports an assistant that cannot start and only says %s',
    async (line) => {
      const { supervisor, die, count } = startScripted();
      await die('assistant', { code: 78, signal: null, lastLines: [line] });
      expect(await supervisor.failed).toMatchObject({
        code: 'assistant-stopped',
        message: `The assistant process cannot start. ${line}`,
      });
      expect(count('assistant')).toBe(1);
    },
  );
});

describe('the restart policy', () => {
  it.each([
    [[0], 0],
    [[0, 1000], 1000],
    [[0, 1000, 2000], 2000],
    [[0, 1000, 2000, 3000], 4000],
    [[0, 1000, 2000, 3000, 4000], null],
    [[0, 1000, 2000, 3000, 60_500], 4000],
    [[0, 61_000], 0],
  ])('after deaths at %j ms waits %s ms', (deathsMs, delayMs) => {
    expect(restartDelayMs(deathsMs, deathsMs.at(-1)!)).toBe(delayMs);
  });
});
