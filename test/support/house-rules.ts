import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const MAX_LINES = 400;
const SHORTCUTS = [
  { name: 'any', pattern: /: any\b|\bas any\b|<any[,>]|\bany\[\]/ },
  { name: 'a compiler check switched off', pattern: /@ts-(ignore|expect-error|nocheck)/ },
  { name: 'a lint rule switched off', pattern: /eslint-disable/ },
  { name: 'a note of unfinished work', pattern: /\b(TODO|FIXME|XXX)\b/ },
];

/** What a source file does against the rules of the house, one line each: `line 12: any`. */
export function offencesIn(text: string): string[] {
  const lines = text.trimEnd().split('\n');
  const offences = lines.flatMap((line, index) =>
    SHORTCUTS.filter(({ pattern }) => pattern.test(line)).map(({ name }) => `line ${index + 1}: ${name}`),
  );
  return lines.length > MAX_LINES ? [...offences, `${lines.length} lines, ${MAX_LINES} at most`] : offences;
}

/** Versions that are a range, a tag or an address instead of one exact version: `name version`. */
export function looseVersions(dependencies: Record<string, string>): string[] {
  return Object.entries(dependencies)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name} ${version}`);
}

/** Every .ts, .mjs, .js and .svelte file below the folders. */
export function sourcesIn(folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|mjs|js|svelte)$/.test(file))
      .map((file) => join(folder, file)),
  );
}
