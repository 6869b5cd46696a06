import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { Intake } from '../../contract/documents.ts';
import { CODE_ENDINGS } from '../../contract/endings.ts';
import { MOST_WATCHED } from '../../contract/folder-rule.ts';
import { filesIn, type Walk } from './files-in.ts';

/** A file before it is taken in. */
export type ComingFile = { name: string; sizeBytes: number };

/** What a megabyte (a million bytes) of a file takes: seconds until its words can be found, and passages that it has. */
type Rate = { seconds: number; passages: number };

// Of test/bench/results/documents-intake.json: files of about a megabyte, two cores of a Xeon, alone. What files hold differs more than
// machines do, so these tell a minute from an hour and no more; documents with pictures in them take less than is said.
const TEXT: Rate = { seconds: 0.6, passages: 1100 };
const RATES: Record<string, Rate> = {
  pdf: { seconds: 7.5, passages: 740 },
  docx: { seconds: 2.2, passages: 1400 },
  odt: { seconds: 2, passages: 1500 },
  pptx: { seconds: 3.4, passages: 2200 },
  xlsx: { seconds: 2.5, passages: 2800 },
  epub: { seconds: 1.8, passages: 1400 },
  // An archive is mostly text, packed to a quarter.
  zip: { seconds: 4 * TEXT.seconds, passages: 4 * TEXT.passages },
  html: { seconds: 0.5, passages: 700 },
};
for (const ending of ['htm', 'xhtml']) RATES[ending] = RATES.html!;
for (const ending of ['txt', 'log', 'md', 'markdown', 'rst', 'csv', 'tsv', 'tab', 'eml']) RATES[ending] = TEXT;
const SECONDS_PER_FILE = 0.25;
/** A picture is recognised, whatever its size. */
const PICTURES = ['png', 'jpg', 'jpeg', 'webp', 'tif', 'tiff', 'bmp', 'gif'];
const SECONDS_PER_PICTURE = 2.5;
/** Passages that a model makes vectors of. */
const EMBEDDED_PER_SECOND = 8;
/** Of the database for a passage, with its index and a vector: test/bench/results/documents-100k.json. */
const BYTES_PER_PASSAGE = 3828;

/**
 * The files that paths stand for, with their sizes; what is not there is left out, and said where it is taken in. Of more than a folder
 * that is watched may hold, one more is told. @throws `signal.reason`
 */
export async function comingFiles(paths: readonly string[], walk: Walk): Promise<ComingFile[]> {
  const files: ComingFile[] = [];
  const there = (await Promise.all(paths.map((path) => stat(path).catch(() => null)))).map((found) => found !== null);
  for await (const { path } of filesIn(
    paths.filter((_, index) => there[index]),
    walk,
  )) {
    const sizeBytes = (await stat(path).catch(() => null))?.size;
    if (sizeBytes !== undefined) files.push({ name: basename(path), sizeBytes });
    if (files.length > MOST_WATCHED) break;
  }
  return files;
}

/** What taking files in will take, one after the other. `byMeaning`: whether a model is there that makes vectors of them. */
export function foretell(files: readonly ComingFile[], { byMeaning }: { byMeaning: boolean }): Intake {
  let [sizeBytes, seconds, passages] = [0, 0, 0];
  for (const file of files) {
    const ending = extname(file.name).slice(1).toLowerCase();
    const rate = RATES[ending] ?? (CODE_ENDINGS.has(ending) ? TEXT : null);
    const megabytes = file.sizeBytes / 1e6;
    sizeBytes += file.sizeBytes;
    seconds += SECONDS_PER_FILE + (PICTURES.includes(ending) ? SECONDS_PER_PICTURE : (rate?.seconds ?? 0) * megabytes);
    passages += (rate?.passages ?? 0) * megabytes;
  }
  return {
    files: files.length,
    sizeBytes,
    seconds,
    meaningSeconds: byMeaning ? passages / EMBEDDED_PER_SECOND : null,
    bytes: Math.round(sizeBytes + passages * BYTES_PER_PASSAGE),
  };
}
