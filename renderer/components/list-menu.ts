import Download from '@lucide/svelte/icons/download';
import FolderIcon from '@lucide/svelte/icons/folder';
import FolderInput from '@lucide/svelte/icons/folder-input';
import FolderPlus from '@lucide/svelte/icons/folder-plus';
import Pencil from '@lucide/svelte/icons/pencil';
import Pin from '@lucide/svelte/icons/pin';
import PinOff from '@lucide/svelte/icons/pin-off';
import Trash from '@lucide/svelte/icons/trash-2';
import type { Conversation, Folder } from '../../main/contract/chat.ts';
import { exportConversation } from '../app/commands.ts';
import { t } from '../app/i18n/index.svelte.ts';
import { isPressed } from '../app/keyboard.ts';
import type { Session } from '../state/session.svelte.ts';
import type { MenuEntry } from './ui/menu.ts';

/** Opens the menu of a row by the keys that open menus. */
export function menuKey(event: KeyboardEvent, open: () => void): void {
  if (!isPressed('Shift+F10', event) && event.key !== 'ContextMenu') return;
  event.preventDefault();
  open();
}

type RowActions = { rename(): void; remove(): void };

export function conversationEntries(
  session: Session,
  { id, pinned, folderId }: Conversation,
  { rename, remove }: RowActions,
): (MenuEntry | null)[] {
  const words = t().list;
  const { conversations } = session;
  const act = (action: () => Promise<unknown>) => void session.try(action);
  const folders = conversations.folders.map((folder) => ({
    label: folder.name,
    icon: FolderIcon,
    isChosen: folder.id === folderId,
    run: () => act(() => conversations.move(id, folder.id)),
  }));
  const ask = () => (session.frame.asking = { kind: 'new-folder', conversationId: id });
  const out = { label: words.noFolder, run: () => act(() => conversations.move(id, null)) };
  return [
    { label: words.rename, icon: Pencil, keys: 'F2', run: rename },
    pinned
      ? { label: words.unpin, icon: PinOff, run: () => act(() => conversations.pin(id, false)) }
      : { label: words.pin, icon: Pin, run: () => act(() => conversations.pin(id, true)) },
    {
      label: words.moveTo,
      icon: FolderInput,
      items: [...folders, ...(folderId === null ? [] : [out]), { label: words.newFolder, icon: FolderPlus, run: ask }],
    },
    {
      label: t().panel.export,
      icon: Download,
      items: [
        { label: t().panel.markdown, run: () => void exportConversation(session, id, 'markdown') },
        { label: t().panel.json, run: () => void exportConversation(session, id, 'json') },
      ],
    },
    null,
    { label: words.remove, icon: Trash, isDanger: true, run: remove },
  ];
}

export function folderEntries(session: Session, { id, name }: Folder): MenuEntry[] {
  const words = t().list;
  const { frame } = session;
  return [
    { label: words.renameFolder, icon: Pencil, run: () => (frame.asking = { kind: 'rename-folder', id, name }) },
    {
      label: words.removeFolder,
      icon: Trash,
      isDanger: true,
      run: () => (frame.asking = { kind: 'remove-folder', id, name }),
    },
  ];
}
