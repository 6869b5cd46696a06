import { LonghandError } from './errors.ts';

/** What is larger is not read: a file is in memory as a whole. */
export const MOST_FILE_BYTES = 512 << 20;

/** Smaller files are read to find out what they are: only that tells for sure. */
const LARGE_BYTES = 1 << 20;
/** Pages and mails are told by how they begin, whatever follows. */
const BEGINNING_BYTES = 1024;

export const OLE = 'Microsoft Office 97';

/** Kinds of files that are told to be what they are, and not shown as a text of odd characters. */
const FOREIGN: readonly [name: string, magic: RegExp][] = [
  [OLE, /^\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1/],
  ['RTF', /^\{\\rtf/],
  ['RAR', /^Rar!\x1a/],
  ['7-Zip', /^7z\xbc\xaf\x27\x1c/],
  ['gzip', /^\x1f\x8b/],
  ['PostScript', /^%!PS/],
  ['GGUF', /^GGUF[\x01-\x09]\0/],
];

/** PDF, ZIP and all that is one, PNG, JPEG, GIF, WEBP, BMP, and what may be an encrypted DOCX. */
const KNOWN = /^(?:[\s\S]{0,1019}%PDF-|PK[\x03\x05]|\x89PNG|\xff\xd8\xff|GIF8|RIFF[\s\S]{4}WEBP|BM|\xd0\xcf\x11\xe0)/;

/** The name of a kind that no format reads; undefined where the first bytes do not tell. */
export function foreignKind(bytes: Uint8Array): string | undefined {
  const head = latin1(bytes.subarray(0, 16));
  return FOREIGN.find(([, magic]) => magic.test(head))?.[0];
}

/**
 * Why a large file cannot be read, by its size and its first 64 KB, so that it need not be copied to find that out; null where
 * only reading it tells. `ending`: of its name, without the point.
 */
export function refusalOf(head: Uint8Array, ending: string, sizeBytes: number): LonghandError | null {
  if (sizeBytes > MOST_FILE_BYTES) return fileTooLarge();
  const beginning = head.subarray(0, BEGINNING_BYTES);
  if (sizeBytes < LARGE_BYTES || KNOWN.test(latin1(beginning))) return null;
  const foreign = foreignKind(head);
  if (foreign !== undefined) return unsupported(foreign);
  const beginsAsText = beginning.every((byte) => byte > 8);
  return !beginsAsText && isBinary(head) ? unsupported(ending.toLowerCase() || 'binary') : null;
}

export const unsupported = (found: string) =>
  new LonghandError('unsupported-document', `Files of the kind ${found} are not read.`, { found });

export const fileTooLarge = () =>
  new LonghandError('document-too-large', `The file has more than the ${MOST_FILE_BYTES} bytes allowed.`, {
    limit: 'fileBytes',
    allowed: MOST_FILE_BYTES,
  });

/**
 * Whether bytes are a text in no encoding: letters of one byte never are control characters, and of two only one half may look
 * like one. Tables of numbers may pass for a text.
 */
function isBinary(bytes: Uint8Array): boolean {
  const controls = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x10 && byte <= 0x1d && byte !== 0x1b) controls[at % 2]! += 1;
  }
  return Math.min(...controls) > bytes.length / 200;
}

const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes);
