import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ProcessInfo } from '../../main/contract/shell.ts';
import { findingWords } from '../../renderer/app/findings.ts';
import { locale } from '../../renderer/app/i18n/index.svelte.ts';
import { isPressed, keyNames } from '../../renderer/app/keyboard.ts';
import { describe as explain, technical } from '../../renderer/app/problems.ts';
import { clashesOf } from '../../renderer/state/commands.svelte.ts';
import { redact, reportText } from '../../renderer/state/diagnostics.svelte.ts';
import { Find, findIn } from '../../renderer/state/find.svelte.ts';
import { fuzzy } from '../../renderer/state/fuzzy.ts';
import { changeSampling, readNumber, samplingFields } from '../../renderer/state/sampling-fields.ts';
import { Sentences } from '../../renderer/state/sentences.ts';
import { Watchman } from '../../renderer/state/watchman.svelte.ts';
import { press } from '../support/key-press.ts';
import { findings } from '../support/scripted-data.ts';
import { TestLine } from '../support/renderer-support.ts';

afterEach(() => void (locale.setting = 'system'));

describe('a key of the registry', () => {
  it.each([
    ['Mod+N', 'C-n'],
    ['Mod+N', 'M-n'],
    ['Mod+Shift+F', 'C-S-F'],
    ['Mod+/', 'C-/'],
    ['Mod+/', 'C-S-/'], // on a German keyboard
    ['Escape', 'Escape'],
    ['Shift+F6', 'S-F6'],
  ])('%s is pressed with %s', (keys, pressed) => expect(isPressed(keys, press(pressed))).toBe(true));

  it.each([
    ['Mod+N', 'n'],
    ['Mod+N', 'C-S-n'],
    ['Mod+N', 'C-A-n'],
    ['Mod+N', 'C-M-n'],
    ['Escape', 'ime-Escape'], // it ends the composition of an input method
    ['F6', 'S-F6'],
    ['Mod+Shift+F', 'C-f'],
  ])('%s is not pressed with %s', (keys, pressed) => expect(isPressed(keys, press(pressed))).toBe(false));

  it('is shown as the keyboard of the system prints it', () => {
    expect(keyNames('Mod+Shift+F', true)).toEqual(['⌘', '⇧', 'F']);
    expect(keyNames('Mod+Shift+F', false)).toEqual(['Ctrl', 'Shift', 'F']);
    expect(keyNames('Escape', false)).toEqual(['Esc']);
  });

  it('that two commands claim is found', () => {
    const command = (id: string, ...keys: string[]) => ({ id, keys, group: 'window' as const, words: id, run() {} });
    expect(clashesOf([command('a', 'F1'), command('b', 'F2', 'F1'), command('c')])).toEqual([['F1', ['a', 'b']]]);
  });
});

describe('fuzzy search', () => {
  const best = (query: string, texts: string[]) =>
    texts
      .map((text) => ({ text, score: fuzzy(query, text) }))
      .filter(({ score }) => score !== null)
      .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))
      .map(({ text }) => text);

  it.each([
    ['set', ['Reset the list', 'Settings', 'Show settings'], ['Settings', 'Show settings', 'Reset the list']],
    ['nc', ['New conversation', 'Bin'], ['New conversation']],
    ['conv new', ['New conversation', 'New folder'], ['New conversation']],
    ['寒江', ['独钓寒江雪', '江雪'], ['独钓寒江雪']],
    ['xyz', ['Settings'], []],
    ['', ['b', 'a'], ['b', 'a']],
  ])('for %j among %j gives %j', (query, texts, expected) => expect(best(query, texts)).toEqual(expected));
});

