import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LonghandError, toStoredError, type StoredError } from '../../contract/errors.ts';
import type { LoadedModel } from '../../contract/engine.ts';
import type { Job } from '../../contract/jobs.ts';
import { contextInForce, type ContextOptions, type InstalledModel, type ModelStatus } from '../../contract/models.ts';
import type { Settings } from '../../contract/system.ts';
import { isEngineLoss, type Engine } from '../../engine/client.ts';
import { MANIFEST_FILE, totalGraphBytes } from '../../../native-models/manifest.ts';
import { Feed } from '../events/feed.ts';
import { isActive, type Jobs } from '../jobs/jobs.ts';
import type { Store } from '../store/open.ts';
import { readSettings } from '../system/settings.ts';
import { contextOptionsOf, loadOptions } from './load-options.ts';
import { onceIdle } from './once-idle.ts';
import { conditionsOf, verifiedTokens } from './verify/conditions.ts';
import { isCurrent, tokenizerDigest, type Shelf, type ShelfModel } from './shelf.ts';

export type ModelsOptions = {
  store: Store;
  shelf: Shelf;
  engine: Engine;
  jobs: Jobs;
  /** Why the engine will not come back by itself, or null: the shell gave it up. */
  engineFailure(): Promise<StoredError | null>;
  /** Has the shell start an engine that it gave up. */
  reviveEngine(): void;
  /** Of this machine. */
  memoryBytes: number;
};

/** The model in the engine. `tokenizer` is a digest of its vocabulary: kept tokens are of one vocabulary or another. */
export type AnsweringModel = LoadedModel & { tokenizer: string | null };

/** What a model is held for: an answer (or a measurement), or a question of the self-test. */
export type Purpose = 'answer' | 'self-test';

/** A loaded model that stays loaded until `release`. */
export type Lease = { model: AnsweringModel; release(): void };

/** A loaded model that nobody holds: `left` is aborted as soon as it goes, or is loaded otherwise. */
export type Visit = { model: AnsweringModel; left: AbortSignal };

/** Kinds of job that end with an installed model. */
export const INSTALL_KINDS: readonly string[] = ['pull', 'import'];

/** Which model answers: installed ones, the chosen one, and bringing it into the engine again whenever that restarts. */
export class Models {
  readonly #options: ModelsOptions;
  readonly #feed = new Feed<ModelStatus>();
  readonly #waiting = new Set<() => void>();
  #chosen: ShelfModel | null = null;
  #loaded: AnsweringModel | null = null;
  #error: StoredError | null = null;
  #lastJob: Job | null = null;
  readonly #leases = new Set<{ purpose: Purpose }>();
  #visits = new AbortController();
  #attempt = 0;
  /** Another model, or other settings, wait until the running answers have ended. */
  #reloadWhenIdle = false;

