import type { ExtractionEvent, TextBlock } from '../../../contract/extraction.ts';
import { unreadable, type DocumentFormat } from '../format.ts';
import { PartBuilder } from '../part.ts';
import { parseAllXml, type XmlHandler } from '../xml.ts';
import type { Zip } from '../zip.ts';
import { titleOf } from './properties.ts';
import { relationsOf } from './relations.ts';

const PRESENTATION = 'ppt/presentation.xml';

/** PPTX: a part a slide, its title first, tables by rows, what the speaker noted at its end. */
export const pptx: DocumentFormat = {
  id: 'pptx',
  matches: ({ zip }) => zip?.has(PRESENTATION) === true,

  async *read({ zip }): AsyncGenerator<ExtractionEvent, void> {
    if (zip === null) throw unreadable('it has no slides');
    const slides = slidesOf(zip);
    yield { type: 'about', format: 'pptx', title: titleOf(zip), parts: slides.length };
    for (const [index, file] of slides.entries()) {
      const builder = new PartBuilder();
      for (const { kind, text, level } of inOrder(blocksOf(zip, file))) builder.add(kind, text, { level });
      const notes = [...relationsOf(zip, file).values()].filter(({ type }) => type === 'notesSlide');
      for (const { target } of notes) {
        for (const { text, kind } of blocksOf(zip, target)) if (kind !== 'note') builder.add('note', text);
      }
      yield { type: 'part', part: builder.build('slide', String(index + 1)) };
    }
    yield { type: 'end', outline: [], notes: [] };
  },
};

type Block = { kind: TextBlock['kind']; text: string; level: number };

/** Files of the slides in their order. */
function slidesOf(zip: Zip): string[] {
  const relations = relationsOf(zip, PRESENTATION);
  const slides: string[] = [];
  // A slide has an id of its own besides that of its relation.
  parseAllXml(zip.read(PRESENTATION), {
    open(name, attributes) {
      if (name !== 'sldId') return;
      const target = Object.values(attributes)
        .map((value) => relations.get(value)?.target)
        .find((file) => file !== undefined);
      if (target !== undefined) slides.push(target);
    },
  });
  return slides;
}

/** The title before what stands above it. */
function inOrder(blocks: readonly Block[]): Block[] {
  return [...blocks.filter(({ kind }) => kind === 'heading'), ...blocks.filter(({ kind }) => kind !== 'heading')];
}

function blocksOf(zip: Zip, file: string): Block[] {
  const reader = new ShapeReader();
  parseAllXml(zip.read(file), reader);
  return reader.blocks;
}

/** Paragraphs of the shapes of a slide: ECMA-376 part 1, sections 19.3 and 21.1. */
class ShapeReader implements XmlHandler {
  readonly blocks: Block[] = [];
  #placeholder = '';
  #text = '';
  #level = 0;
  #isText = false;
  #isNumbered = false;
  /** Of numbered paragraphs, by level. */
  #counts: number[] = [];
  #skipped = 0;
  #cells: string[] | null = null;
  #cell: string[] = [];

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (name === 'Fallback') this.#skipped++;
    else if (name === 'sp' || name === 'graphicFrame') this.#placeholder = '';
    else if (name === 'ph') this.#placeholder = attributes['type'] ?? 'body';
    else if (name === 'tr') this.#cells = [];
    else if (name === 'tc') this.#cell = [];
    else if (name === 'p') this.#begin();
    else if (name === 'pPr') this.#level = Number(attributes['lvl'] ?? 0);
    else if (name === 'buAutoNum') this.#isNumbered = true;
    else if (name === 't') this.#isText = true;
    else if (name === 'br') this.#text += '\n';
  }

  text(text: string): void {
    if (this.#isText && this.#skipped === 0) this.#text += text;
  }

  close(name: string): void {
    if (name === 'Fallback') this.#skipped--;
    else if (name === 't') this.#isText = false;
    else if (name === 'p') this.#end();
    else if (name === 'tc') this.#cells?.push(this.#cell.join(' '));
    else if (name === 'tr' && this.#cells !== null) {
      this.blocks.push({
        kind: 'row',
        text: this.#cells.map((cell) => cell.replace(/\s+/g, ' ')).join('\t'),
        level: 0,
      });
      this.#cells = null;
    }
  }

  #begin(): void {
    this.#text = '';
    this.#level = 0;
    this.#isNumbered = false;
  }

  #end(): void {
    if (this.#text.trim() === '') return;
    this.#counts.length = Math.min(this.#counts.length, this.#level + (this.#isNumbered ? 1 : 0));
    if (this.#isNumbered) {
      this.#counts[this.#level] = (this.#counts[this.#level] ?? 0) + 1;
      this.#text = `${this.#counts[this.#level]}. ${this.#text}`;
    }
    if (this.#cells !== null) this.#cell.push(this.#text);
    else this.blocks.push({ ...kindOf(this.#placeholder, this.#level), text: this.#text });
  }
}

/** Numbers, dates and footers are on every slide. */
function kindOf(placeholder: string, level: number): Pick<Block, 'kind' | 'level'> {
  if (placeholder === 'title' || placeholder === 'ctrTitle') return { kind: 'heading', level: 1 };
  if (['sldNum', 'dt', 'ftr', 'hdr'].includes(placeholder)) return { kind: 'note', level: 0 };
  return placeholder === 'body' || placeholder === 'obj'
    ? { kind: 'item', level: level + 1 }
    : { kind: 'paragraph', level: 0 };
}
