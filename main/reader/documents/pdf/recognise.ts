import type { Part } from '../../../contract/extraction.ts';
import { recognisedText } from '../recognise/page.ts';
import { Recogniser } from '../recognise/recogniser.ts';
import { openPdf, type OpenPdf } from './open.ts';

/** Dots an inch: what recognition is made for. */
const RESOLUTION = 300;
const POINTS = 72;

/** Draws pages that are pictures, and reads the text off them. The document is opened a second time, for drawing. */
export class PageRecogniser {
  readonly #bytes: Uint8Array;
  readonly #password: string | undefined;
  readonly #pixels: number;
  readonly #recogniser = new Recogniser();
  #opened: Promise<OpenPdf> | null = null;

  constructor(bytes: Uint8Array, { password, pixels }: { password: string | undefined; pixels: number }) {
    this.#bytes = bytes;
    this.#password = password;
    this.#pixels = pixels;
  }

  /** Text of page `number`, from 1, with its boxes in points; '' where there is none. */
  async text(number: number): Promise<Pick<Part, 'text' | 'blocks' | 'boxes'>> {
    this.#opened ??= openPdf(this.#bytes, this.#password, { forText: false, pixels: this.#pixels });
    const { pdf } = await this.#opened;
    const page = await pdf.getPage(number);
    try {
      const { width, height } = page.getViewport({ scale: 1 });
      // A page of a poster's size is drawn smaller.
      const scale = Math.min(RESOLUTION / POINTS, Math.sqrt(this.#pixels / 4 / (width * height)));
      const viewport = page.getViewport({ scale });
      const { createCanvas } = await import('@napi-rs/canvas');
      const canvas = createCanvas(Math.ceil(viewport.width), Math.ceil(viewport.height));
      await page.render({ canvas: canvas as never, viewport, background: '#fff' }).promise;
      return recognisedText(await this.#recogniser.lines(canvas.toBuffer('image/png')), 1 / scale);
    } finally {
      page.cleanup();
    }
  }

  async close(): Promise<void> {
    await this.#recogniser.close();
    await (await this.#opened)?.close();
  }
}