  constructor(options: ModelsOptions) {
    this.#options = options;
    options.engine.onChange(() => this.#onEngineChange());
    options.jobs.onChange((job) => this.#onJobChange(job));
  }

  /** Chooses the model of the settings, else the newest installed. False: there is none. */
  start(): boolean {
    const { shelf, store, jobs } = this.#options;
    this.#lastJob = jobs.list().find((job) => INSTALL_KINDS.includes(job.kind) && isActive(job)) ?? null;
    shelf.removeReplaced(null);
    const { model } = readSettings(store);
    const chosen = (model === null ? null : shelf.find(model)) ?? shelf.list()[0] ?? null;
    if (chosen === null) return false;
    this.#choose(chosen);
    return true;
  }

  list(): InstalledModel[] {
    return this.#options.shelf.list().map((model) => this.#describe(model));
  }

  status(): ModelStatus {
    const state = this.#state;
    return {
      state,
      model: this.#chosen === null ? null : this.#describe(this.#chosen),
      contextTokens: this.#ready?.contextTokens ?? null,
      context: this.#ready === null ? null : contextInForce.parse(this.#ready),
      verifiedTokens: this.#verifiedTokens,
      job: this.#isInstalling || state === 'failed' ? this.#lastJob : null,
      error: state === 'failed' ? this.#failure : null,
    };
  }

  /** The model that answers now, null while there is none. */
  get loaded(): AnsweringModel | null {
    return this.#ready;
  }

  /** The self-test has found something: who shows the status shows it. */
  verified(): void {
    this.#changed();
  }

  watch(signal?: AbortSignal): AsyncGenerator<ModelStatus, void> {
    return this.#feed.watch(() => [this.status()], signal);
  }

  /**
   * The model that answers now; null while it is being installed or loaded.
   * @throws LonghandError `no-model`, or why there is none: `model-not-found`, `model-damaged`, `engine-stopped`, …
   */
  current(): AnsweringModel | null {
    this.#checkPresence();
    const state = this.#state;
    if (state === 'failed' && this.#failure !== null) throw fromStored(this.#failure);
    if (state === 'none') throw new LonghandError('no-model', 'No model is installed.');
    return this.#ready;
  }

  /** @throws LonghandError `model-not-found` */
  find(name: string): ShelfModel {
    const model = this.#options.shelf.find(name);
    if (model !== null) return model;
    const installed = this.#options.shelf.list().map(({ manifest }) => manifest.name);
    const message = `There is no model called ${name}. Installed: ${installed.join(', ') || 'none'}.`;
    throw new LonghandError('model-not-found', message, { name, installed });
  }

  /** Waits until there is a model to answer with, and holds it. @throws as `current`, or `signal.reason` */
  async acquire(signal: AbortSignal, purpose: Purpose = 'answer'): Promise<Lease> {
    for (;;) {
      signal.throwIfAborted();
      const model = this.current();
      if (model !== null) return this.#lease(model, purpose);
      await this.#change(signal);
    }
  }

  /** As `acquire`, but whoever chooses another model, or loads it otherwise, does not wait. @throws as `acquire` */
  async visit(signal: AbortSignal): Promise<Visit> {
    const { model, release } = await this.acquire(signal);
    const { signal: left } = this.#visits;
    release();
    return { model, left };
  }

  /**
   * Makes `name` the model that answers, now and after a restart. It loads in the background.
   * @throws LonghandError `model-not-found` | `model-in-use` while another one answers
   */
  use(name: string): ModelStatus {
    const model = this.#available(name);
    this.#options.store.settings.set({ model: name });
    if (this.#ready?.folder !== model.folder) this.#choose(model);
    return this.status();
  }

  /** A model was compiled: it answers if it replaces the chosen one or if there is none that does. */
  installed(folder: string): void {
    const model = this.#options.shelf.list().find((one) => one.folder === folder);
    const chosen = this.#chosen?.manifest.name;
    if (model !== undefined && (chosen === undefined || chosen === model.manifest.name || this.#error !== null)) {
      this.#choose(model);
    }
    if (!this.#reloadWhenIdle) this.#options.shelf.removeReplaced(this.#loaded?.folder ?? null);
    this.#changed();
  }

  /**
   * Changes settings. Another model, or another number of threads, or both at once, is loaded once, as soon as no answer
   * runs. @throws as `use`, with nothing changed
   */
  configure(changes: Partial<Settings>): void {
    const { store } = this.#options;
    const before = readSettings(store);
    const isOther = typeof changes.model === 'string' && changes.model !== before.model;
    const chosen = isOther ? this.#available(changes.model!) : this.#chosen;
    store.settings.set(changes);
    const hasOtherThreads = changes.threads !== undefined && changes.threads !== before.threads;
    if (chosen !== null && (hasOtherThreads || (isOther && this.#ready?.folder !== chosen.folder)))
      this.#choose(chosen);
  }

  /**
   * Changes how a model's context is kept and read. A loaded one is loaded anew once no answer runs: of it, only what is
   * cached is computed again. @throws LonghandError `model-not-found`
   */
  setContext(name: string, changes: Partial<ContextOptions>): ModelStatus {
    const { store } = this.#options;
    const model = this.find(name);
    const { contexts } = readSettings(store);
    const before = contextOptionsOf({ contexts }, name);
    const options = { ...before, ...changes };
    store.settings.set({ contexts: { ...contexts, [name]: options } });
    const isOther = JSON.stringify(options) !== JSON.stringify(before);
    if (isOther && this.#chosen?.folder === model.folder) this.#choose(model);
    return this.status();
  }

  /** Removes a model from the disk. The newest other one takes its place. */
  async remove(name: string): Promise<ShelfModel> {
    const { shelf, engine, store } = this.#options;
    const model = this.find(name);
    if (this.#chosen?.manifest.name === name) {
      if (this.#leases.size > 0) throw this.#inUse(name);
      this.#chosen = null;
      this.#loaded = null;
      this.#error = null;
      this.#attempt++;
      this.#endVisits();
      await onceIdle(() => engine.unload()).catch(() => {}); // an engine that is away has nothing loaded
    }
    shelf.remove(model.folder);
    shelf.removeReplaced(null);
    if (readSettings(store).model === name) store.settings.set({ model: null });
    const next = shelf.list()[0];
    if (this.#chosen === null && next !== undefined) this.#choose(next);
    this.#changed();
    return model;
  }

  get #ready(): AnsweringModel | null {
    return this.#reloadWhenIdle || this.#loaded?.folder !== this.#chosen?.folder ? null : this.#loaded;
  }

  get #verifiedTokens(): number | null {
    const [chosen, ready] = [this.#chosen, this.#ready];
    if (chosen === null || ready === null) return null;
    return verifiedTokens(this.#options.store.verifications.list(conditionsOf(chosen, ready)));
  }

  get #isInstalling(): boolean {
    return this.#lastJob !== null && isActive(this.#lastJob);
  }

  get #failure(): StoredError | null {
    return this.#error ?? (this.#lastJob?.state === 'failed' ? this.#lastJob.error : null);
  }

  get #state(): ModelStatus['state'] {
    if (this.#ready !== null) return 'ready';
    if (this.#chosen !== null && this.#error === null) return 'loading';
    if (this.#isInstalling) return 'installing';
    return this.#failure === null ? 'none' : 'failed';
  }

  #choose(model: ShelfModel): void {
    this.#chosen = model;
    this.#error = null;
    this.#reloadWhenIdle = this.#leases.size > 0;
    if (!this.#reloadWhenIdle) void this.#load();
    this.#changed();
  }

  /** Never rejects: a failure becomes the status. An engine that dies here is back soon, and then this runs again. */
  async #load(): Promise<void> {
    const { engine, shelf, store, memoryBytes } = this.#options;
    const attempt = ++this.#attempt;
    const chosen = this.#chosen;
    this.#loaded = null;
    this.#endVisits();
    if (chosen === null) return;
    if (!engine.connected) return this.#watchForFailure(attempt);
    try {
      if (!isCurrent(chosen)) throw outdated(chosen);
      const { threads, contexts } = readSettings(store);
      const options = contextOptionsOf({ contexts }, chosen.manifest.name);
      const input = { folder: chosen.folder, threads, ...loadOptions(chosen.manifest, options, memoryBytes) };
      const loaded = await onceIdle(() => engine.load(input));
      const tokenizer = await tokenizerDigest(chosen.folder);
      if (attempt !== this.#attempt) return;
      this.#loaded = { ...loaded, tokenizer };
      this.#error = null;
      shelf.removeReplaced(chosen.folder);
    } catch (error) {
      if (attempt !== this.#attempt || isEngineLoss(error)) return;
      this.#error = toStoredError(error);
    }
    this.#changed();
  }

  #endVisits(): void {
    this.#visits.abort(new LonghandError('cancelled', 'Another model is loaded.'));
    this.#visits = new AbortController();
  }

  #onEngineChange(): void {
    if (this.#options.engine.connected && this.#error?.code === 'engine-stopped') this.#error = null;
    void this.#load();
    this.#changed();
  }

  /** While the engine is away: asks the shell whether it will come back, so that nobody waits for ever. */
  async #watchForFailure(attempt: number): Promise<void> {
    while (attempt === this.#attempt) {
      await new Promise((resolve) => setTimeout(resolve, ASK_SHELL_EVERY_MS).unref());
      const failure = await this.#options.engineFailure().catch(() => null);
      if (failure === null || attempt !== this.#attempt) continue;
      this.#error = failure;
      this.#changed();
      return;
    }
  }

  #onJobChange(job: Job): void {
    if (!INSTALL_KINDS.includes(job.kind)) return;
    this.#lastJob = job;
    this.#changed();
  }

  /** A model whose folder is gone cannot be loaded again, so it is better said now than after a restart. */
  #checkPresence(): void {
    const chosen = this.#chosen;
    if (chosen === null || this.#error !== null || existsSync(join(chosen.folder, MANIFEST_FILE))) return;
    const { name } = chosen.manifest;
    const message = `The model ${name} is no longer at ${chosen.folder}. Install it again, or choose another.`;
    this.#error = { code: 'model-not-found', message, details: { name, path: chosen.folder } };
    this.#loaded = null;
    this.#attempt++;
    this.#changed();
  }

  #lease(model: AnsweringModel, purpose: Purpose): Lease {
    const lease = { purpose };
    this.#leases.add(lease);
    const release = () => {
      if (!this.#leases.delete(lease) || this.#leases.size > 0 || !this.#reloadWhenIdle) return;
      this.#reloadWhenIdle = false;
      void this.#load();
      this.#changed();
    };
    return { model, release };
  }

  #describe({ folder, manifest }: ShelfModel): InstalledModel {
    return {
      name: manifest.name,
      folder,
      architecture: manifest.architecture,
      recipe: manifest.recipe,
      parameters: manifest.parameters,
      sizeBytes: manifest.weightsBytes + totalGraphBytes(manifest.graphBytes),
      contextTokens: manifest.contextTokens,
      license: manifest.license,
      sourceName: manifest.source.name,
      compiledMs: manifest.createdMs,
      loaded: this.#loaded?.folder === folder,
    };
  }

  /** A model that may take the place of the chosen one now. */
  #available(name: string): ShelfModel {
    const model = this.find(name);
    if (this.#leases.size > 0 && model.folder !== this.#chosen?.folder)
      throw this.#inUse(this.#chosen?.manifest.name ?? name);
    if (this.#error?.code === 'engine-stopped') this.#options.reviveEngine();
    return model;
  }

  #inUse(name: string): LonghandError {
    const isTested = [...this.#leases].every(({ purpose }) => purpose === 'self-test');
    const holder: Purpose = isTested ? 'self-test' : 'answer';
    const message = isTested
      ? `The self-test of ${name} asks just now. Pause it first.`
      : `${name} is answering just now. Stop the answer first.`;
    return new LonghandError('model-in-use', message, { name, holder });
  }

  #changed(): void {
    this.#feed.refresh();
    for (const wake of [...this.#waiting]) wake();
  }

  async #change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}

const ASK_SHELL_EVERY_MS = 2000;

function outdated({ folder, manifest: { name, source } }: ShelfModel): LonghandError {
  const message = `The model ${name} was compiled by another version of Longhand. Install it again from ${source.name}.`;
  return new LonghandError('model-damaged', message, { name, path: folder, source: source.name });
}

function fromStored({ code, message, details }: StoredError): LonghandError {
  return new LonghandError(code, message, details);
}
