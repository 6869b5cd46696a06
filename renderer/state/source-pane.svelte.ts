import type { DocumentInfo } from '../../main/contract/documents.ts';
import { toStoredError } from '../../main/contract/errors.ts';
import type { OutlineEntry, Part } from '../../main/contract/extraction.ts';
import type { Connection } from '../app/connection.ts';
import type { Problem } from '../app/problems.ts';

/** [start, end) in the text of a part. */
export type Range = readonly [number, number];

/** A place in a document: a part by number, and what of its text is to be seen; nothing: its beginning. */
export type Place = { documentId: string; part: number; ranges?: readonly Range[] };

export type OpenDocument = DocumentInfo & { outline: OutlineEntry[] };

/** What a click on a source opens beside the conversation: one part of a document, with the words that matter marked. */
export class SourcePane {
  document = $state.raw<OpenDocument | null>(null);
  number = $state(0);
  part = $state.raw<Part | null>(null);
  ranges = $state.raw<readonly Range[]>([]);
  problem = $state.raw<Problem | null>(null);
  /** Something is to be shown, though it may be on its way. */
  open = $state(false);
  /** Another one for every place that was asked for, so that one asked for twice is brought into view again. */
  visit = $state(0);
  #asked = 0;
  /** The part that was asked for last, and may be on its way. */
  #aim = 0;
  readonly hasPrevious = $derived(this.number > 0);
  readonly hasNext = $derived(this.document !== null && this.number < this.document.parts - 1);
  /** The marked words, in order. */
  readonly quote = $derived.by(() => {
    const text = this.part?.text ?? '';
    return this.ranges.map(([start, end]) => text.slice(start, end)).join(' … ');
  });
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What was shown stays until the other part is there, unless that is of another document. */
  show = async ({ documentId, part: number, ranges = [] }: Place): Promise<void> => {
    const visit = (this.#asked += 1);
    const isOther = this.document?.id !== documentId;
    this.open = true;
    this.problem = null;
    this.#aim = number;
    if (isOther) this.#clear();
    const shown = this.number === number ? this.part : null;
    try {
      const [document, part] = await Promise.all([
        this.document ?? this.#call((client) => client.documents.get({ id: documentId })),
        shown ?? this.#call((client) => client.documents.part({ id: documentId, part: number })),
      ]);
      if (visit !== this.#asked) return;
      this.document = document;
      this.part = part;
      this.number = number;
      this.ranges = ranges;
      this.visit = visit;
    } catch (error) {
      if (visit === this.#asked) this.problem = toStoredError(error);
    }
  };

  /** The neighbouring part, without marks; pressed twice, the one after it. */
  step = async (by: 1 | -1): Promise<void> => {
    const { document } = this;
    const aim = this.#aim + by;
    if (document !== null && aim >= 0 && aim < document.parts) await this.show({ documentId: document.id, part: aim });
  };

  jump = async ({ part, offset }: OutlineEntry): Promise<void> => {
    if (this.document !== null) await this.show({ documentId: this.document.id, part, ranges: [[offset, offset]] });
  };

  close = (): void => {
    this.#asked += 1;
    this.open = false;
    this.problem = null;
    this.#clear();
  };

  /** A piece of the file as it was added. */
  bytes = async (id: string, from: number, to: number): Promise<Uint8Array> => {
    const { bytes } = await this.#call((client) => client.documents.bytes({ id, from, to }));
    return new Uint8Array(await bytes.arrayBuffer());
  };

  #clear(): void {
    this.document = null;
    this.part = null;
    this.number = 0;
    this.ranges = [];
  }

  #call: Connection['call'] = (run) => this.#connection.call(run);
}
