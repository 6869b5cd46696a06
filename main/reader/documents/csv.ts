import { parse } from 'csv-parse';
import type { ExtractionEvent, ExtractionNote } from '../../contract/extraction.ts';
import { decodeText } from './encoding.ts';
import { tooLarge, unreadable, type DocumentFormat } from './format.ts';
import { normalise } from './part.ts';
import { SheetPieces } from './sheet.ts';

const MOST_BYTES = 100_000_000;
const MOST_FIELD = 1 << 20;
const SAMPLE_LINES = 20;

/** Comma, semicolon, tab or bar between values, whichever divides the first lines most evenly. */
export const separatedValues: DocumentFormat = {
  id: 'csv',
  matches: ({ ending }) => ['csv', 'tsv', 'tab'].includes(ending),

  async *read({ bytes, name, ending }): AsyncGenerator<ExtractionEvent, void> {
    if (bytes.length > MOST_BYTES) throw tooLarge('fileBytes', MOST_BYTES);
    const { text, encoding, isGuess } = decodeText(bytes);
    yield { type: 'about', format: 'csv', title: null, parts: null };
    const delimiter = delimiterOf(text, ending);
    const pieces = new SheetPieces({ name: name.replace(/\.[^.]*$/, ''), kind: 'text', table: 0, part: 0 });
    const parser = parse({
      bom: true,
      delimiter,
      relax_quotes: true,
      relax_column_count: true,
      max_record_size: MOST_FIELD,
    });
    parser.end(text);
    let row = 0;
    try {
      for await (const record of parser as AsyncIterable<string[]>) {
        row += 1;
        yield* pieces.add(
          row,
          record.map((field) => valueOf(normalise(field))),
        );
      }
    } catch (error) {
      throw error instanceof Error && 'code' in error ? unreadable(`row ${row + 1}: ${error.message}`, error) : error;
    }
    yield* pieces.end();
    const notes: ExtractionNote[] = isGuess ? [{ code: 'encoding-guessed', details: { encoding } }] : [];
    yield { type: 'end', outline: [], notes };
  },
};

function delimiterOf(text: string, ending: string): string {
  if (ending === 'tsv' || ending === 'tab') return '\t';
  const lines = text
    .slice(0, 1 << 16)
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .slice(0, SAMPLE_LINES);
  const evenness = (delimiter: string) => {
    const counts = lines.map((line) => line.replace(/"[^"]*"/g, '').split(delimiter).length - 1);
    const most = Math.max(0, ...counts);
    return most === 0 ? 0 : counts.filter((count) => count === counts[0] && count > 0).length + most / 1000;
  };
  return [',', ';', '\t', '|'].reduce((best, next) => (evenness(next) > evenness(best) ? next : best));
}

/** A number only where writing it again loses nothing but its thousands: '007' and long numbers of cards stay texts. */
function valueOf(field: string): string | number | boolean | null {
  const text = field.trim();
  if (text === '') return null;
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (/^[-+]?(0|[1-9]\d{0,14}|[1-9]\d{0,2}(,\d{3}){1,4})(\.\d+)?(e[-+]?\d{1,3})?$/i.test(text)) {
    return Number(text.replaceAll(',', ''));
  }
  return text;
}
