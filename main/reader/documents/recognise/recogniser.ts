import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Worker } from 'tesseract.js';
import type { Line } from '../pdf/lines.ts';
import { linesOfBlocks } from './lines.ts';

/** Chinese data know Latin letters too, but not as well: each page is read as what fits it better. */
const LANGUAGES = ['eng', 'chi_sim'] as const;
type Language = (typeof LANGUAGES)[number];

/** Of 100: from here on a page is taken to be in the language that it was read as first. */
const SURE = 80;
/** Below this, what was found are shapes of a picture and no text. */
const LEAST = 35;

/**
 * Reads text off pictures, with language data from packages: nothing is fetched. A language is loaded with the first page
 * that needs it; the next page is tried in the language of the last.
 */
export class Recogniser {
  readonly #workers = new Map<Language, Promise<Worker>>();
  #language: Language = 'eng';

  /** Lines of the text on a picture (PNG), in its pixels, in reading order; none where there is no text. */
  async lines(png: Buffer): Promise<Line[]> {
    const first = await this.#read(png, this.#language);
    if (first.confidence >= SURE) return first.lines;
    const other = LANGUAGES.find((language) => language !== this.#language)!;
    const second = await this.#read(png, other);
    const best = second.confidence > first.confidence ? second : first;
    if (best === second) this.#language = other;
    return best.confidence < LEAST ? [] : best.lines;
  }

  async close(): Promise<void> {
    for (const worker of this.#workers.values()) await (await worker).terminate();
  }

  async #read(png: Buffer, language: Language): Promise<{ confidence: number; lines: Line[] }> {
    const worker = await this.#open(language);
    const { data } = await worker.recognize(png, {}, { text: false, blocks: true });
    return { confidence: data.confidence, lines: linesOfBlocks(data.blocks ?? []) };
  }

  #open(language: Language): Promise<Worker> {
    const open = this.#workers.get(language) ?? start(language);
    this.#workers.set(language, open);
    return open;
  }
}

async function start(language: Language): Promise<Worker> {
  const { createWorker } = await import('tesseract.js');
  const folder = dirname(createRequire(import.meta.url).resolve(`@tesseract.js-data/${language}/package.json`));
  return createWorker(language, 1, {
    langPath: join(unpacked(folder), '4.0.0_best_int'),
    gzip: true,
    cacheMethod: 'none',
  });
}

/** Tesseract reads its data in a thread that sees no archive. */
function unpacked(folder: string): string {
  return folder.replace(/([\\/])app\.asar(?=[\\/])/, '$1app.asar.unpacked');
}
