/** Draws pages of PDF files. Loaded when the first one is shown, so that the page's start is no slower for it. */
import { getDocument, GlobalWorkerOptions, PDFDataRangeTransport, type PDFDocumentProxy } from 'pdfjs-dist';
import workerAddress from 'pdfjs-dist/build/pdf.worker.min.mjs?url';
import { readWhole, type ReadBytes } from './read-whole.ts';

GlobalWorkerOptions.workerSrc = workerAddress;

const PIECE_BYTES = 256 * 1024;
const MOST_PIXELS = 8_000_000; // of one page: sharper than a screen shows, and 32 MB of memory

export type Size = { width: number; height: number };

/** A PDF whose bytes are read piece by piece, as its pages need them. */
export class PdfFile {
  readonly #pdf: PDFDocumentProxy;
  /** Fails as soon as a piece cannot be read: pdf.js would wait for it for ever. */
  readonly #broken: Promise<never>;

  private constructor(pdf: PDFDocumentProxy, broken: Promise<never>) {
    this.#pdf = pdf;
    this.#broken = broken;
  }

  /** @throws what pdf.js says of the file: locked, damaged */
  static async open(sizeBytes: number, read: ReadBytes): Promise<PdfFile> {
    const place = (folder: string) => new URL(`pdf/${folder}/`, document.baseURI).href;
    const transport = new Transport(sizeBytes, read);
    const task = getDocument({
      range: transport,
      rangeChunkSize: PIECE_BYTES,
      disableAutoFetch: true, // what no shown page needs stays where it is
      disableStream: true,
      disableWorkerRendering: true,
      // The page's policy forbids compiling anything; these decode in plain JavaScript instead.
      useWasm: false,
      wasmUrl: place('decoders'),
      cMapUrl: place('cmaps'),
      standardFontDataUrl: place('fonts'),
      maxImageSize: 50_000_000,
      verbosity: 0,
    });
    const broken = new Promise<never>((_, reject) => (transport.onProblem = reject));
    broken.catch(() => {}); // it may fail while nothing is drawn
    try {
      return new PdfFile(await Promise.race([task.promise, broken]), broken);
    } catch (error) {
      void task.destroy();
      throw error;
    }
  }

  /**
   * Draws a page, by number from 0, as wide as `width` CSS pixels.
   * @returns its size as it is shown, in points
   * @throws what a read of its bytes failed with, now or before
   */
  async draw(canvas: HTMLCanvasElement, number: number, width: number, signal: AbortSignal): Promise<Size> {
    const page = await Promise.race([this.#pdf.getPage(number + 1), this.#broken]);
    signal.throwIfAborted();
    const size = page.getViewport({ scale: 1 });
    const sharpest = Math.sqrt(MOST_PIXELS / (size.width * size.height));
    const viewport = page.getViewport({ scale: Math.min(sharpest, (width / size.width) * devicePixelRatio) });
    canvas.width = Math.round(viewport.width);
    canvas.height = Math.round(viewport.height);
    const drawing = page.render({ canvas, viewport });
    const stop = () => drawing.cancel();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await Promise.race([drawing.promise, this.#broken]);
    } catch (error) {
      drawing.cancel();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    return { width: size.width, height: size.height };
  }

  close(): void {
    void this.#pdf.loadingTask.destroy();
  }
}

class Transport extends PDFDataRangeTransport {
  onProblem: (error: Error) => void = () => {};
  readonly #read: ReadBytes;

  constructor(sizeBytes: number, read: ReadBytes) {
    super(sizeBytes, null);
    this.#read = read;
  }

  override requestDataRange(begin: number, end: number): void {
    readWhole(this.#read, begin, end).then(
      (bytes) => this.onDataRange(begin, bytes),
      (error: unknown) => this.onProblem(error instanceof Error ? error : new Error(String(error))),
    );
  }
}
