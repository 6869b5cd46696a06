import { isSameCollection, type Collection } from '../../main/contract/collections.ts';
import type { ReadingPlan, ReadingWay } from '../../main/contract/documents.ts';
import type { Connection } from '../app/connection.ts';

type Options = {
  connection: Connection;
  /** The conversation's id; one that has none yet is created. */
  begin(): Promise<string>;
  /** What the next message costs has changed. */
  onChange(): void;
};

/** The documents of one conversation from its next message on, how it reads them, and what that takes. */
export class Attached {
  ids = $state.raw<string[]>([]);
  /** Folders, tags and the shelf, all of whose documents belong to it. */
  collections = $state.raw<Collection[]>([]);
  /** What the user chose; null: as the app proposes. */
  way = $state.raw<ReadingWay | null>(null);
  plan = $state.raw<ReadingPlan | null>(null);
  /** A choice is on its way: the next one waits for it. */
  #last: Promise<unknown> = Promise.resolve();
  #asked = 0;
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** What is attached to a conversation that is opened, and its price as it stands now. */
  load = async (conversationId: string): Promise<void> => {
    const question = (this.#asked += 1);
    const attached = await this.#options.connection.call((client) => client.documents.attached({ conversationId }));
    if (question !== this.#asked) return; // a choice has been made meanwhile
    this.ids = attached.documentIds;
    this.collections = attached.collections;
    this.way = attached.way;
    this.plan = attached.plan;
  };

  add = (ids: readonly string[], collections: readonly Collection[] = []) =>
    this.#change(() => ({
      ids: [...new Set([...this.ids, ...ids])],
      collections: [...this.collections, ...collections.filter((one) => !this.has(one))],
    }));

  remove = (id: string) => this.#change(() => ({ ids: this.ids.filter((one) => one !== id) }));

  removeCollection = (collection: Collection) =>
    this.#change(() => ({ collections: this.collections.filter((one) => !isSameCollection(one, collection)) }));

  has = (collection: Collection): boolean => this.collections.some((one) => isSameCollection(one, collection));

  /** A document that is on the shelf no more. */
  forget = (id: string) => void (this.ids = this.ids.filter((one) => one !== id));

  choose = (way: ReadingWay | null) => this.#change(() => ({ way }));

  /** One choice after the other: each is made of what the one before it left. */
  #change(choice: () => Partial<Pick<Attached, 'ids' | 'collections' | 'way'>>): Promise<void> {
    const changing = this.#last.then(async () => {
      const { ids: documentIds = this.ids, collections = this.collections, way = this.way } = choice();
      this.#asked += 1;
      const conversationId = await this.#options.begin();
      const request = { conversationId, documentIds, collections, way };
      this.plan = await this.#options.connection.call((client) => client.documents.attach(request));
      this.ids = documentIds;
      this.collections = collections;
      this.way = way;
      this.#options.onChange();
    });
    this.#last = changing.catch(() => {});
    return changing;
  }
}
