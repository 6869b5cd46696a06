import { basename, dirname, resolve } from 'node:path';

/** By these a folder is chosen: who gives one of them means the checkpoint that it belongs to. */
const FOLDER_MARKS = /^(adapter_)?config\.json$|\.safetensors(\.index\.json)?$/i;

/** The paths that the user gave to a page: in the system's dialog, by dropping a file, or as a file that it sent. */
export class ChosenPaths {
  readonly #paths = new Set<string>();

  add(path: string): void {
    const whole = resolve(path);
    this.#paths.add(whole);
    if (FOLDER_MARKS.test(basename(whole))) this.#paths.add(dirname(whole));
  }

  has(path: string): boolean {
    return this.#paths.has(resolve(path));
  }
}
