import { foreignKind, OLE, unsupported } from '../../contract/file-kind.ts';
import { archive } from './archive.ts';
import { separatedValues } from './csv.ts';
import { looksLikeText } from './encoding.ts';
import { encrypted, type DocumentFile, type DocumentFormat } from './format.ts';
import { image } from './image.ts';
import { markdown } from './markdown.ts';
import { eml } from './eml.ts';
import { epub } from './epub.ts';
import { html } from './html.ts';
import { docx } from './office/docx.ts';
import { odt } from './office/odt.ts';
import { pptx } from './office/pptx.ts';
import { xlsx } from './office/xlsx.ts';
import { pdf } from './pdf.ts';
import { plainText, sourceCode } from './text.ts';

/** The first that matches reads a file: those that bytes tell, then texts, which only their names tell apart. */
const binaryFormats: readonly DocumentFormat[] = [pdf, image, docx, odt, xlsx, pptx, epub, archive, html, eml];
const textFormats: readonly DocumentFormat[] = [separatedValues, markdown, sourceCode, plainText];

/** @throws unsupported-document */
export function formatOf(file: DocumentFile): DocumentFormat {
  const foreign = foreignKind(file.bytes);
  if (foreign === OLE && holdsEncryptedPackage(file.bytes)) throw encrypted('unsupported');
  if (foreign !== undefined) throw unsupported(foreign);
  const candidates = looksLikeText(file.bytes) ? [...binaryFormats, ...textFormats] : binaryFormats;
  const format = candidates.find((candidate) => candidate.matches(file));
  if (format === undefined) throw unsupported(file.ending === '' ? 'binary' : file.ending);
  return format;
}

/** Office keeps an encrypted DOCX, XLSX or PPTX in a container of its old format. */
function holdsEncryptedPackage(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('EncryptedPackage', 0, 'utf16le');
}
