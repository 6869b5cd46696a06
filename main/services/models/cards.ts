import { totalmem } from 'node:os';
import { setImmediate as breathe } from 'node:timers/promises';
import type { ModelCard, ModelPlan } from '../../contract/models.ts';
import {
  candidates,
  catalog,
  needsAcknowledgement,
  search,
  STARTER,
  type CatalogEntry,
} from '../../../native-models/catalog/index.ts';
import { memoryNeed } from '../../../native-models/plan/index.ts';
import type { Store } from '../store/open.ts';
import { median } from '../system/bench.ts';
import { pageAtHub } from './hub.ts';
import type { MachineGauge, Measurement } from './machine.ts';
import { kernelsOf, type Planner, type Subject } from './planner.ts';
import { recommended } from './recommended.ts';
import type { Room } from './room.ts';
import type { Shelf } from './shelf.ts';

export type CardsOptions = {
  store: Store;
  shelf: Shelf;
  planner: Planner;
  gauge: MachineGauge;
  room: Room;
  env: NodeJS.ProcessEnv;
  memoryBytes?: number | undefined;
};

const MEMORY_TOKENS: readonly [number, number] = [4096, 32_768];

/** Answers that tell how fast a model is here; shorter ones are mostly their own start. */
const MEASURED_ANSWERS = 20;
const LEAST_TOKENS = 16;

type Here = {
  free: { memoryBytes: number; diskBytes: number };
  usable: Room['usable'] extends () => Promise<infer T> ? T : never;
};

/** The catalogue with what each model costs on this machine and how fast it will be. */
export class Cards {
  readonly #options: CardsOptions;

  constructor(options: CardsOptions) {
    this.#options = options;
  }

  /** What `query` finds, the smallest first. Models that nobody here could compile are left out. */
  async list({ query = '', measure = true }: { query?: string; measure?: boolean } = {}): Promise<ModelCard[]> {
    const { gauge, room, memoryBytes = totalmem() } = this.#options;
    const found = search(catalog, query).toSorted((a, b) => a.parameters - b.parameters);
    const subjects: { entry: CatalogEntry; subject: Subject }[] = [];
    for (const entry of found) {
      const subject = this.#subject(entry);
      if (subject !== null) subjects.push({ entry, subject });
      await breathe(); // each builds a graph the first time
    }
    const kernels = kernelsOf(...subjects.map(({ subject }) => subject.footprint));
    const measured = measure ? await gauge.measure(kernels) : gauge.known();
    const here = { free: await room.free(), usable: await room.usable() };
    const starter = candidates(STARTER, memoryBytes)[0]?.name;
    const cards: Omit<ModelCard, 'rank'>[] = [];
    for (const { entry, subject } of subjects) {
      cards.push(await this.#card(entry, subject, { here, measured, isStarter: entry.name === starter }));
    }
    const names = recommended(cards);
    return cards.map((card) => ({ ...card, rank: names.indexOf(card.name) + 1 || null }));
  }

  async #card(
    entry: CatalogEntry,
    subject: Subject,
    { here, measured, isStarter }: { here: Here; measured: Measurement | null; isStarter: boolean },
  ): Promise<Omit<ModelCard, 'rank'>> {
    const { planner, shelf, env } = this.#options;
    const { name, parameters, license, config, sources } = entry;
    const atHub = sources.find((source) => source.kind === 'hub');
    const [shorter] = MEMORY_TOKENS;
    const kvType = planner.kvType(subject, config.contextLength);
    const wish = { contextTokens: Math.min(shorter, config.contextLength), kvType };
    const plan = await planner.price(subject, wish, { ...here.usable, measured });
    const fetched = planner.entrySubject(entry);
    const lengths = new Set(MEMORY_TOKENS.map((tokens) => Math.min(tokens, config.contextLength)));
    const memory = [...lengths].map((tokens) => ({
      tokens,
      bytes: Math.round(memoryNeed(subject.footprint, tokens, kvType).total),
    }));
    return {
      ...{ name, parameters, license, memory, isStarter },
      contextTokens: config.contextLength,
      needsAcknowledgement: needsAcknowledgement(license),
      page: atHub === undefined ? null : pageAtHub(atHub.repository, env),
      downloadBytes: fetched.downloadBytes,
      // The checkpoint is kept beside what was compiled of it.
      diskBytes: fetched.downloadBytes + plan.compiledBytes,
      ...this.#speed(name, plan),
      installed: shelf.find(name) !== null,
      obstacle: obstacleOf(plan, here.free),
    };
  }

  /** The installed model where there is one that we can read, else what the catalogue says of it. */
  #subject(entry: CatalogEntry): Subject | null {
    const { planner, shelf } = this.#options;
    const installed = shelf.find(entry.name);
    try {
      const published = planner.entrySubject(entry);
      if (installed === null) return published;
      return planner.installedSubject(installed) ?? { ...published, missingBytes: 0 };
    } catch {
      return null;
    }
  }

  #speed(name: string, plan: ModelPlan): Pick<ModelCard, 'tokensPerSecond' | 'basis'> {
    const speeds = this.#options.store.messages
      .measured(name, MEASURED_ANSWERS)
      .filter(({ generatedTokens }) => generatedTokens >= LEAST_TOKENS)
      .flatMap(({ decodeTokensPerSecond }) => decodeTokensPerSecond ?? []);
    if (speeds.length > 0) return { tokensPerSecond: median(speeds), basis: 'measured' };
    if (plan.speed === null) return { tokensPerSecond: null, basis: null };
    return { tokensPerSecond: plan.speed.decodeTokensPerSecond, basis: 'bandwidth' };
  }
}

function obstacleOf({ obstacle, nearest }: ModelPlan, free: Here['free']): ModelCard['obstacle'] {
  if (obstacle === null) return null;
  const freeBytes = obstacle.kind === 'memory' ? free.memoryBytes : free.diskBytes;
  return { kind: obstacle.kind, neededBytes: Math.round(obstacle.needed), freeBytes: Math.round(freeBytes), nearest };
}
