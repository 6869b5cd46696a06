import type { Citation } from '../../main/contract/citations.ts';
import type { Job } from '../../main/contract/jobs.ts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  countWords,
  formatAmount,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
} from '../../renderer/app/format.ts';
import { jobTitle } from '../../renderer/app/job-title.ts';
import { placeWords } from '../../renderer/app/source-words.ts';
import { dictionaries, locale, preferred } from '../../renderer/app/i18n/index.svelte.ts';
import { describe as explain } from '../../renderer/app/problems.ts';
import { pages, readRoute, routeTo, routeToPage } from '../../renderer/app/route.ts';
import { Announcer } from '../../renderer/state/announcer.svelte.ts';
import { periodOf } from '../../renderer/state/list-rows.ts';
import { cutAtMarks } from '../../renderer/state/search.svelte.ts';

afterEach(() => void (locale.setting = 'system'));

describe('numbers', () => {
  it('carry their units', () => {
    locale.setting = 'en';
    expect(formatCount(41_210)).toBe('41,210');
    expect([0, 999, 1000, 145_000_000, 1_500_000_000].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '145 MB',
      '1.5 GB',
    ]);
    expect([400, 64_000, 190_000, 3_661_000].map(formatDuration)).toEqual([
      '1 s',
      '1 min 4 s',
      '3 min 10 s',
      '1 h 1 min',
    ]);
    expect([0.98, 4.27, 9.97, 41.27].map(formatRate)).toEqual(['1.0', '4.3', '10', '41']);
    expect(formatAmount(1200, 'tensors')).toBe('1,200 tensors');
  });

  it('of words count Chinese by the character', () => {
    expect(countWords('Nothing says who sent it.')).toBe(5);
    expect(countWords('独钓寒江雪。')).toBe(5);
    expect(countWords('用 TypeScript 写')).toBe(3);
    expect(countWords('')).toBe(0);
  });
});

describe('languages', () => {
  it.each([
    [['zh-TW', 'en'], 'zh-CN'],
    [['de', 'zh'], 'zh-CN'],
    [['en-GB', 'zh'], 'en'],
    [['de', 'fr'], 'en'],
    [[], 'en'],
  ] as const)('%j is served in %s', (languages, language) => expect(preferred(languages)).toBe(language));

  it('have the same keys, none of them empty', () => {
    const keys = (value: object, path = ''): string[] =>
      Object.entries(value).flatMap(([key, word]: [string, unknown]) => {
        expect(word, path + key).not.toBe('');
        return typeof word === 'object' && word !== null ? keys(word, `${path}${key}.`) : [path + key];
      });
    for (const dictionary of Object.values(dictionaries)) expect(keys(dictionary)).toEqual(keys(dictionaries.en));
  });

  it('explain an error with its own numbers', () => {
    const problem = {
      code: 'context-length-exceeded',
      message: '',
      details: { promptTokens: 9300, contextTokens: 8192 },
    };
    locale.setting = 'en';
    expect(explain(problem)).toContain('makes 9,300 tokens; the model takes 8,192');
    locale.setting = 'zh-CN';
    expect(explain(problem)).toContain('共 9,300 个词元，模型最多接受 8,192 个');
    expect(explain({ ...problem, details: {} })).toContain('共 ? 个词元');
    expect(explain({ ...problem, code: 'from-the-future' })).toBe(explain({ ...problem, code: 'internal' }));
  });
});

describe('places in the address', () => {
  it.each([
    [null, null],
    ['c1', null],
    ['c1', 'm2'],
    ['a/b?c', 'd&e%'],
  ])('conversation %j, message %j', (conversationId, messageId) => {
    expect(readRoute(routeTo(conversationId, messageId))).toEqual({ page: null, conversationId, messageId });
  });

  it.each(pages)('the page "%s" has one of its own', (page) => {
    expect(readRoute(routeToPage(page))).toEqual({ page, conversationId: null, messageId: null });
  });

  it.each(['', '#', '#/', '#token', '#/conversation/', '#/conversation/%zz'])('%j is a new conversation', (hash) => {
    expect(readRoute(hash).conversationId).toBeNull();
  });
});

describe('lists', () => {
  it.each([
    [[20, 0, 1], 'today'],
    [[19, 23, 59], 'yesterday'],
    [[19, 0, 0], 'yesterday'],
    [[14, 0, 0], 'week'],
    [[13, 23, 59], 'earlier'],
  ] as const)('put the day and time %j under "%s", by local midnight', (day, period) => {
    expect(periodOf(new Date(2026, 7, ...day).getTime(), new Date(2026, 7, 20).getTime())).toBe(period);
  });

  it.each([
    ['abcdef', [[1, 3]], 'a[bc]def'],
    ['abc', [[0, 3]], '[abc]'],
    ['abc', [], 'abc'],
    [
      'abcdef',
      [
        [0, 2],
        [2, 4],
      ],
      '[ab][cd]ef',
    ],
    [
      'abcdef',
      [
        [0, 3],
        [2, 5],
      ],
      '[abc][de]f',
    ],
    ['寒江雪', [[0, 2]], '[寒江]雪'],
  ] as [string, [number, number][], string][])('mark %j at %j', (snippet, marks, expected) => {
    const cut = cutAtMarks({ snippet, marks }).map(([text, isMarked]) => (isMarked ? `[${text}]` : text));
    expect(cut.join('')).toBe(expected);
  });
});

describe('announcements', () => {
  it('come at most every two seconds, the newest of those that waited', () => {
    vi.useFakeTimers();
    const announcer = new Announcer();
    announcer.say('one');
    announcer.say('two');
    announcer.say('three');
    expect(announcer.text).toBe('one');
    vi.advanceTimersByTime(2000);
    expect(announcer.text).toBe('three');
    vi.advanceTimersByTime(2000);
    announcer.say('three');
    expect(announcer.text).not.toBe('three'); // a region has to change to be heard
    expect(announcer.text.trim()).toBe('three');
    vi.useRealTimers();
  });
});

it('a citation names its part as a reader would', () => {
  const shelf = { of: () => ({ name: 'Budget.xlsx', partKind: 'sheet' }) } as never;
  const wordsOf = (part: Citation['part']) => {
    const span = { documentId: 'd', part: 1, start: 0, end: 5 };
    return placeWords({ span, part }, shelf);
  };
  expect(wordsOf({ kind: 'sheet', label: 'Costs' })).toBe('Budget.xlsx · Sheet Costs');
  expect(wordsOf({ kind: 'text', label: '1' })).toBe('Budget.xlsx');
});

it.each(['document', 'index', 'embedder', 'summary', 'comparison', 'prefill'])(
  'work of kind %s has words of the page',
  (kind) => {
    const job = { kind, subject: null, title: 'as the log says it' } as Job;
    for (const language of ['en', 'zh-CN'] as const) {
      locale.setting = language;
      expect(jobTitle(job)).not.toBe(job.title);
    }
  },
);
