import { LonghandError } from '../../contract/errors.ts';
import { catalog, STARTER, type CatalogEntry, type Source } from '../../../native-models/catalog/index.ts';

/** A repository of the hub, and of what is in it a quantisation or a file: null for what suits best. */
export type RepositoryName = { repository: string; selector: string | null };

/** Hub rules: letters, digits, `-`, `_` and `.`, up to 96 of them, and never two dots in a row. */
const PART = /^[A-Za-z0-9](?:[\w-]|\.(?!\.)){0,95}$/;
const MOST_SELECTOR_CHARACTERS = 150;

/**
 * `owner/name` or `owner/name:selector`; null for what is no such name.
 * @throws LonghandError `invalid-input` for one that leads elsewhere or is none the hub could have
 */
export function parseRepositoryName(name: string): RepositoryName | null {
  if (!name.includes('/')) return null;
  const [, owner = '', title = '', selector = null] = /^([^/:]+)\/([^/:]+)(?::(.*))?$/s.exec(name.trim()) ?? [];
  const isPlain = PART.test(owner) && PART.test(title) && !/(\.git|\.ipynb)$/.test(title);
  if (!isPlain || (selector !== null && !isPlainPath(selector))) {
    const message = `${JSON.stringify(name.slice(0, 100))} is no name of a model at the hub: those are OWNER/NAME, or OWNER/NAME:Q4_0.`;
    throw new LonghandError('invalid-input', message, { name: name.slice(0, 100) });
  }
  return { repository: `${owner}/${title}`, selector };
}

/** Whether a path of a repository leads nowhere but into it, on every system. */
export function isPlainPath(path: string): boolean {
  if (path === '' || path.length > MOST_SELECTOR_CHARACTERS || /[\p{C}\\:*?"<>|]/u.test(path)) return false;
  return path.split('/').every((part) => part !== '' && !/^\.|[. ]$/.test(part) && !isDevice(part));
}

/** Windows takes a few names for devices, whatever follows the first full stop. */
const isDevice = (name: string) => /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name);

/**
 * An entry of the catalogue by its name, and the form that is asked for after a colon (`NAME:Q8_0`).
 * @throws LonghandError `model-not-found`
 */
export function resolveEntry(name: string): { entry: CatalogEntry; source: Source | null } {
  const [title = '', form] = name.split(':', 2);
  const entry = catalog.find((one) => one.name === title.toLowerCase());
  const source = entry?.sources.find(({ quantization }) => quantization.toLowerCase() === form?.toLowerCase()) ?? null;
  if (entry !== undefined && (form === undefined || source !== null)) return { entry, source };
  const known = entry === undefined ? [STARTER, ...catalog.map((one) => one.name)] : formsOf(entry);
  const message = `${name} is not in the catalogue: ${known.join(', ')}.`;
  throw new LonghandError('model-not-found', message, { name, known });
}

const formsOf = ({ name, sources }: CatalogEntry) => sources.map(({ quantization }) => `${name}:${quantization}`);
