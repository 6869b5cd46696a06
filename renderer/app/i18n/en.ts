import type { ErrorCode } from '../../../main/contract/errors.ts';
import { enBudget, enContent, enMessage, enTooLong } from './en-chat.ts';
import { enContext } from './en-context.ts';
import { enErrors, type ErrorWords } from './en-errors.ts';
import { enFrame } from './en-frame.ts';
import { enData } from './en-data.ts';
import { enAttached, enDocuments, enDrop, enPane, enSources } from './en-documents.ts';
import { enHub } from './en-hub.ts';
import { enKeyChoice } from './en-keys.ts';
import { enReading } from './en-reading.ts';
import { enShell } from './en-shell.ts';

/**
 * Every word of the interface, in English. Functions receive numbers that are formatted already.
 * Another language is a file of type `Dictionary` and one line in `index.svelte.ts`; a missing key does not compile.
 */
export const en = {
  name: 'English',
  app: {
    skipToComposer: 'Skip to the message field',
    openSidebar: 'Show conversations',
    closeSidebar: 'Hide conversations',
  },
  connection: {
    connecting: 'Connecting…',
    lost: 'Connection lost. Trying again; what you typed is kept.',
    tryNow: 'Try now',
    refusedTitle: 'This address is not valid any more',
    refusedText:
      'Longhand gives out a new address each time it starts, and this one was not accepted. Your conversations are safe. Open the address that Longhand printed last, or start it again.',
    tryAgain: 'Try again',
  },
  sidebar: {
    label: 'Conversations',
    newConversation: 'New conversation',
    search: 'Search',
    searchEverywhere: 'Search all conversations',
    clearSearch: 'Clear the search',
    results: (count: string) => (count === '1' ? '1 result' : `${count} results`),
    noResults: (query: string) => `Nothing found for “${query}”.`,
    empty: 'Conversations appear here.',
    more: 'Show older conversations',
    renameLabel: 'New title',
    removed: (title: string) => `“${title}” deleted.`,
    undo: 'Undo',
    untitled: 'New conversation',
    today: 'Today',
    yesterday: 'Yesterday',
    week: 'Last 7 days',
    earlier: 'Earlier',
  },
  chat: {
    label: 'Conversation',
    emptyTitle: 'Ask a question.',
    emptyText: 'The answer is written on this machine. What you type stays here.',
    you: 'You',
    answer: 'Answer',
    loading: 'Opening the conversation…',
    newTextBelow: 'New text below',
    waitingForModel: 'Saved. It is answered as soon as the model is ready.',
    waiting: 'Reading…',
    reading: (done: string, total: string) => `Reading ${done} of ${total} tokens…`,
    stopping: 'Stopping…',
    stopped: 'Stopped by you',
    interrupted: (time: string) => `Interrupted at ${time}`,
    lengthLimit: 'Stopped at the length limit',
    contextFull: (tokens: string) => `The answer ends here: all ${tokens} tokens of the context are used up.`,
    continue: 'Continue',
    continueFrom: 'Continue from here',
    tryAgain: 'Try again',
    failed: 'No answer.',
    brokenOff: 'The answer broke off.',
    dismiss: 'Dismiss',
    copy: 'Copy',
    copied: 'Copied',
    copyAnswer: 'Copy the answer',
    copyCode: 'Copy the code',
    code: 'Code',
    codeIn: (language: string) => `Code, ${language}`,
    speed: (tokensPerSecond: string) => `${tokensPerSecond} tokens/s`,
    cachedNew: (cached: string, fresh: string) => `${cached} cached, ${fresh} new`,
  },
  composer: {
    label: 'Message',
    placeholder: 'Ask a question',
    send: 'Send',
    stop: 'Stop',
    hint: 'Shift+Enter starts a new line, Enter sends.',
  },
  context: enContext,
  reading: enReading,
  truth: {
    label: 'State',
    noModel: 'No model',
    installing: 'Getting a model',
    loading: (name: string) => `Loading ${name}`,
    tokens: (count: string, limit: string) => `${count} / ${limit} tokens`,
    full: 'Context full',
    tooMany: (count: string) => `${count} too many`,
    local: 'On this machine',
    downloading: 'Downloading',
  },
  model: {
    label: 'Model',
    noneTitle: 'No model yet.',
    noneText: 'The starter model is small, answers quickly and needs no account.',
    getStarter: 'Get the starter model',
    loading: (name: string) => `Loading ${name}.`,
    waits: 'You can write already: a message waits for the model.',
    starting: 'Getting a model',
    paused: 'Installation paused',
    queued: 'Installation waits to start',
    interrupted: 'Installation interrupted',
    pause: 'Pause',
    resume: 'Resume',
    ready: (name: string) => `${name} is ready.`,
    progressLabel: 'Progress of the model',
    stages: {
      find: 'Looking for a model',
      download: 'Downloading the model',
      check: 'Checking the file',
      inspect: 'Reading the file',
      compile: 'Compiling the model',
    },
    doneOf: (done: string, total: string) => `${done} of ${total}`,
    left: (duration: string) => `${duration} left`,
  },
  units: {
    perSecond: (amount: string) => `${amount}/s`,
    seconds: (seconds: string) => `${seconds} s`,
    minutes: (minutes: string, seconds: string) => `${minutes} min ${seconds} s`,
    hours: (hours: string, minutes: string) => `${hours} h ${minutes} min`,
    counted: (count: string, unit: string) => `${count} ${unit}`,
  },
  announce: {
    started: 'Answer started',
    finished: (words: string) => (words === '1' ? 'Answer finished, 1 word' : `Answer finished, ${words} words`),
    stopped: 'Answer stopped',
    interrupted: 'Answer interrupted',
    failed: 'The answer failed',
  },
  ...enFrame,
  content: enContent,
  message: enMessage,
  budget: enBudget,
  tooLong: enTooLong,
  keyChoice: enKeyChoice,
  data: enData,
  documents: enDocuments,
  drop: enDrop,
  attached: enAttached,
  sources: enSources,
  pane: enPane,
  hub: enHub,
  errors: enErrors,
  shell: enShell,
};

export type Dictionary = Omit<typeof en, 'errors'> & { errors: Record<ErrorCode, ErrorWords> };
