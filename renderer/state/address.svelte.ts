import type { DocumentInfo } from '../../main/contract/documents.ts';
import { LonghandError, toStoredError, type StoredError } from '../../main/contract/errors.ts';
import type { Connection } from '../app/connection.ts';
import type { Lane } from './session.svelte.ts';
import type { Preferences } from './settings.svelte.ts';

type Options = {
  connection: Connection;
  preferences: Pick<Preferences, 'current' | 'change'>;
  /** What an address had to give is on the shelf. */
  onAdded(added: DocumentInfo[], lane: Lane): Promise<void>;
};

/** A host that is asked about before anything is sent to it; `from` is the address that led there, where another one was given. */
export type AskedHost = { host: string; address: string; from: string | null };

/** Adding the document at an address: where from, whether its host may be asked, and how much of it has come. */
export class AddressAdding {
  /** Where the document goes; null while nobody adds one. */
  lane = $state.raw<Lane | null>(null);
  address = $state('');
  asked = $state.raw<AskedHost | null>(null);
  problem = $state.raw<StoredError | null>(null);
  /** In bytes, while it comes. */
  coming = $state.raw<{ done: number; total: number | null } | null>(null);
  /** Hosts that may be asked this once. */
  #allow: string[] = [];
  #stop: AbortController | null = null;
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  open = (lane: Lane): void => {
    this.close();
    this.lane = lane;
  };

  /** Leaves it, whatever had come. */
  close = (): void => {
    this.#stop?.abort();
    this.#allow = [];
    this.address = '';
    this.lane = null;
    this.asked = null;
    this.problem = null;
  };

  /** Fetches the address, or asks about its host. */
  go = async (): Promise<void> => {
    const { lane, address } = this;
    if (lane === null || address.trim() === '' || this.coming !== null) return;
    this.problem = null;
    this.asked = null;
    this.coming = { done: 0, total: null };
    const stop = (this.#stop = new AbortController());
    try {
      const added = await this.#fetch(address.trim(), stop.signal);
      if (stop.signal.aborted) return;
      this.close();
      await this.#options.onAdded(added, lane);
    } catch (error) {
      if (stop.signal.aborted) return;
      this.asked = askedHost(error);
      if (this.asked === null) this.problem = toStoredError(error);
    } finally {
      this.coming = null;
    }
  };

  /** The host may be asked: this once, or whenever an address of it is given. @throws LonghandError where that can't be kept */
  agree = async (forHowLong: 'once' | 'always'): Promise<void> => {
    const { asked } = this;
    if (asked === null) return;
    this.#allow.push(asked.host);
    if (forHowLong === 'always') {
      const { preferences } = this.#options;
      await preferences.change({ documentHosts: [...(preferences.current?.documentHosts ?? []), asked.host] });
    }
    await this.go();
  };

  #fetch(address: string, signal: AbortSignal): Promise<DocumentInfo[]> {
    const request = { address, allow: this.#allow };
    return this.#options.connection.call(async (client) => {
      let added: DocumentInfo[] = [];
      for await (const event of await client.documents.addAddress(request, { signal })) {
        if (event.type === 'added') added = event.documents;
        else this.coming = { done: event.done, total: event.total };
      }
      return added;
    });
  }
}

function askedHost(error: unknown): AskedHost | null {
  if (!(error instanceof LonghandError) || error.code !== 'host-not-allowed') return null;
  const { host, address, from } = error.details;
  return { host: String(host), address: String(address), from: typeof from === 'string' ? from : null };
}
