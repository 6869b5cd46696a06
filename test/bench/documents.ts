/**
 * Reads book-length documents as the reader does, and compares words and places with those that other programs find.
 *
 *     node test/bench/documents.ts RESULT.json FILE...
 *
 * FILE is a PDF (compared with pdftotext, words and boxes), an EPUB or HTML (with pandoc). Those of the committed result come from
 * Debian 12's packages debian-reference-en, debian-reference-zh-cn and debian-policy:
 * `apt-get download PACKAGE; dpkg -x PACKAGE.deb FOLDER`. Needs poppler-utils and pandoc.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Part } from '../../main/contract/extraction.ts';
import { extractInThread } from '../../main/reader/documents/thread.ts';
import { compareWords, sample, wordsOf } from '../support/extractions.ts';
import { describeMachine } from '../support/machine.ts';
import { isSamePlace, placedWords, referenceWords } from '../support/pdf-words.ts';

const MOST_OUTPUT = 1 << 28;
const SPANS = 200;

const [result, ...files] = process.argv.slice(2);
if (result === undefined || files.length === 0) throw new Error('usage: documents.ts RESULT.json FILE...');
const run = (program: string, args: string[]) =>
  execFileSync(program, args, { maxBuffer: MOST_OUTPUT, encoding: 'utf8' });

const documents = [];
for (const path of files) {
  const base = process.memoryUsage.rss();
  let grown = 0;
  const watch = setInterval(() => (grown = Math.max(grown, process.memoryUsage.rss() - base)), 50);
  const start = performance.now();
  let firstPartMs = 0;
  const parts: Part[] = [];
  const input = { path, name: basename(path), recognise: false };
  for await (const event of extractInThread(input, { signal: new AbortController().signal })) {
    if (event.type !== 'part') continue;
    if (parts.length === 0) firstPartMs = performance.now() - start;
    parts.push(event.part);
  }
  const totalMs = performance.now() - start;
  clearInterval(watch);
  const isPdf = path.endsWith('.pdf');
  const reference = isPdf ? run('pdftotext', [path, '-']) : run('pandoc', ['--wrap=none', '-t', 'plain', path]);
  const { recall, precision, words } = compareWords(parts.map(({ text }) => text).join('\n'), reference);
  const figures = {
    file: basename(path),
    parts: parts.length,
    words,
    recall: round(recall, 4),
    precision: round(precision, 4),
    ...(isPdf ? { spansInPlace: `${spansInPlace(path, parts)} of ${SPANS}` } : {}),
    firstPartMs: Math.round(firstPartMs),
    totalMs: Math.round(totalMs),
    partsPerSecond: round(parts.length / (totalMs / 1000), 1),
    grownMb: Math.round(grown / 1e6),
  };
  console.log(JSON.stringify(figures));
  documents.push(figures);
}
const command = `test/bench/documents.ts ${basename(result)} ${files.map((file) => basename(file)).join(' ')}`;
writeFileSync(result, `${JSON.stringify({ ...describeMachine(), command, documents }, null, 2)}\n`);

/** Of random words, how many pdftotext has in the same place. */
function spansInPlace(path: string, parts: readonly Part[]): number {
  const reference = referenceWords(run('pdftotext', ['-bbox', path, '-']));
  const words = placedWords(parts).filter(({ text }) => wordsOf(text).length > 0);
  return sample(words, SPANS).filter((word) => reference[word.page]!.some((other) => isSamePlace(word, other))).length;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
