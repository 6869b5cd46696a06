import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import type { UnpackEvent, UnpackInput } from '../../contract/extraction.ts';
import { eml, parseMail } from './eml.ts';
import { openFile } from './extract.ts';
import { DEFAULT_LIMITS, endingOf, type DocumentFile } from './format.ts';
import { normalise } from './part.ts';
import { isZip, openZip, UnpackBudget, type Zip } from './zip.ts';

/** Archives in archives are unpacked with them down to this depth. */
const DEEPEST = 2;
/** What systems add by themselves. */
const LITTER = /(?:^|\/)(?:__MACOSX\/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)/i;

type Inner = { name: string; bytes(): Uint8Array | null; depth: number } | { name: string; leftOut: string };

/**
 * Writes the files of an archive, or those that came with a mail, into `folder`, under numbers: no name of the archive's
 * comes near the disk. What is left out, and why, is told at the end.
 * @throws document-too-large | document-unreadable | not-found
 */
export async function* unpack({ path, name, folder, limits }: UnpackInput): AsyncGenerator<UnpackEvent, void> {
  const { unpackedBytes, parts } = { ...DEFAULT_LIMITS, ...limits };
  const budget = new UnpackBudget(unpackedBytes ?? DEFAULT_LIMITS.unpackedBytes);
  const file = await openFile(path, name, budget);
  await mkdir(folder, { recursive: true });
  const leftOut: { name: string; reason: string }[] = [];
  let count = 0;
  for await (const inner of innerFiles(file, budget)) {
    if ('leftOut' in inner) {
      leftOut.push({ name: inner.name, reason: inner.leftOut });
      continue;
    }
    if (count >= (parts ?? DEFAULT_LIMITS.parts)) {
      leftOut.push({ name: inner.name, reason: 'too-many' });
      continue;
    }
    const bytes = inner.bytes();
    if (bytes === null || bytes.length === 0) continue;
    count += 1;
    const ending = endingOf(inner.name)
      .replace(/[^a-z0-9]/g, '')
      .slice(0, 12);
    const written = join(folder, `${String(count).padStart(5, '0')}${ending === '' ? '' : `.${ending}`}`);
    await writeFile(written, bytes, { flag: 'wx' });
    yield { type: 'file', name: inner.name, path: written, sizeBytes: bytes.length };
  }
  yield { type: 'end', leftOut };
}

async function* innerFiles(file: DocumentFile, budget: UnpackBudget): AsyncGenerator<Inner, void> {
  if (file.zip !== null) yield* filesOfZip(file.zip, '', 1, budget);
  else if (eml.matches(file)) {
    const { attachments } = await parseMail(file.bytes);
    for (const [index, { filename, content, mimeType }] of attachments.entries()) {
      if (!(content instanceof ArrayBuffer)) continue;
      const name = safeName(filename ?? '') ?? `${index + 1}.${mimeType.split('/').at(-1) ?? ''}`;
      yield { name, depth: 1, bytes: () => new Uint8Array(content) };
    }
  }
}

function* filesOfZip(zip: Zip, prefix: string, depth: number, budget: UnpackBudget): Generator<Inner, void> {
  for (const { name, isEncrypted, isLink } of zip.entries) {
    if (name.endsWith('/') || LITTER.test(name)) continue;
    const safe = safeName(name);
    const shown = `${prefix}${safe ?? normalise(name)}`;
    if (safe === null || isLink) yield { name: shown, leftOut: isLink ? 'link' : 'unsafe-name' };
    else if (isEncrypted) yield { name: shown, leftOut: 'encrypted' };
    else yield* fileOfZip(zip, { name, shown }, depth, budget);
  }
}

/** A file, or what is in it where it is an archive again; documents that are archives by their format stay whole. */
function* fileOfZip(
  zip: Zip,
  { name, shown }: { name: string; shown: string },
  depth: number,
  budget: UnpackBudget,
): Generator<Inner, void> {
  if (endingOf(name) !== 'zip') {
    yield { name: shown, depth, bytes: () => zip.read(name) };
    return;
  }
  if (depth >= DEEPEST) {
    yield { name: shown, leftOut: 'too-deep' };
    return;
  }
  try {
    const bytes = zip.read(name);
    if (bytes === null || !isZip(bytes)) yield { name: shown, leftOut: 'damaged' };
    else yield* filesOfZip(openZip(bytes, budget), `${shown}/`, depth + 1, budget);
  } catch (error) {
    if (!(error instanceof LonghandError) || error.code !== 'document-unreadable') throw error;
    yield { name: shown, leftOut: 'damaged' };
  }
}

/** The name with its folders as a reader may see it; null of one that leads out of the archive. */
function safeName(name: string): string | null {
  const parts = normalise(name).replaceAll('\\', '/').split('/');
  const leadsOut = parts.includes('..') || parts[0] === '' || /^[a-z]:/i.test(parts[0]!) || name.includes('\0');
  return leadsOut || name === '' ? null : parts.filter((part) => part !== '' && part !== '.').join('/');
}
