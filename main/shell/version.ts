import { readFileSync } from 'node:fs';

/** The product's version, as package.json has it. */
export function productVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
