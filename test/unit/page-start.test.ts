import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const VALUES = /^(?:import|export) (?!type\b)(?:[^;]*? from )?'([^']+)'/gmu;

/** What a file imports for its values; types are gone before the page is built. */
function importsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(VALUES)].flatMap(([statement, from]) => {
    const names = /\{([^}]*)\}/u.exec(statement)?.[1];
    const isTypesOnly = names !== undefined && names.split(',').every((name) => /^\s*(type\s|$)/u.test(name));
    return isTypesOnly || from === undefined ? [] : [from];
  });
}

/** Everything of the contract that the page carries, with all that it needs. */
function carried(): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const follow = (path: string) => {
    if (files.has(path)) return;
    files.add(path);
    for (const from of importsOf(path)) {
      if (from.startsWith('.')) follow(resolve(dirname(path), from));
      else packages.add(from);
    }
  };
  for (const { parentPath, name } of readdirSync(join(root, 'renderer'), { recursive: true, withFileTypes: true })) {
    if (!/\.(ts|svelte)$/u.test(name)) continue;
    const source = readFileSync(join(parentPath, name), 'utf8').replace(/^ +/gmu, '');
    for (const [, from] of source.matchAll(/^import (?!type\b)[^;]*? from '([^']*main\/contract\/[^']+)'/gmu)) {
      follow(resolve(parentPath, from!));
    }
  }
  return { files, packages };
}

describe('the page', () => {
  it('carries no schemas: they took a sixth of its program, and time at each start', () => {
    const { files, packages } = carried();
    expect(files.size).toBeGreaterThan(2); // else nothing was followed
    expect([...packages]).not.toContain('zod');
    expect([...packages]).not.toContain('@orpc/contract');
  });
});
