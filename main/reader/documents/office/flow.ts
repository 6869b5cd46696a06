import type { ExtractionEvent, PartKind, TextBlock } from '../../../contract/extraction.ts';
import { PartBuilder } from '../part.ts';

/** A part is cut at a heading once it is this long, at any block once it is twice that. */
const PART_CHARACTERS = 60_000;

/**
 * A text without pages, as it grows: blocks go in, parts come out, each as long as some thirty printed pages and named by its
 * first heading, or the last one before.
 */
export class Flow {
  readonly #kind: PartKind;
  #builder = new PartBuilder();
  #done: ExtractionEvent[] = [];
  #label = '';
  #heading = '';
  #parts = 0;

  constructor(kind: PartKind = 'text') {
    this.#kind = kind;
  }

  get parts(): number {
    return this.#parts;
  }

  add(kind: TextBlock['kind'], text: string, level = 0): void {
    const isLong = this.#builder.length > PART_CHARACTERS * (kind === 'heading' ? 1 : 2);
    if (isLong) this.flush();
    if (kind === 'heading') this.#heading = text.replace(/\s+/g, ' ').trim();
    if (this.#label === '') this.#label = this.#heading;
    this.#builder.add(kind, text, { level });
  }

  /** Ends the part, under the name `label` where one is given. */
  flush(label?: string): void {
    if (this.#builder.length > 0) {
      this.#done.push({ type: 'part', part: this.#builder.build(this.#kind, label ?? this.#label) });
      this.#parts += 1;
    }
    this.#builder = new PartBuilder();
    this.#label = this.#heading;
  }

  /** Parts that have become complete. */
  *take(): Generator<ExtractionEvent> {
    const done = this.#done;
    this.#done = [];
    yield* done;
  }

  /** What is left, and at least one part. */
  *end(): Generator<ExtractionEvent> {
    if (this.#builder.length > 0 || this.#parts === 0) {
      this.#done.push({ type: 'part', part: this.#builder.build(this.#kind, this.#parts === 0 ? '' : this.#label) });
      this.#parts += 1;
      this.#builder = new PartBuilder();
    }
    yield* this.take();
  }
}
