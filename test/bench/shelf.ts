/**
 * Documents on the shelf, by the real processes: when the first page of a file can be found, and when all of it is.
 *
 *     node test/bench/shelf.ts OUT.json [--embedder FOLDER] FILE...
 *
 * Files are book-length ones, such as debian-reference.en.pdf of the Debian package. With an embedder it is also told when the meaning of
 * all of a file can be searched; main/services/documents/estimate.ts foretells from these figures what files that are dropped take.
 *
 * The first page counts as found when a search for its first words finds some of the document. Memory is the reader's at its highest (Linux).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { DocumentInfo } from '../../main/contract/documents.ts';
import { describeMachine } from '../support/machine.ts';
import { TinyApp } from '../support/tiny-app.ts';

const POLL_MS = 50;
const FIRST_WORDS = 6;

const { positionals, values } = parseArgs({ allowPositionals: true, options: { embedder: { type: 'string' } } });
const [out, ...files] = positionals;
if (out === undefined || files.length === 0) throw new Error('usage: shelf.ts OUT.json [--embedder FOLDER] FILE...');
const { embedder } = values;

const app = await TinyApp.create({ contextTokens: 2048 });
const results: object[] = [];
try {
  await app.run((client) => client.documents.list()); // the processes are up
  if (embedder !== undefined) await app.run((client) => client.documents.importEmbedder({ path: embedder }));
  for (const file of files) results.push(await read(file));
} finally {
  await app.remove();
}
writeFileSync(out, `${JSON.stringify({ ...describeMachine(), files: results }, null, 2)}\n`);

async function read(path: string): Promise<object> {
  const from = performance.now();
  const since = () => Math.round(performance.now() - from);
  const { documents } = await app.run((client) => client.documents.add({ paths: [path] }));
  const { id } = documents[0]!;
  const look = () => app.run((client) => client.documents.get({ id }));
  let firstFoundMs: number | null = null;
  let document: DocumentInfo = await look();
  for (; document.state === 'queued' || document.state === 'parsing'; document = await look()) {
    if (firstFoundMs === null && (await isFound(id, document.parts))) firstFoundMs = since();
    await sleep(POLL_MS);
  }
  const allMs = since();
  if (document.error !== null) throw new Error(`${path}: ${document.error.message}`);
  for (; embedder !== undefined && document.state !== 'ready'; document = await look()) await sleep(POLL_MS);
  const { parts, characters, passages, sizeBytes } = document;
  const result = {
    file: basename(path),
    sizeBytes,
    ...{ parts, characters, passages, firstFoundMs: firstFoundMs ?? allMs, allMs },
    ...(embedder === undefined ? {} : { byMeaningMs: since() }),
    partsPerSecond: Math.round((parts / allMs) * 10_000) / 10,
    readerPeakMegabytes: peakMegabytes(app.pidOf('reader')),
  };
  console.error(JSON.stringify(result));
  return result;
}

async function isFound(id: string, parts: number): Promise<boolean> {
  let text = ''; // a cover may have none
  for (let part = 0; part < parts && text === ''; part++) {
    text = (await app.run((client) => client.documents.part({ id, part }))).text;
  }
  const words = text.split(/\s+/u).filter((word) => /\p{L}/u.test(word));
  const query = words.slice(0, FIRST_WORDS).join(' ');
  const { hits } = await app.run((client) => client.documents.search({ query, documentIds: [id] }));
  return hits.length > 0;
}

function peakMegabytes(pid: number): number {
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(peak) / 1000);
}
