import type { Language } from '../../contract/common.ts';
import { oneLine } from '../../contract/one-line.ts';
import type { StoredConversation } from '../store/conversations.ts';
import type { StoredMessage } from '../store/messages.ts';
import type { Store } from '../store/open.ts';
import { exportWords } from './export-words.ts';
import { openConversation, showConversation, showMessage } from './watch.ts';

/** Raised whenever the form of the JSON changes. */
const JSON_VERSION = 1;

type ExportInput = { id: string; format: 'markdown' | 'json'; language: Language };
type Words = (typeof exportWords)[Language];

export type Export = { fileName: string; text: string };

/**
 * A conversation as a file: JSON holds every message of every branch, Markdown the shown path for people to read, with
 * headings in `language`.
 * @throws LonghandError `not-found`
 */
export function exportConversation({ id, format, language }: ExportInput, store: Store): Export {
  const conversation = openConversation(store, id);
  const words = exportWords[language];
  const name = fileNameOf(conversation, words.conversation);
  if (format === 'json') return { fileName: `${name}.json`, text: asJson(conversation, store.messages.all(id)) };
  const path = conversation.leafId === null ? [] : store.messages.path(conversation.leafId);
  return { fileName: `${name}.md`, text: asMarkdown(conversation, path, words) };
}

function asJson(conversation: StoredConversation, messages: StoredMessage[]): string {
  const body = {
    format: 'longhand-conversation',
    version: JSON_VERSION,
    conversation: showConversation(conversation),
    messages: messages.map(showMessage),
  };
  return `${JSON.stringify(body, null, 2)}\n`;
}

function asMarkdown({ title, systemPrompt }: StoredConversation, path: StoredMessage[], words: Words): string {
  const parts = [`# ${oneLine(title) || words.conversation}`];
  if (systemPrompt) parts.push(quote(systemPrompt));
  for (const message of path) {
    parts.push(headingOf(message, words));
    const queries = message.calls.flatMap(({ input }) => (typeof input?.['sql'] === 'string' ? [input['sql']] : []));
    if (queries.length > 0) parts.push(words.queries, ...queries.map(fenced));
    if (message.text !== '') parts.push(closeFence(message.text));
    const note = noteOf(message, words);
    if (note !== null) parts.push(`*${note}*`);
  }
  return `${parts.join('\n\n')}\n`;
}

function headingOf({ role, model, createdMs }: StoredMessage, { roles }: Words): string {
  const time = new Date(createdMs).toISOString().slice(0, 16).replace('T', ' ');
  const who = (role === 'assistant' ? model : null) ?? roles[role];
  return `## ${who} · ${time} UTC`;
}

function noteOf({ state, leftOut, omitted }: StoredMessage, words: Words): string | null {
  const notes = [
    state === 'complete' ? null : words.states[state === 'failed' || state === 'stopped' ? state : 'interrupted'],
    leftOut ? words.leftOut : null,
    omitted > 0 ? words.omitted(omitted) : null,
  ].filter((note) => note !== null);
  return notes.length === 0 ? null : `${notes.join(words.between)}${words.end}`;
}

/** As code, in a fence that it does not hold. */
function fenced(sql: string): string {
  const longest = Math.max(2, ...[...sql.matchAll(/`+/gu)].map(([marks]) => marks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}sql\n${sql.trim()}\n${fence}`;
}

const quote = (text: string) => text.replace(/^/gmu, '> ');

/** A stopped answer may end inside of a code block, which would swallow the messages after it. */
function closeFence(text: string): string {
  let open: string | null = null;
  for (const line of text.split('\n')) {
    const [, fence, rest] = /^ {0,3}(`{3,}|~{3,})(.*)$/u.exec(line) ?? [];
    if (fence === undefined) continue;
    if (open === null) open = fence;
    else if (fence[0] === open[0] && fence.length >= open.length && rest?.trim() === '') open = null;
  }
  return open === null ? text : `${text.replace(/\n$/u, '')}\n${open}`;
}

/** The title as every file system takes it, at most 80 characters, and the day. */
function fileNameOf({ title, createdMs }: StoredConversation, untitled: string): string {
  const plain = oneLine(title.normalize('NFC').replace(/[\p{C}<>:"/\\|?*]+/gu, ' ')).replace(/^[. ]+/u, '');
  const short = [...plain]
    .slice(0, 80)
    .join('')
    .replace(/[. ]+$/u, '');
  const day = new Date(createdMs).toISOString().slice(0, 10);
  return `${short || untitled} ${day}`;
}
