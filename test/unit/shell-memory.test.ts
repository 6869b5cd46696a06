import { describe, expect, it } from 'vitest';
import { readMemory, whetherOutOfMemory, type Memory } from '../../main/shell/memory.ts';

const GB = 1e9;
const full: Memory = { usedBytes: 7.8 * GB, totalBytes: 8 * GB, rssBytes: 5 * GB, kills: 3 };
const roomy: Memory = { ...full, usedBytes: 3 * GB };
const killed = { code: null, signal: 'SIGKILL', lastLines: [] };
const figures = { usedBytes: 7.8 * GB, totalBytes: 8 * GB, rssBytes: 5 * GB };
const noFigures = { usedBytes: null, totalBytes: null, rssBytes: 5 * GB };

describe('whether a process ended for want of memory', () => {
  it.each([
    ['the kernel counts one more that it ended', killed, full, { ...full, kills: 4 }, { isCertain: true, ...figures }],
    ['memory was scarce when it was killed', killed, full, full, { isCertain: false, ...figures }],
    ['a shell in between tells of the kill', { ...killed, code: 137, signal: null }, full, full, { isCertain: false }],
    [
      'it met a limit of its own',
      { code: null, signal: 'SIGABRT', lastLines: ['FATAL ERROR: JavaScript heap out of memory', 'trace'] },
      roomy,
      roomy,
      { isCertain: true, ...noFigures },
    ],
    [
      'it was refused memory',
      { code: 134, signal: null, lastLines: ['terminate called after throwing std::bad_alloc'] },
      full,
      full,
      { isCertain: true, ...figures },
    ],
  ])('is known or guessed when %s', (_, exit, before, after, expected) =>
    expect(whetherOutOfMemory(exit, before, after)).toMatchObject(expected),
  );

  it.each([
    ['it was killed with memory to spare', killed, roomy, roomy],
    ['nothing was seen of it before', killed, null, full],
    ['it crashed', { code: null, signal: 'SIGSEGV', lastLines: ['bad tensor'] }, full, full],
    ['another process was ended meanwhile', { ...killed, signal: 'SIGSEGV' }, full, { ...full, kills: 9 }],
    ['it ended by itself', { code: 0, signal: null, lastLines: ['std::bad_alloc'] }, full, full],
  ])('is not said when %s', (_, exit, before, after) =>
    expect(whetherOutOfMemory(exit, before, after)).toBeUndefined(),
  );

  it.skipIf(process.platform !== 'linux')('is looked up at the system, and tells what a process holds', () => {
    const memory = readMemory(process.pid)!;
    expect(memory.usedBytes).toBeGreaterThan(memory.rssBytes! / 2);
    expect(memory.usedBytes).toBeLessThan(memory.totalBytes);
    expect(Math.abs(memory.rssBytes! - process.memoryUsage.rss())).toBeLessThan(64e6);
    expect(readMemory(null)!.rssBytes).toBeNull();
    expect(readMemory(2 ** 30)!.rssBytes).toBeNull();
  });
});
