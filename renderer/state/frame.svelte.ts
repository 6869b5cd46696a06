import type { PageName } from '../app/route.ts';

/** A question that is asked before something is done. */
export type Asking =
  | { kind: 'new-folder'; conversationId: string | null }
  | { kind: 'rename-folder'; id: string; name: string }
  | { kind: 'remove-folder'; id: string; name: string }
  | { kind: 'rename'; id: string; title: string };

const SIDEBAR = 'sidebar';

/** What of the window is open: pages, panes, dialogs. Conversations and settings are elsewhere. */
export class Frame {
  /** The page in place of the conversation, by the address. */
  page = $state<PageName | null>(null);
  overlay = $state<'palette' | 'keys' | null>(null);
  asking = $state.raw<Asking | null>(null);
  /** The page of models is to show its self-test, ready to be begun. */
  selfTestAsked = $state(false);
  panelOpen = $state(false);
  drawerOpen = $state(false);
  #sidebarOpen = $state(true);
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
    this.#sidebarOpen = storage.getItem(SIDEBAR) !== 'closed';
  }

  /** The list on a wide window; on a narrow one it is a drawer. */
  get sidebarOpen(): boolean {
    return this.#sidebarOpen;
  }

  set sidebarOpen(open: boolean) {
    this.#sidebarOpen = open;
    this.#storage.setItem(SIDEBAR, open ? 'open' : 'closed');
  }
}
