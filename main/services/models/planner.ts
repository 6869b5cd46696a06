import { existsSync, readFileSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { LonghandError } from '../../contract/errors.ts';
import type { ContextChoices, ContextOptions, ModelPlan, Nearest, ReadingPrice } from '../../contract/models.ts';
import type { RecipeName } from '../../contract/reader.ts';
import type { Reader } from '../../reader/client.ts';
import { KV_PAGE, type KvType } from '../../../native-models/attention/kv-type.ts';
import { sparseReadingOf } from '../../../native-models/attention/sparsity.ts';
import { catalog, type CatalogEntry, type Source } from '../../../native-models/catalog/index.ts';
import { CheckpointError } from '../../../native-models/checkpoint/errors.ts';
import { GRAPH_FILES, MANIFEST_FILE, parseManifest, totalGraphBytes } from '../../../native-models/manifest.ts';
import {
  compiledBytes,
  downloadBytes,
  footprintOf,
  footprintOfGraph,
  kvBytes,
  longestContext,
  memoryNeed,
  plan,
  prefillSeconds,
  publishedCheckpoint,
  type Footprint,
  type Kernel,
  type Machine,
  type MachineSpeed,
} from '../../../native-models/plan/index.ts';
import { recipes } from '../../../native-models/quantize/packed.ts';
import { canBeLonger, chosenKvType } from './load-options.ts';
import type { Measurement, MachineGauge } from './machine.ts';
import { resolveEntry } from './model-name.ts';
import type { Room } from './room.ts';
import { isCurrent, type Shelf, type ShelfModel } from './shelf.ts';
import { lengthsTo, QUESTIONS } from './verify/tasks.ts';

export type PlannerOptions = {
  shelf: Shelf;
  reader: Pick<Reader, 'footprint'>;
  gauge: MachineGauge;
  room: Room;
  /** Of this machine. */
  memoryBytes: number;
  /** What the user wants of a model's context. */
  contextOptions(name: string): ContextOptions;
};

/** A model whose price can be told: what it is, and what is not here yet. */
export type Subject = Pick<
  ModelPlan,
  'name' | 'origin' | 'source' | 'parameters' | 'license' | 'recipe' | 'downloadBytes'
> & {
  footprint: Footprint;
  missingBytes: number;
};

/** A context that is worth a proposal: below it, another model or recipe is the better one. */
const WORTHWHILE_CONTEXT = 4096;

/** Fewer tokens are read as soon as the machine is measured. */
const WORTH_MEASURING = 1000;
/** A short question. */
const FOLLOW_UP_TOKENS = 16;

/** The one place of prices: what a model takes here, how fast it is, and what fits where it does not. */
export class Planner {
  readonly #options: PlannerOptions;
  readonly #footprints = new Map<string, Footprint | CheckpointError>();

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /**
   * @param input.base path of what the adapter at the path `name` adapts
   * @throws LonghandError `invalid-input` | `model-not-found` | `unsupported-checkpoint` | those of the reader
   */
  async plan(input: {
    name: string;
    base?: string | undefined;
    contextTokens: number;
    recipe?: RecipeName | undefined;
    kvType?: ContextOptions['kvType'] | undefined;
  }): Promise<ModelPlan> {
    const { gauge, room } = this.#options;
    const { contextTokens } = input;
    const subject = await this.#subject(input);
    const measured = await gauge.measure(kernelsOf(subject.footprint));
    const wish = { contextTokens, kvType: this.kvType(subject, contextTokens, input.kvType) };
    return this.price(subject, wish, { ...(await room.usable()), measured });
  }

  /** Lengths of context for an installed model: what it claims, parts and multiples of it. @throws as `plan` */
  async contexts(model: ShelfModel): Promise<ContextChoices> {
    const { gauge, room } = this.#options;
    const subject = this.installedSubject(model);
    const { name, contextTokens: claimedTokens } = model.manifest;
    const options = this.#options.contextOptions(name);
    const { memoryBytes: usableBytes, diskBytes } = await room.usable();
    const choices: ContextChoices['choices'] = [];
    if (subject !== null) {
      const measured = await gauge.measure(kernelsOf(subject.footprint));
      const machine = { memoryBytes: usableBytes, diskBytes, speed: measured };
      for (const contextTokens of lengths(model.manifest, options)) {
        const kvType = this.kvType(subject, contextTokens, options.kvType);
        const priceAt = (tokens: number) =>
          plan(subject.footprint, { ...subject, contextTokens: tokens, kvType }, machine);
        const { memory, speed, obstacle } = priceAt(contextTokens);
        const testSeconds = lengthsTo(contextTokens)
          .map((tokens) => (priceAt(tokens).speed?.fillSeconds ?? 0) * QUESTIONS)
          .reduce((sum, seconds) => sum + seconds, 0);
        const fits = obstacle === null;
        choices.push({
          ...{ contextTokens, kvType, fits, kvBytes: memory.kv, memoryBytes: memory.total },
          fillSeconds: speed?.fillSeconds ?? null,
          testSeconds: speed === null ? null : testSeconds,
        });
        if (!fits && contextTokens > claimedTokens) break; // one that is too long says why there are no longer ones
      }
    }
    return { options, claimedTokens, sparse: sparseReadingOf(KV_PAGE), choices, usableBytes };
  }

  /** What reading the end of a prompt takes; null while nothing is known of the machine, or of a model of another compiler. */
  async readingPrice(
    model: ShelfModel,
    { promptTokens, cachedTokens, kvType }: { promptTokens: number; cachedTokens: number; kvType: KvType },
  ): Promise<ReadingPrice | null> {
    const { gauge, room } = this.#options;
    const subject = this.installedSubject(model);
    if (subject === null) return null;
    const { shape, costs } = subject.footprint;
    const isLong = promptTokens - cachedTokens >= WORTH_MEASURING;
    const measured = isLong ? await gauge.measure(kernelsOf(subject.footprint)) : gauge.known();
    if (measured === null) return null;
    const secondsTo = (tokens: number, cached: number) => prefillSeconds(costs, shape, tokens, measured, cached);
    const { memoryBytes } = await room.usable();
    return {
      seconds: secondsTo(promptTokens, Math.min(cachedTokens, promptTokens)),
      followUpSeconds: secondsTo(promptTokens + FOLLOW_UP_TOKENS, promptTokens),
      kvBytes: kvBytes(shape, Math.max(0, promptTokens - cachedTokens), kvType),
      fits: memoryNeed(subject.footprint, promptTokens, kvType).total <= memoryBytes,
    };
  }

  /**
   * Refuses a length of context that this machine could not hold once it is full.
   * @throws LonghandError `context-too-large` with bytes needed and usable
   */
  async checkContext(model: ShelfModel, changes: Partial<ContextOptions>): Promise<void> {
    const { contextTokens: claimed, name } = model.manifest;
    const { contextTokens, kvType } = { ...this.#options.contextOptions(name), ...changes };
    const subject = this.installedSubject(model);
    if (subject === null || contextTokens === null || contextTokens <= claimed) return;
    const { memoryBytes } = await this.#options.room.usable();
    const need = memoryNeed(subject.footprint, contextTokens, this.kvType(subject, contextTokens, kvType));
    if (need.total <= memoryBytes) return;
    const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
    const message = `A context of ${contextTokens} tokens takes ${gigabytes(need.total)}; ${gigabytes(memoryBytes)} can be used here.`;
    const details = { contextTokens, neededBytes: need.total, usableBytes: memoryBytes };
    throw new LonghandError('context-too-large', message, details);
  }

  /** The form of the cache in which `subject` would be loaded. */
  kvType({ name, footprint }: Subject, contextTokens: number, wish?: ContextOptions['kvType']): KvType {
    const { contextOptions, memoryBytes } = this.#options;
    const kvType = wish ?? contextOptions(name).kvType;
    return chosenKvType(footprint.shape, contextTokens, { kvType }, memoryBytes);
  }

  /** The plan of `subject`, with the nearest thing that fits where it does not. */
  async price(
    subject: Subject,
    { contextTokens, kvType }: { contextTokens: number; kvType: KvType },
    machine: { memoryBytes: number; diskBytes: number; measured: Measurement | null },
  ): Promise<ModelPlan> {
    const { footprint, ...facts } = subject;
    const { measured, ...room } = machine;
    const here: Machine = { ...room, speed: measured satisfies MachineSpeed | null };
    const { obstacle, ...figures } = plan(footprint, { ...subject, contextTokens, kvType }, here);
    return {
      ...facts,
      ...figures,
      longestContext: footprint.shape.contextTokens,
      basis: measured === null ? null : basisOf(measured, footprint),
      fits: obstacle === null,
      obstacle,
      nearest: obstacle === null ? null : await this.#nearest(subject, { contextTokens, kvType }, here),
    };
  }

  /** A catalogue entry in the form that is preferred, or in `source`'s. @throws CheckpointError where it cannot be read */
  entrySubject(entry: CatalogEntry, recipe: RecipeName = entry.recipe, source?: Source): Subject {
    const chosen = source ?? this.preferredSource(entry, recipe);
    const footprint = this.#published(entry, chosen, recipe);
    const bytes = downloadBytes(entry.config, chosen);
    return {
      ...{ name: entry.name, parameters: entry.parameters, license: entry.license, recipe, footprint },
      origin: 'catalogue',
      source: chosen.kind === 'hub' ? `${chosen.repository}:${chosen.quantization}` : chosen.package,
      downloadBytes: Math.round(bytes),
      missingBytes: Math.round(bytes + compiledBytes(footprint)),
    };
  }

  /** The forms of an entry that compile here, the preferred first. */
  readableSources(entry: CatalogEntry, recipe: RecipeName = entry.recipe): Source[] {
    return entry.sources.filter((source) => this.#isReadable(entry, source, recipe));
  }

  /** The first form of an entry that compiles here. @throws CheckpointError where there is none */
  preferredSource(entry: CatalogEntry, recipe: RecipeName = entry.recipe): Source {
    const found = entry.sources.find((source) => this.#isReadable(entry, source, recipe));
    if (found !== undefined) return found;
    this.#published(entry, entry.sources[0]!, recipe); // throws what is wrong with it
    throw new Error(`${entry.name} has no source`);
  }

  /** An installed model by its own graph; null where that is another compiler's. */
  installedSubject(model: ShelfModel): Subject | null {
    const { folder, manifest } = model;
    if (!isCurrent(model)) return null;
    try {
      const { layers, heads, kvHeads, headDim, hiddenSize, vocabSize, contextTokens, graphBytes } = parseManifest(
        readFileSync(join(folder, MANIFEST_FILE), 'utf8'),
      );
      const shape = { layers, heads, kvHeads, headDim, hiddenSize, vocabSize, contextTokens };
      const graph = () => readFileSync(join(folder, GRAPH_FILES.float32));
      const footprint = this.#remember(folder, () => footprintOfGraph(graph(), totalGraphBytes(graphBytes), shape));
      const { name, parameters, license, recipe } = manifest;
      return {
        ...{ name, parameters, license, recipe, footprint, source: manifest.source.name },
        ...{ origin: 'installed', downloadBytes: 0, missingBytes: 0 },
      };
    } catch {
      return null;
    }
  }

  async #subject({ name, base, recipe }: Parameters<Planner['plan']>[0]): Promise<Subject> {
    if (isAbsolute(name)) return this.#fileSubject({ path: name, base, recipe: recipe ?? 'balanced' });
    if (base !== undefined)
      throw new LonghandError('invalid-input', `${name} is no file, so it has no base.`, { name });
    const installed = this.#options.shelf.find(name);
    if (installed !== null && (recipe === undefined || installed.manifest.recipe === recipe)) {
      const subject = this.installedSubject(installed);
      if (subject !== null) return subject;
    }
    const { entry, source } = resolveEntry(name);
    try {
      return this.entrySubject(entry, recipe, source ?? undefined);
    } catch (error) {
      throw asLonghandError(error);
    }
  }

  async #fileSubject(file: { path: string; base: string | undefined; recipe: RecipeName }): Promise<Subject> {
    const { path, recipe } = file;
    if (!existsSync(path)) throw new LonghandError('not-found', `There is no file ${path}.`, { path });
    const { signal } = new AbortController();
    const footprint = await this.#options.reader.footprint(file, { signal });
    return {
      ...{ name: basename(path), origin: 'file', source: path, parameters: null, license: null, recipe, footprint },
      ...{ downloadBytes: 0, missingBytes: compiledBytes(footprint) },
    };
  }

  /** In this order: the same with a shorter context, then with a smaller recipe, then a smaller model of its family. */
  async #nearest(
    subject: Subject,
    { contextTokens, kvType }: { contextTokens: number; kvType: KvType },
    machine: Machine,
  ): Promise<Nearest | null> {
    const { name, recipe, footprint, missingBytes } = subject;
    const hasRoom = missingBytes <= machine.diskBytes;
    const shorter = hasRoom ? longestContext(footprint, machine.memoryBytes, kvType) : null;
    if (shorter !== null && shorter >= Math.min(WORTHWHILE_CONTEXT, footprint.shape.contextTokens))
      return { kind: 'context', name, recipe, contextTokens: Math.min(shorter, contextTokens) };
    const entry = catalog.find((one) => one.name === name);
    const wish = Math.min(contextTokens, footprint.shape.contextTokens);
    for (const smaller of entry === undefined ? [] : recipes.slice(0, recipes.indexOf(recipe)).toReversed()) {
      if (this.#fits(entry!, smaller, wish, machine))
        return { kind: 'recipe', name, recipe: smaller, contextTokens: wish };
    }
    const size = subject.parameters ?? Infinity;
    const others = catalog
      .filter(({ parameters }) => parameters < size)
      .toSorted((a, b) => b.parameters - a.parameters);
    const kin = others.filter(({ family }) => family === entry?.family);
    for (const other of [...kin, ...others]) {
      await breathe(); // each builds a graph the first time
      const context = Math.min(wish, other.config.contextLength);
      if (this.#fits(other, other.recipe, context, machine))
        return { kind: 'model', name: other.name, recipe: other.recipe, contextTokens: context };
    }
    return shorter === null ? null : { kind: 'context', name, recipe, contextTokens: Math.min(shorter, contextTokens) };
  }

  #fits(entry: CatalogEntry, recipe: RecipeName, contextTokens: number, machine: Machine): boolean {
    try {
      const subject = this.entrySubject(entry, recipe);
      const kvType = this.kvType(subject, contextTokens);
      return (
        plan(subject.footprint, { ...subject, contextTokens, kvType }, { ...machine, speed: null }).obstacle === null
      );
    } catch {
      return false;
    }
  }

  #isReadable(entry: CatalogEntry, source: Source, recipe: RecipeName): boolean {
    try {
      this.#published(entry, source, recipe);
      return true;
    } catch {
      return false;
    }
  }

  #published(entry: CatalogEntry, source: Source, recipe: RecipeName): Footprint {
    const key = `${entry.name} ${source.format} ${source.quantization} ${recipe}`;
    return this.#remember(key, () => footprintOf(publishedCheckpoint(entry.config, source), recipe));
  }

  /** Building a graph takes tens of milliseconds, and never another result. */
  #remember(key: string, make: () => Footprint): Footprint {
    let known = this.#footprints.get(key);
    if (known === undefined) {
      try {
        known = make();
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        known = error;
      }
      this.#footprints.set(key, known);
    }
    if (known instanceof CheckpointError) throw known;
    return known;
  }
}