describe('finding in the open conversation', () => {
  const messages = [
    { id: 'm1', text: 'The letter. the end' },
    { id: 'm2', text: '独钓寒江雪' },
  ];

  it('finds every place, whatever its case', () => {
    expect(findIn(messages, 'THE')).toEqual([
      { messageId: 'm1', at: 0 },
      { messageId: 'm1', at: 12 },
    ]);
    expect(findIn(messages, '寒江')).toEqual([{ messageId: 'm2', at: 2 }]);
    expect(findIn(messages, ' ')).toEqual([]);
  });

  it('goes round at both ends, and begins anew with other words', () => {
    const find = new Find(() => messages);
    find.open = true;
    find.type('the');
    find.step(-1);
    expect(find.index).toBe(1);
    find.step(1);
    expect(find.index).toBe(0);
    find.step(1);
    find.type('letter');
    expect(find.current).toEqual({ messageId: 'm1', at: 4 });
    find.close();
    expect(find.matches).toEqual([]);
  });
});

describe('the watchman', () => {
  const info = (role: ProcessInfo['role'], change: Partial<ProcessInfo> = {}): ProcessInfo => {
    return { role, pid: 1, restarts: 0, failed: false, lastExit: null, ...change };
  };
  const watchman = () => new Watchman(new TestLine().connection);

  it('says nothing of restarts from before the page was there', () => {
    const one = watchman();
    one.compare([info('engine', { restarts: 3 })]);
    expect(one.incident).toBeNull();
  });

  it('says that a process was started again, and that it was given up', () => {
    const one = watchman();
    one.compare([info('engine'), info('reader')]);
    one.compare([info('engine'), info('reader', { restarts: 1, lastExit: 'SIGKILL' })]);
    expect(one.incident).toEqual({ kind: 'restarted', role: 'reader', lastExit: 'SIGKILL' });
    one.compare([info('engine', { restarts: 5, failed: true })]);
    expect(one.incident).toMatchObject({ kind: 'failed', role: 'engine' });
    one.compare([info('engine', { restarts: 5 })]);
    expect(one.incident).toBeNull();
  });

  it('says that the computer slept only when the line was lost with it', () => {
    vi.useFakeTimers();
    const one = watchman();
    const stop = new AbortController();
    let woken = 0;
    one.watchClock(stop.signal, () => (woken += 1));
    vi.advanceTimersByTime(60_000);
    one.reconnected();
    expect([woken, one.incident]).toEqual([0, null]);
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(5000);
    expect([woken, one.incident]).toEqual([1, null]);
    one.reconnected();
    expect(one.incident).toMatchObject({ kind: 'slept' });
    stop.abort();
    vi.useRealTimers();
  });
});

describe('an answer that is read out sentence by sentence', () => {
  const heard = (steps: string[], end = true) => {
    const said: string[] = [];
    const sentences = new Sentences((text) => said.push(text));
    for (const text of steps) sentences.follow('m', text);
    if (end) sentences.finish('m', steps.at(-1) ?? '');
    return said;
  };

  it('is said once each, when it is whole', () => {
    expect(heard(['The', 'The first. The', 'The first. The second. And'])).toEqual([
      'The first.',
      'The second.',
      'And',
    ]);
    expect(heard(['天地寂静。只有', '天地寂静。只有一叶孤舟。'])).toEqual(['天地寂静。', '只有一叶孤舟。']);
  });

  it('leaves out the signs of Markdown, and does not take 3.14 for an end', () => {
    expect(heard(['**Pi** is 3.14 or so', '**Pi** is 3.14 or so. '], false)).toEqual(['Pi is 3.14 or so.']);
  });

  it('that is met in its middle is not read from its beginning', () => {
    expect(heard([`${'Old. '.repeat(200)}New. `], false).join().length).toBeLessThan(420);
  });
});

describe('numbers of sampling', () => {
  const field = (key: string) => samplingFields.find((one) => one.key === key) ?? samplingFields[0]!;

  it.each([
    ['temperature', '0,7', 0.7],
    ['temperature', '', null],
    ['temperature', '6', 'fault'],
    ['temperature', 'warm', 'fault'],
    ['topP', '0', 'fault'],
    ['topK', '2.5', 'fault'],
    ['topK', '40', 40],
    ['seed', '4294967296', 'fault'],
  ])('%s takes %j as %j', (key, text, value) => expect(readNumber(text, field(key))).toBe(value));

  it('of one conversation are gone with the last one', () => {
    const one = changeSampling(null, 'temperature', 0);
    expect(one).toEqual({ temperature: 0 });
    expect(changeSampling(one, 'topK', 5)).toEqual({ temperature: 0, topK: 5 });
    expect(changeSampling(one, 'temperature', null)).toBeNull();
  });
});

