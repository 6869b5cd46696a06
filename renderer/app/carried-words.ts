import { formatCount } from './format.ts';
import { t } from './i18n/index.svelte.ts';

/** What a browser calls the formats that documents have; of others it may know that they are files, and of folders nothing. */
const FORMATS: Record<string, string> = {
  'application/pdf': 'pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.oasis.opendocument.text': 'odt',
  'application/epub+zip': 'epub',
  'message/rfc822': 'eml',
  'text/csv': 'csv',
  'text/tab-separated-values': 'tsv',
  'text/markdown': 'markdown',
  'text/html': 'html',
};

/** "3 PDF, 1 picture, 2 files or folders of a kind that is not told": of a drag, by its MIME types. */
export function carriedWords(types: readonly string[]): string {
  const { documents, drop, sources } = t();
  const groups = Map.groupBy(types, kindOf);
  return sources.list(
    [...groups].map(([kind, { length }]) => {
      const count = formatCount(length);
      if (kind === 'unknown') return drop.untold(count);
      return kind === 'other' ? drop.otherFiles(count) : drop.ofKind(count, documents.formats[kind] ?? kind);
    }),
  );
}

function kindOf(type: string): string {
  if (type === '') return 'unknown';
  const general = type.startsWith('image/') ? 'image' : type.startsWith('text/') ? 'text' : 'other';
  return FORMATS[type] ?? general;
}
