import type { Conversation } from '../../main/contract/chat.ts';
import type { Settings } from '../../main/contract/system.ts';
import type { Command, CommandGroup } from '../state/commands.svelte.ts';
import type { Lane, Session } from '../state/session.svelte.ts';
import { dictionaries, locale, t, type Language } from './i18n/index.svelte.ts';
import { focusRegion } from './keyboard.ts';
import { modelTitle } from './model-title.ts';
import { routeTo, routeToPage, type PageName } from './route.ts';
import { saveFile } from './save-file.ts';

/** What only the page itself can do: move the focus, open what hides. */
export type PageActions = {
  newConversation(): void;
  search(): void;
  escape(): void;
  toggleSidebar(): void;
  chooseFile(): void;
  chooseDocuments(lane: Lane): void;
  watchFolder(): void;
  copyReport(): void;
};

const themes: Settings['theme'][] = ['system', 'light', 'dark', 'contrast'];

/** The registry: every action of the window, with its words in the present language. */
export function listCommands(session: Session, page: PageActions): Command[] {
  return [
    ...conversationCommands(session, page),
    ...answerCommands(session),
    ...windowCommands(session, page),
    ...modelCommands(session, page),
    ...settingCommands(session),
  ];
}

/** Deletes the open conversation or any other; an open one leaves an empty page behind. */
export async function removeConversation(session: Session, id: string): Promise<void> {
  const conversation = session.conversations.find(id) ?? (session.chat.id === id ? session.chat.conversation : null);
  if (conversation === null) return;
  await session.try(() => session.conversations.remove(conversation));
  if (session.conversations.removed !== conversation) return;
  session.announcer.say(t().sidebar.removed(conversation.title || t().sidebar.untitled));
  if (session.chat.id === id) location.hash = routeTo(null); // its field takes the focus
}

/** Brings the last deleted conversation back and opens it. */
export async function undoRemoval(session: Session): Promise<void> {
  await session.try(async () => {
    const id = await session.conversations.undo();
    if (id !== null) location.hash = routeTo(id);
  });
}

export async function exportConversation(session: Session, id: string, format: 'markdown' | 'json'): Promise<void> {
  await session.try(async () => {
    const { language } = locale;
    const { fileName, text } = await session.connection.call((client) => client.chat.export({ id, format, language }));
    saveFile(fileName, text);
  });
}

function conversationCommands(session: Session, page: PageActions): Command[] {
  const words = t().commands;
  const { conversations, frame, chat } = session;
  const open = chat.id;
  const here = chat.conversation;
  const isOpen = () => open !== null && here !== null && frame.page === null;
  const add = commandsOf('conversation');
  add('new-conversation', words.newConversation, page.newConversation, { keys: ['Mod+N', 'Mod+Shift+O'] });
  add('search', words.search, page.search, { keys: ['Mod+Shift+F'] });
  add('find', words.find, () => (session.find.open = true), { keys: ['Mod+F'], when: isOpen });
  add('panel', words.panel, session.togglePanel, {
    keys: ['Mod+I'],
    when: () => frame.page === null,
  });

  // Listed without a conversation too, so that they can be given keys.
  const withOpen = (id: string, words: string, run: (id: string, here: Conversation) => void, when = isOpen) =>
    add(id, words, () => open !== null && here !== null && run(open, here), { when });
  const act = (action: () => Promise<unknown>) => void session.try(action);
  const isPinned = here?.pinned ?? false;
  withOpen('rename', words.rename, (id, { title }) => (frame.asking = { kind: 'rename', id, title }));
  withOpen('pin', isPinned ? words.unpin : words.pin, (id) => act(() => conversations.pin(id, !isPinned)));
  for (const { id: folder, name } of conversations.folders) {
    if (folder === here?.folderId) continue;
    withOpen(`move ${folder}`, words.move(name), (id) => act(() => conversations.move(id, folder)));
  }
  const isInFolder = () => isOpen() && (here?.folderId ?? null) !== null;
  withOpen('move-out', words.moveOut, (id) => act(() => conversations.move(id, null)), isInFolder);
  withOpen('export-markdown', words.exportMarkdown, (id) => void exportConversation(session, id, 'markdown'));
  withOpen('export-json', words.exportJson, (id) => void exportConversation(session, id, 'json'));
  withOpen('remove', words.remove, (id) => void removeConversation(session, id));
  return add.all;
}