const SHORTEST_CHOICE = 2048;
/** Beyond a hundred million tokens nothing of what is here was thought through. */
const LONGEST_CHOICE = 1e8;

/** A quarter, a half and the whole of what a checkpoint claims, and powers of two times that; and what is chosen now. */
function lengths(manifest: ShelfModel['manifest'], options: ContextOptions): number[] {
  const { contextTokens: claimed } = manifest;
  const shorter = [claimed / 4, claimed / 2].filter((tokens) => Number.isInteger(tokens) && tokens >= SHORTEST_CHOICE);
  const longer: number[] = [];
  if (canBeLonger(manifest)) for (let tokens = claimed * 2; tokens <= LONGEST_CHOICE; tokens *= 2) longer.push(tokens);
  const chosen = options.contextTokens === null ? [] : [options.contextTokens];
  return [...new Set([...shorter, claimed, ...longer, ...chosen])].toSorted((a, b) => a - b);
}

/** The ways of multiplying that `footprints` use, each once. */
export function kernelsOf(...footprints: readonly Footprint[]): Kernel[] {
  const all = footprints.flatMap(({ costs }) => costs.multiplications.map(({ kernel }) => kernel));
  return [...new Map(all.map((kernel) => [JSON.stringify(kernel), kernel])).values()];
}

function basisOf(measured: Measurement, footprint: Footprint): NonNullable<ModelPlan['basis']> {
  const { measuredMs, cpu, threads, decoder } = measured;
  const used = kernelsOf(footprint);
  const kernels = measured.kernels.filter((one) =>
    used.some(
      (kernel) => kernel.bits === one.bits && kernel.block === one.block && kernel.accuracyLevel === one.accuracyLevel,
    ),
  );
  return { kind: 'probe', measuredMs, cpu, threads, cacheBytesPerSecond: decoder.cacheBytesPerSecond, kernels };
}

function asLonghandError(error: unknown): unknown {
  if (!(error instanceof CheckpointError)) return error;
  return new LonghandError('unsupported-checkpoint', error.message, error.details, { cause: error });
}
