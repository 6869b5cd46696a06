import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { recipe } from '../../contract/reader.ts';
import { hashFile } from '../../../native-models/files.ts';
import { WEIGHTS_FILE } from '../../../native-models/graph/weights.ts';
import { kvTypes, type KvType } from '../../../native-models/attention/kv-type.ts';
import { COMPILER_VERSION, GRAPH_FILES, MANIFEST_FILE, TOKENIZER_FILE } from '../../../native-models/manifest.ts';
import { sizeOf } from './disk.ts';

/** Compilers up to version 6 wrote one graph. */
const oneGraph = z.number().transform((float32): Partial<Record<KvType, number>> => ({ float32 }));

// Only what is asked of a model here: a manifest of another compiler has other fields besides, and is one nevertheless.
const manifestSchema = z.object({
  format: z.literal(1),
  compilerVersion: z.number(),
  name: z.string(),
  architecture: z.string(),
  recipe,
  license: z.string().nullable(),
  parameters: z.number(),
  contextTokens: z.number(),
  layers: z.number().optional(),
  heads: z.number().optional(),
  kvHeads: z.number().optional(),
  headDim: z.number().optional(),
  source: z.object({ name: z.string(), sizeBytes: z.number(), sha256: z.string().optional() }),
  weightsBytes: z.number(),
  graphBytes: z.union([z.partialRecord(z.enum(kvTypes), z.number()), oneGraph]),
  createdMs: z.number(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A compiled model as it lies on the disk. */
export type ShelfModel = { folder: string; manifest: Manifest };

const PARTIAL = '.partial';
const STILL_WRITTEN_MS = 10_000;

/** The compiled folders below `<data>/models`. What is on the disk counts: nothing here is remembered. */
export class Shelf {
  readonly dir: string;

  constructor(dataDir: string) {
    this.dir = join(dataDir, 'models');
  }

  /** Installed models, the newest first; of several folders with one name, as a replacement leaves, the newest only. */
  list(): ShelfModel[] {
    const byName = new Map<string, ShelfModel>();
    for (const model of this.#folders()) if (!byName.has(model.manifest.name)) byName.set(model.manifest.name, model);
    return [...byName.values()];
  }

  find(name: string): ShelfModel | null {
    return this.list().find((model) => model.manifest.name === name) ?? null;
  }

  /** A folder for a model of this name that no other has, nor will have until `release`, whenever that is. */
  newFolder(name: string): string {
    mkdirSync(this.dir, { recursive: true });
    const base = folderName(name);
    for (let number = 1; ; number++) {
      const folder = join(this.dir, number === 1 ? base : `${base}-${number}`);
      if (!existsSync(folder) && isMade(folder + PARTIAL)) return folder;
    }
  }

  /** The folder that was given out under this name, if it is still to be made; what is in it by now can be gone on with. */
  unfinishedFolder(name: string): string | null {
    const folder = join(this.dir, basename(name));
    return existsSync(folder + PARTIAL) && !existsSync(folder) ? folder : null;
  }

  /** Whoever asked for the folder is done, with a model in it or without: nothing half made of it stays. */
  release(folder: string): void {
    // A compiler that was stopped just now may put another file there meanwhile.
    rmSync(folder + PARTIAL, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Removes folders that a newer one of the same name replaced, except `inUse`. */
  removeReplaced(inUse: string | null): void {
    const current = new Set(this.list().map((model) => model.folder));
    for (const { folder } of this.#folders()) {
      if (current.has(folder) || folder === inUse) continue;
      try {
        this.remove(folder);
      } catch {
        // Windows keeps files that are still open; the next start tries again.
      }
    }
  }

  /** Removes a folder so that at no moment a part of it can be taken for a model. */
  remove(folder: string): void {
    const partial = `${folder}${PARTIAL}`;
    rmSync(partial, { recursive: true, force: true });
    renameSync(folder, partial);
    rmSync(partial, { recursive: true, force: true });
  }

  /**
   * What a compiler or a removal that was killed left behind, except the folders `needed` by name. A compiler that still
   * runs, because only the assistant was killed, writes until it stops by itself: what it leaves goes at the next start.
   */
  sweep(needed: readonly string[], nowMs = Date.now()): void {
    for (const entry of this.#names()) {
      const path = join(this.dir, entry);
      if (!entry.endsWith(PARTIAL) || needed.includes(entry.slice(0, -PARTIAL.length))) continue;
      if (nowMs - lastWriteMs(path) < STILL_WRITTEN_MS) continue;
      rmSync(path, { recursive: true, force: true });
    }
  }

  #folders(): ShelfModel[] {
    const models = this.#names()
      .filter((entry) => !entry.endsWith(PARTIAL))
      .flatMap((entry) => readModel(join(this.dir, entry)) ?? []);
    return models.sort((a, b) => b.manifest.createdMs - a.manifest.createdMs);
  }

  #names(): string[] {
    try {
      return readdirSync(this.dir);
    } catch {
      return []; // nothing was ever installed
    }
  }
}

/** Null where the folder is gone or its manifest is no manifest of ours. */
export function readModel(folder: string): ShelfModel | null {
  try {
    const json: unknown = JSON.parse(readFileSync(join(folder, MANIFEST_FILE), 'utf8'));
    return { folder, manifest: manifestSchema.parse(json) };
  } catch {
    return null;
  }
}

/** Whether this app's engine can run it: another version of the compiler wrote graphs of another form. */
export function isCurrent({ manifest }: ShelfModel): boolean {
  return manifest.compilerVersion === COMPILER_VERSION;
}

/** SHA-256 of the vocabulary, which tells whose ids a list of tokens holds; null where the file cannot be read. */
export async function tokenizerDigest(folder: string): Promise<string | null> {
  return hashFile(join(folder, TOKENIZER_FILE), {}).catch(() => null);
}

/** Whether the large files have the sizes that the manifest gives. */
export function isWhole({ folder, manifest }: ShelfModel): boolean {
  return (
    sizeOf(join(folder, WEIGHTS_FILE)) === manifest.weightsBytes &&
    kvTypes.every((type) => sizeOf(join(folder, GRAPH_FILES[type])) === (manifest.graphBytes[type] ?? null))
  );
}

/** Makes the folder, unless there is one: of two who want it at once, one gets it. */
function isMade(folder: string): boolean {
  return mkdirSync(folder, { recursive: true }) !== undefined;
}

function lastWriteMs(folder: string): number {
  const paths = [folder, ...readdirSync(folder).map((name) => join(folder, name))];
  return Math.max(...paths.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0));
}

function folderName(name: string): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  // Windows takes a few names for devices, and a name of another script may leave nothing.
  return /^(|con|prn|aux|nul|com\d|lpt\d)(\..*)?$/.test(plain) ? `model-${plain}` : plain.slice(0, 80);
}