describe('what leaves the machine in a report', () => {
  it.each([
    ['/home/ada/.local/share/longhand is full', '<folder> is full'],
    ['/home/ada/secret thing.gguf: cut short', '<path>: cut short'],
    ['open C:\\Users\\Ada\\model.gguf', 'open <path>'],
    ['ask ada@example.org', 'ask <address>'],
    ['1/2 of 3 tokens/s', '1/2 of 3 tokens/s'],
  ])('%j becomes %j', (text, expected) => {
    expect(redact(text, '/home/ada/.local/share/longhand')).toBe(expected);
  });

  it('is readable and names no folder of the user', () => {
    const hello = { version: '1.0.0', dataFolder: '/home/ada/data', pid: 1 };
    const processes: ProcessInfo[] = [{ role: 'engine', pid: 2, restarts: 1, failed: false, lastExit: 'SIGKILL' }];
    const text = reportText({ hello, processes, findings, model: 'M', userAgent: 'Test' });
    expect(text).toContain('engine: runs, restarts 1, last end SIGKILL');
    expect(text).not.toContain('ada');
  });
});

describe('what the doctor and errors say', () => {
  it('is in the language of the page, with its figures', () => {
    const little = findings.find(({ code }) => code === 'disk-little')!;
    locale.setting = 'zh-CN';
    expect(findingWords(little)).toEqual({ summary: '空闲 1.4 GB。', action: '请腾出空间：模型至少需要 0.2 GB。' });
    for (const finding of findings) expect(findingWords(finding).summary).not.toBe(finding.summary);
    locale.setting = 'en';
    expect(findingWords({ ...little, code: 'from-the-future' }).summary).toBe(little.summary);
  });

  it('names what a file holds, what is supported, and what a disk lacks', () => {
    locale.setting = 'en';
    const details = { found: 'gpt2', supported: ['qwen2', 'llama'] };
    expect(explain({ code: 'unsupported-checkpoint', message: '', details })).toContain(
      'holds “gpt2”; supported are qwen2 and llama',
    );
    const full = { code: 'disk-full', message: '', details: { freeBytes: 4e8, neededBytes: 1.9e9 } };
    expect(explain(full)).toContain('400 MB free on the disk, 1.9 GB needed');
    expect(explain({ ...full, details: {} })).toContain('The disk is full');
    expect(technical(full)).toBe('disk-full, freeBytes: 400000000, neededBytes: 1900000000');
  });
});

describe('the words for want of memory', () => {
  const said = (details: Record<string, unknown>) => explain({ code: 'engine-stopped', message: '', details });
  const figures = { usedBytes: 7.8e9, totalBytes: 8e9, rssBytes: 5e9 };

  it('claim no more than is known', () => {
    locale.setting = 'en';
    expect(said({})).toBe('The model process stopped. Your text is saved.');
    expect(said({ isCertain: true, ...figures })).toContain(' stopped (out of memory, 7.8 GB of 8.0 GB in use). Your');
    expect(said({ isCertain: false, ...figures })).toContain(' stopped (perhaps out of memory, 7.8 GB of 8.0 GB in');
    const noFigures = { usedBytes: null, totalBytes: null, rssBytes: null };
    expect(said({ isCertain: true, ...noFigures })).toContain(' stopped (out of memory). Your text is saved.');
    locale.setting = 'zh-CN';
    expect(said({ isCertain: false, ...figures })).toContain(
      '模型进程已停止（可能是内存不足，已用 7.8 GB / 8.0 GB）。',
    );
  });
});
