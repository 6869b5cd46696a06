import type { ExtractionEvent } from '../../contract/extraction.ts';
import type { DocumentFormat } from './format.ts';

/** Names that a note lists; an archive may have thousands. */
const MOST_NAMES = 100;

/** Any other zip archive: it has no text of its own, and a note says which files there are to unpack. */
export const archive: DocumentFormat = {
  id: 'zip',
  matches: ({ zip }) => zip !== null,

  async *read({ zip }): AsyncGenerator<ExtractionEvent, void> {
    const names = (zip?.entries ?? []).map(({ name }) => name).filter((name) => !name.endsWith('/'));
    yield { type: 'about', format: 'zip', title: null, parts: 0 };
    const details = { count: names.length, names: names.slice(0, MOST_NAMES) };
    yield { type: 'end', outline: [], notes: [{ code: 'attachments', details }] };
  },
};
