import { createContext } from 'svelte';

/** The address that the user is asked about before anything is opened; in Electron the shell asks, so the page does not. */
export class LinkQuestion {
  address = $state<string | null>(null);

  ask(address: string): void {
    if (window.longhand) openLink(address);
    else this.address = address;
  }
}

export const [getLinkQuestion, setLinkQuestion] = createContext<LinkQuestion>();

/** Opens an address without telling it where the reader came from. */
export function openLink(address: string): void {
  window.open(address, '_blank', 'noreferrer');
}
