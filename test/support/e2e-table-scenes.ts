import type { Page } from '@playwright/test';
import type { Citation, Sources } from '../../main/contract/citations.ts';
import type { TableCell, ToolCall } from '../../main/contract/tools.ts';
import { shelve } from './e2e-document-scenes.ts';
import { openConversation, type Scene } from './e2e-scene-tools.ts';
import type { ScriptedAssistant } from './scripted-assistant.ts';

const QUERY =
  'SELECT "Instalment", SUM("Pounds") AS pounds FROM "Instalments" WHERE "Date" < \'1872-06-01\' GROUP BY "Instalment" ORDER BY pounds DESC';

function queried(sql: string, change: Partial<ToolCall> = {}): ToolCall {
  const columns = ['Instalment', 'pounds'];
  const rows = Array.from({ length: 11 }, (_, index): TableCell[] => [`no. ${index + 1}`, 100 - index * 0.5]);
  const input = { sql };
  return {
    ...{ name: 'query_tables', input, written: JSON.stringify({ name: 'query_tables', arguments: input }) },
    ...{ at: 0, tokens: 40, response: 'told', error: null, documentIds: [] },
    table: { columns, rows, truncated: false },
    ...change,
  };
}

const MISSING_COLUMN = {
  code: 'invalid-input' as const,
  message: 'The query cannot be run: no such column: Sum',
  details: { reason: 'no such column: Sum' },
};

/** An answer from a table: one query that failed, one that cannot be read, and the one that it rests on. */
function compute(assistant: ScriptedAssistant, calls: ToolCall[]) {
  const { ledger } = shelve(assistant);
  const text = 'By the first of June 1872 eleven instalments had been paid, together **1,072.50 pounds**.';
  const conversation = assistant.addConversation('What had been paid by then?', [
    'How much had been paid by the first of June 1872, in how many instalments?',
    text,
  ]);
  const [, answer] = assistant.conversations.path(conversation.id);
  const documents = [{ id: ledger.id, name: ledger.name }];
  const citation: Citation = {
    ...{ start: 0, end: text.length, state: 'computed', span: null, part: null, doubts: [] },
    quote: 'instalments: 11, pounds: 1072.5',
  };
  const sources: Sources = { way: 'whole', documents, passages: [], firstMark: 1, citations: [citation] };
  assistant.conversations.changeMessage(answer!.id, { calls, sources });
  return answer!;
}

const openComputed = (page: Page) => openConversation(page, 'What had been paid by then?');

/** What an answer asked the tables of documents. */
export const tableScenes: Scene[] = [
  { name: 'answer-query', arrange: (assistant) => void compute(assistant, [queried(QUERY)]), act: openComputed },
  {
    name: 'answer-query-open',
    arrange: (assistant) => void compute(assistant, [queried(QUERY)]),
    async act(page) {
      await openComputed(page);
      await page.getByRole('button', { name: /^(Asked the tables|已查询表格)/ }).click();
      await page.getByRole('table').waitFor();
    },
  },
  {
    name: 'answer-computed-open',
    arrange: (assistant) => void compute(assistant, [queried(QUERY)]),
    async act(page) {
      await openComputed(page);
      await page.getByRole('button', { name: /^(computed|查询算出)$/ }).click();
    },
  },
  {
    name: 'answer-query-failed',
    arrange(assistant) {
      const written = 'SELECT total FROM ledger, please';
      const unreadable = { code: 'call-unreadable' as const, message: 'The call is not JSON.', details: {} };
      compute(assistant, [
        queried('', { name: null, input: null, written, error: unreadable, table: null }),
        queried('SELECT "Sum" FROM "Instalments"', { error: MISSING_COLUMN, table: null }),
        queried(QUERY),
      ]);
    },
    async act(page) {
      await openComputed(page);
      await page.getByRole('button', { name: /^(A query of the tables failed|查询表格失败)/ }).click();
    },
  },
  {
    name: 'answer-query-removed',
    arrange: (assistant) => void compute(assistant, [queried(QUERY, { response: '', table: null })]),
    async act(page) {
      await openComputed(page);
      await page.getByRole('button', { name: /^(Asked the tables|已查询表格)/ }).click();
    },
  },
  {
    name: 'answer-query-cut',
    arrange(assistant) {
      const table = {
        columns: ['everything'],
        rows: [[`${'One hundred pounds. '.repeat(60)}…`]],
        truncated: true,
        isCut: true,
      };
      compute(assistant, [queried(QUERY, { table })]);
    },
    async act(page) {
      await openComputed(page);
      await page.getByRole('button', { name: /^(Asked the tables|已查询表格)/ }).click();
    },
  },
  {
    name: 'answer-query-running',
    arrange(assistant) {
      const answer = compute(assistant, []);
      const running = queried(QUERY, { response: null, table: null });
      assistant.conversations.changeMessage(answer.id, {
        state: 'streaming',
        text: '',
        calls: [running],
        sources: null,
      });
    },
    act: openComputed,
  },
];