function answerCommands({ chat, frame }: Session): Command[] {
  const words = t().commands;
  const add = commandsOf('answer');
  const last = chat.messages.at(-1)?.message;
  const isShown = frame.page === null && last !== undefined;
  const isIdle = isShown && !chat.busy;
  const hasVariants = () => isShown && chat.messages.some(({ message }) => message.siblings.length > 1);
  add('previous-sibling', words.previousSibling, () => void chat.previousSibling(), {
    keys: ['Mod+['],
    when: hasVariants,
  });
  add('next-sibling', words.nextSibling, () => void chat.nextSibling(), { keys: ['Mod+]'], when: hasVariants });
  add('edit-last', words.editLast, () => chat.editLast(), { when: () => isIdle });
  const hasAnswer = isIdle && last.role === 'assistant';
  add('regenerate', words.regenerate, () => void chat.regenerateLast(), {
    keys: ['Mod+Shift+R'],
    when: () => hasAnswer,
  });
  const canContinue = hasAnswer && last.finishReason !== 'stop';
  add('continue', words.continueLast, () => void chat.continueLast(), { keys: ['Mod+Enter'], when: () => canContinue });
  add('copy-last', words.copyLast, () => void chat.copyLast(), { keys: ['Mod+Shift+C'], when: () => hasAnswer });
  add('branch', words.branch, () => void chat.branchHere(), { when: () => isIdle });
  return add.all;
}

function windowCommands(session: Session, page: PageActions): Command[] {
  const words = t().commands;
  const { frame, conversations } = session;
  const add = commandsOf('window');
  const goTo = (name: PageName) => () => void (location.hash = routeToPage(name));
  const overlay = (name: 'palette' | 'keys') => () => void (frame.overlay = frame.overlay === name ? null : name);
  add('palette', words.palette, overlay('palette'), { keys: ['Mod+K'], keysOnly: true });
  add('keys', words.keys, overlay('keys'), { keys: ['Mod+/'] });
  add('sidebar', words.sidebar, page.toggleSidebar, { keys: ['Mod+B'] });
  add('new-folder', words.newFolder, () => (frame.asking = { kind: 'new-folder', conversationId: null }));
  const canUndo = () => conversations.removed !== null && !isInField();
  add('undo-remove', words.undoRemove, () => void undoRemoval(session), { keys: ['Mod+Z'], when: canUndo });
  add('documents', words.documents, goTo('documents'), { keys: ['Mod+D'] });
  add('attach', words.attach, () => page.chooseDocuments('ask'), { keys: ['Mod+U'] });
  add('keep', words.keep, () => page.chooseDocuments('keep'));
  add('attach-address', words.attachAddress, () => session.adding.open('ask'));
  add('keep-address', words.keepAddress, () => session.adding.open('keep'));
  add('watch-folder', words.watchFolder, page.watchFolder);
  add('bin', words.bin, goTo('bin'));
  add('diagnostics', words.diagnostics, goTo('diagnostics'));
  add('copy-report', words.copyReport, page.copyReport);
  add('escape', words.escape, page.escape, { keys: ['Escape'], keysOnly: true });
  add('next-region', words.nextRegion, () => focusRegion(1), { keys: ['F6'], keysOnly: true });
  add('previous-region', words.previousRegion, () => focusRegion(-1), { keys: ['Shift+F6'], keysOnly: true });
  return add.all;
}

function modelCommands(session: Session, page: PageActions): Command[] {
  const words = t().commands;
  const add = commandsOf('model');
  add('models', words.models, () => void (location.hash = routeToPage('models')));
  add('use-file', words.useFile, page.chooseFile);
  for (const { name } of session.shelf.installed) {
    const when = () => name !== session.model.name;
    add(`use ${name}`, words.useModel(modelTitle(name)), () => void session.try(() => session.shelf.use(name)), {
      when,
    });
  }
  return add.all;
}

function settingCommands(session: Session): Command[] {
  const { commands: words, prefs } = t();
  const add = commandsOf('settings');
  add('settings', words.settings, () => void (location.hash = routeToPage('settings')), { keys: ['Mod+,'] });
  const change = (settings: Partial<Settings>) => () => void session.try(() => session.preferences.change(settings));
  for (const theme of themes) {
    const name = theme === 'system' ? prefs.systemTheme : prefs[theme];
    add(`theme ${theme}`, words.theme(name), change({ theme }), { when: () => session.preferences.theme !== theme });
  }
  for (const language of Object.keys(dictionaries) as Language[]) {
    add(`language ${language}`, words.language(dictionaries[language].name), change({ language }));
  }
  for (const reading of ['serif', 'sans'] as const) {
    const when = () => session.preferences.reading !== reading;
    add(`reading ${reading}`, words.reading(prefs[reading]), change({ reading }), { when });
  }
  return add.all;
}

function commandsOf(group: CommandGroup) {
  const all: Command[] = [];
  type More = Pick<Command, 'keys' | 'keysOnly' | 'when'>;
  const add = (id: string, words: string, run: () => void, more: More = {}) => {
    all.push({ id, group, words, run, ...more });
  };
  return Object.assign(add, { all });
}

/** Whether the focus is where typing goes, and a key belongs to the text. */
function isInField(): boolean {
  return document.activeElement?.matches('input, textarea, [contenteditable]') ?? false;
}
