import { z } from 'zod';

/** What a part of a file is: a page, a sheet, a slide, a chapter of a book, a mail or its attachment, or all of a text. */
export const partKind = z.enum(['page', 'sheet', 'slide', 'chapter', 'text']);
export type PartKind = z.infer<typeof partKind>;

/**
 * A stretch of a part's text that stands for itself, [start, end) in UTF-16 units of that text. Blocks are in order and
 * do not overlap. `level` is that of a heading (1 to 6) or of a list item (from 1); else 0. `cell`: of a sheet, the cell
 * that a row begins with, as in 'B7'.
 */
export const textBlock = z.object({
  kind: z.enum(['heading', 'paragraph', 'item', 'row', 'code', 'note']),
  start: z.number().int(),
  end: z.number().int(),
  level: z.number().int(),
  cell: z.string().optional(),
});
export type TextBlock = z.infer<typeof textBlock>;

/**
 * A part of a document with its text, normalised once (NFC, one kind of line end, hyphenation at line ends joined): the
 * text that is stored, searched, shown to the model and cited.
 */
export const part = z.object({
  kind: partKind,
  /** As a reader would call it: '12' or 'iv' of a page, the name of a sheet, the heading of a chapter. */
  label: z.string(),
  text: z.string(),
  blocks: z.array(textBlock),
  /** Of a page, in points. */
  size: z.object({ width: z.number(), height: z.number() }).nullable(),
  /**
   * Of a page: where its words stand, six numbers each: start and end in `text`, then left, top, width and height in points
   * from the page's upper left corner as it is shown (rotation applied).
   */
  boxes: z.array(z.number()),
  /** The text was read off a picture. */
  recognised: z.boolean(),
});
export type Part = z.infer<typeof part>;

/** A heading of the document's own outline, or of its headings where it has none; `part` by number, from 0. */
export const outlineEntry = z.object({
  title: z.string(),
  level: z.number().int(),
  part: z.number().int(),
  /** Where in the part's text. */
  offset: z.number().int(),
});
export type OutlineEntry = z.infer<typeof outlineEntry>;

export const tableCell = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** Some rows of a table as values: sheets and files of separated values come in pieces, in order. */
export const tableRows = z.object({
  /** By number, from 0; a table belongs to the part of `part`. */
  table: z.number().int(),
  part: z.number().int(),
  name: z.string(),
  /** What the table's own first row calls its columns; told with each piece. */
  columns: z.array(z.string()),
  /** Row of the sheet that the first of `rows` is, from 1. */
  firstRow: z.number().int(),
  rows: z.array(z.array(tableCell)),
});
export type TableRows = z.infer<typeof tableRows>;

/** Something of a file that a reader would want to know of: pages that are pictures without text, rows left out. */
export const extractionNote = z.object({
  code: z.enum([
    'no-text-layer',
    'text-recognised',
    'parts-left-out',
    'attachments',
    'damaged-parts',
    'encoding-guessed',
  ]),
  details: z.record(z.string(), z.unknown()),
});
export type ExtractionNote = z.infer<typeof extractionNote>;

/** What reading a file yields: `about` first, then parts in order with their tables, `end` last. */
export const extractionEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('about'),
    /** Name of the format, as in the index of formats: 'pdf', 'docx'. */
    format: z.string(),
    title: z.string().nullable(),
    /** How many parts there will be, where the file says so. */
    parts: z.number().nullable(),
  }),
  z.object({ type: z.literal('part'), part }),
  z.object({ type: z.literal('rows'), rows: tableRows }),
  z.object({ type: z.literal('end'), outline: z.array(outlineEntry), notes: z.array(extractionNote) }),
]);
export type ExtractionEvent = z.infer<typeof extractionEvent>;

/** What a file may cost. */
export const extractionLimits = z.object({
  seconds: z.number(),
  parts: z.number(),
  /** Of all texts together. */
  characters: z.number(),
  /** What an archive, or a format that is one, may unpack to. */
  unpackedBytes: z.number(),
  /** Of a picture. */
  pixels: z.number(),
});
export type ExtractionLimits = z.infer<typeof extractionLimits>;

/**
 * `password`: of an encrypted file. `recognise`: read the text of pictures, and of pages that are pictures, where the
 * languages are known.
 */
export const extractionInput = z.object({
  path: z.string(),
  /** What the user knows it by; its ending is a hint, its bytes decide. */
  name: z.string(),
  password: z.string().optional(),
  recognise: z.boolean().default(true),
  limits: extractionLimits.partial().default({}),
});
export type ExtractionInput = z.input<typeof extractionInput>;

/** `folder` gets the files of an archive, or of a mail; the reader writes nothing else. */
export const unpackInput = z.object({
  path: z.string(),
  name: z.string(),
  folder: z.string(),
  limits: extractionLimits.partial().default({}),
});
export type UnpackInput = z.input<typeof unpackInput>;

/** Files as they are written, each with its name in the archive, folders included; what was left out comes last. */
export const unpackEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('file'), name: z.string(), path: z.string(), sizeBytes: z.number() }),
  z.object({
    type: z.literal('end'),
    leftOut: z.array(
      z.object({
        name: z.string(),
        /** 'unsafe-name', 'link', 'encrypted', 'too-deep', 'too-many', 'damaged'. */
        reason: z.string(),
      }),
    ),
  }),
]);
export type UnpackEvent = z.infer<typeof unpackEvent>;
