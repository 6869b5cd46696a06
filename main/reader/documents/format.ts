import type { ExtractionEvent, ExtractionLimits } from '../../contract/extraction.ts';
import { LonghandError } from '../../contract/errors.ts';
import type { Zip } from './zip.ts';

/** A file as a format sees it. Its bytes decide what it is; its name only where bytes leave that open. */
export type DocumentFile = {
  bytes: Uint8Array;
  name: string;
  /** The name's ending in small letters without its point; '' where there is none. */
  ending: string;
  /** What it holds, of a file that is a zip archive; null of others. */
  zip: Zip | null;
};

export type ReadOptions = {
  limits: ExtractionLimits;
  password: string | undefined;
  recognise: boolean;
};

/** A kind of file, read event by event: leaving the loop ends the work. */
export type DocumentFormat = {
  id: string;
  matches(file: DocumentFile): boolean;
  /** `about` first, then parts with their tables, `end` last. The outline may be left empty: headings then make it. */
  read(file: DocumentFile, options: ReadOptions): AsyncGenerator<ExtractionEvent, void>;
};

/** What a file may cost unless its caller says otherwise; a part adds PART_SECONDS to the time, a recognised one more. */
export const DEFAULT_LIMITS: ExtractionLimits = {
  seconds: 60,
  parts: 5_000,
  characters: 100_000_000,
  unpackedBytes: 1 << 30,
  pixels: 100_000_000,
};

export const unreadable = (reason: string, cause?: unknown) =>
  new LonghandError('document-unreadable', `The file cannot be read: ${reason}`, { reason }, { cause });

/** `limit` names which of the limits, `allowed` its value. */
export const tooLarge = (limit: keyof ExtractionLimits | 'fileBytes' | 'memoryBytes', allowed: number) =>
  new LonghandError('document-too-large', `The file needs more ${limit} than the ${allowed} allowed.`, {
    limit,
    allowed,
  });

export const encrypted = (password: 'missing' | 'wrong' | 'unsupported') =>
  new LonghandError('document-encrypted', `The file is encrypted (password ${password}).`, { password });

/** 'pdf' of 'a/B.PDF'; '' where there is none. */
export function endingOf(name: string): string {
  return /\.([^.\\/]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
}
