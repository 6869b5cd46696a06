import { createContext } from 'svelte';

/** The address that the user is asked about before anything is opened. */
export class LinkQuestion {
  address = $state<string | null>(null);

  ask(address: string): void {
    this.address = address;
  }
}

export const [getLinkQuestion, setLinkQuestion] = createContext<LinkQuestion>();
