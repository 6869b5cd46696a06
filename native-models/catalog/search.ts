import type { CatalogEntry } from './entry.ts';

/**
 * Entries in which every word of `query` is found: in the name ("coder"), the family, the size ("7b"), the licence or
 * what the model is good for, in English or Chinese. Nothing asked for is everything.
 */
export function search(entries: readonly CatalogEntry[], query: string): CatalogEntry[] {
  const words = query.normalize('NFKC').toLowerCase().split(/\s+/u).filter(Boolean);
  return entries.filter((entry) => {
    const sizes = sizesOf(entry);
    const text = [
      entry.name,
      entry.family,
      entry.license,
      ...entry.keywords,
      ...entry.sources.map(({ quantization }) => quantization),
    ]
      .join('\n')
      .toLowerCase();
    return words.every((word) => (isSize(word) ? sizes.includes(word) : text.includes(word)));
  });
}

/** "7b" means that size, not "57b" or "2.7b". */
const isSize = (word: string) => /^\d+(\.\d+)?[bm]$/.test(word) && word !== '1m';

function sizesOf({ name, parameters }: CatalogEntry): string[] {
  const named = name.match(/\d+(\.\d+)?[bm](?![a-z0-9])/g) ?? [];
  return [...named, parameters >= 1e9 ? `${Math.round(parameters / 1e9)}b` : `${Math.round(parameters / 1e6)}m`];
}
