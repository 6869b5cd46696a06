import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { PDFDocumentProxy } from 'pdfjs-dist';
import type * as Library from 'pdfjs-dist/legacy/build/pdf.mjs';
import { encrypted, unreadable } from '../format.ts';

export type PdfLibrary = typeof Library;
export type OpenPdf = { pdf: PDFDocumentProxy; library: PdfLibrary; close(): Promise<void> };

/** pdf.js keeps maps of characters, fonts and decoders beside its code; outside an archive, where its own reader finds them. */
const PACKAGE = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json')).replace(
  /([\\/])app\.asar(?=[\\/])/,
  '$1app.asar.unpacked',
);
const folder = (name: string) => join(PACKAGE, name) + sep;

/**
 * Opens a PDF; `forText` leaves out what only drawing needs. Pictures of more than `pixels` are not decoded.
 * @throws document-encrypted | document-unreadable
 */
export async function openPdf(
  bytes: Uint8Array,
  password: string | undefined,
  { forText, pixels = 1 }: { forText: boolean; pixels?: number },
): Promise<OpenPdf> {
  const library = await load();
  const task = library.getDocument({
    data: Uint8Array.from(bytes), // pdf.js takes it away
    ...(password === undefined ? {} : { password }),
    maxImageSize: pixels,
    ...(forText ? { disableFontFace: false, fontExtraProperties: true } : {}),
    useSystemFonts: false,
    stopAtErrors: false,
    verbosity: 0,
    cMapUrl: folder('cmaps'),
    standardFontDataUrl: folder('standard_fonts'),
    wasmUrl: folder('wasm'),
  });
  try {
    return { pdf: await task.promise, library, close: () => task.destroy() };
  } catch (error) {
    await task.destroy();
    throw translate(error, library);
  }
}

/**
 * Loaded when the first PDF is opened, since it takes half a second. It asks which kind of process it is in, and would take one
 * of Electron without a window for a page.
 */
async function load(): Promise<PdfLibrary> {
  if (process.versions['electron'] !== undefined) Object.defineProperty(process, 'type', { value: 'browser' });
  return import('pdfjs-dist/legacy/build/pdf.mjs');
}

function translate(error: unknown, { PasswordException, PasswordResponses }: PdfLibrary): unknown {
  if (error instanceof PasswordException) {
    return encrypted(error.code === PasswordResponses.INCORRECT_PASSWORD ? 'wrong' : 'missing');
  }
  return error instanceof Error ? unreadable(error.message, error) : error;
}
