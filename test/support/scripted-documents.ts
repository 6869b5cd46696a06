import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { implement } from '@orpc/server';
import type { Collection } from '../../main/contract/collections.ts';
import type {
  DocumentHit,
  DocumentInfo,
  EmbedderStatus,
  Intake,
  ReadingPlan,
  ReadingWay,
  WatchedFolder,
  WordsOnly,
} from '../../main/contract/documents.ts';
import { LonghandError } from '../../main/contract/errors.ts';
import type { OutlineEntry, Part } from '../../main/contract/extraction.ts';
import type { Job } from '../../main/contract/jobs.ts';
import { documentOwner, documentsSubject } from '../../main/contract/owner.ts';
import { contract } from '../../main/contract/index.ts';
import type { AddressEvent } from '../../main/services/documents/documents.ts';
import { Feed } from '../../main/services/events/feed.ts';
import { downloadJob, readingJob, tokens } from './scripted-data.ts';

type Stored = { info: DocumentInfo; parts: Part[]; outline: OutlineEntry[]; bytes: Uint8Array<ArrayBuffer> };
type Attached = { documentIds: string[]; collections: Collection[]; way: ReadingWay | null };
type Change =
  | { type: 'documents'; documents: DocumentInfo[] }
  | { type: 'document'; document: DocumentInfo }
  | { type: 'removed'; id: string }
  | { type: 'folders'; folders: WatchedFolder[] }
  | { type: 'folder'; folder: WatchedFolder }
  | { type: 'folder-removed'; id: string };

/** The shelf of documents in memory. What was added waits in the queue until `change` leads it on. */
export class ScriptedDocuments {
  readonly calls: string[];
  /** What adding is refused with. */
  refusal: LonghandError | null = null;
  /** Why search goes by words alone. */
  wordsOnly: WordsOnly | null = null;
  embedder: EmbedderStatus = { model: null, installed: [], offered: [], passages: 0, embedded: 0 };
  contextTokens = 8192;
  /** Hosts that may be asked for documents, those that an address leads on to, and when what is there has come. */
  hosts: string[] = [];
  leadsOn: string[] = [];
  arrived: Promise<unknown> = Promise.resolve();
  /** Of a megabyte that is dropped, whatever it is; or what is foretold of anything. */
  secondsToTakeIn = 6;
  intake: Intake | null = null;
  /** Of any document that is read ahead; null: not known. */
  secondsToRead: number | null = 130;
  /** Whether a model is loaded that could tell what reading takes. */
  isPriced = true;
  readonly #documents = new Map<string, Stored>();
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #attached = new Map<string, Attached>();
  readonly #feed = new Feed<Change>();

  constructor(calls: string[]) {
    this.calls = calls;
  }

  /** Puts a document on the shelf, read to its end unless `info` says otherwise. */
  put(name: string, parts: Part[], { outline = [] as OutlineEntry[], bytes = new Uint8Array(), info = {} } = {}) {
    const document: DocumentInfo = {
      id: randomUUID(),
      name,
      format: extname(name).slice(1) || null,
      title: null,
      state: 'ready',
      sizeBytes: bytes.length || parts.reduce((sum, { text }) => sum + text.length, 0),
      parts: parts.length,
      partsTotal: parts.length,
      partKind: parts[0]?.kind ?? null,
      characters: parts.reduce((sum, { text }) => sum + text.length, 0),
      passages: parts.reduce((sum, { text }) => sum + Math.ceil(text.length / 800), 0),
      embedded: parts.reduce((sum, { text }) => sum + Math.ceil(text.length / 800), 0),
      notes: [],
      error: null,
      jobId: null,
      origin: null,
      folder: null,
      tags: [],
      isGone: false,
      addedMs: Date.now(),
      ...info,
    };
    this.#documents.set(document.id, { info: document, parts, outline, bytes });
    this.#feed.publish({ type: 'document', document });
    return document;
  }

  change(id: string, change: Partial<DocumentInfo>): DocumentInfo {
    const stored = this.#find(id);
    stored.info = { ...stored.info, ...change };
    this.#feed.publish({ type: 'document', document: stored.info });
    return stored.info;
  }

  /** A folder that is watched, without documents: those are `put` with its id. */
  watchFolder(path: string, change: Partial<WatchedFolder> = {}): WatchedFolder {
    const there = [...this.#folders.values()].find((one) => one.path === path);
    const folder: WatchedFolder = {
      id: randomUUID(),
      path,
      name: basename(path),
      addedMs: Date.now(),
      state: 'watched',
      files: 0,
      sizeBytes: 0,
      passedOver: 0,
      waiting: 0,
      unreadable: 0,
      error: null,
      ...there,
      ...change,
    };
    this.#folders.set(folder.id, folder);
    this.#feed.publish({ type: 'folder', folder });
    return folder;
  }

  /** A summary that is being made. */
  summary(id: string): Job {
    const count = { done: 2, total: 7, unit: 'sections', speed: null, etaMs: 84_000 };
    return downloadJob({ id: `summary ${id}`, kind: 'summary', stage: 'summarise', subject: id, ...count });
  }

  /** A comparison that is being made. */
  comparison(before: string, after: string): Job {
    const subject = documentsSubject.of([before, after]);
    const count = { done: 3, total: 9, unit: 'sections', speed: null, etaMs: 51_000 };
    return downloadJob({ id: `comparison ${subject}`, kind: 'comparison', stage: 'comparison', subject, ...count });
  }

  /** A document that is read ahead. */
  reading(id: string): Job {
    return { ...readingJob(documentOwner.of(id)), id: `prefill ${id}` };
  }

  named(name: string): DocumentInfo {
    const found = this.#list().find((one) => one.name === name);
    if (found === undefined) throw new Error(`no document ${name}`);
    return found;
  }

  router() {
    const os = implement(contract).documents;
    return os.router({
      add: os.add.handler(({ input }) => {
        if (this.refusal !== null) throw this.refusal;
        return { documents: input.paths.map((path) => this.#add(path)) };
      }),
      addAddress: os.addAddress.handler(({ input: { address, allow }, signal }) => this.#fetch(address, allow, signal)),
      estimate: os.estimate.handler(({ input: { files, paths } }) => {
        if (this.intake !== null) return this.intake;
        const all = [...files, ...paths.flatMap(filesAt)];
        const sizeBytes = all.reduce((sum, one) => sum + one.sizeBytes, 0);
        const seconds = (this.secondsToTakeIn * sizeBytes) / 1e6;
        const meaningSeconds = this.embedder.model === null ? null : seconds * 15;
        return { files: all.length, sizeBytes, seconds, meaningSeconds, bytes: sizeBytes * 4 };
      }),
      addText: os.addText.handler(({ input }) => {
        this.calls.push(`add text ${input.name}`);
        return this.put(input.name, [plainPart(input.text)]);
      }),
      retry: os.retry.handler(({ input }) => {
        this.calls.push(`retry ${this.#find(input.id).info.name}${input.password ? ` with ${input.password}` : ''}`);
        return this.change(input.id, { state: 'queued', error: null, jobId: `read ${input.id}` });
      }),
      list: os.list.handler(() => this.#list()),
      watch: os.watch.handler(({ signal }) =>
        this.#feed.watch(
          () => [
            { type: 'documents', documents: this.#list() },
            { type: 'folders', folders: [...this.#folders.values()] },
          ],
          signal,
        ),
      ),
      get: os.get.handler(({ input }) => ({ ...this.#find(input.id).info, outline: this.#find(input.id).outline })),
      part: os.part.handler(({ input }) => {
        const part = this.#find(input.id).parts[input.part];
        if (part === undefined) throw new LonghandError('not-found', 'No such part.', { part: input.part });
        return part;
      }),
      bytes: os.bytes.handler(({ input }) => {
        const { bytes } = this.#find(input.id);
        this.calls.push(`bytes ${input.from} ${input.to}`);
        return { sizeBytes: bytes.length, bytes: new Blob([bytes.slice(input.from, input.to)]) };
      }),
      tag: os.tag.handler(({ input: { id, tags } }) => {
        this.calls.push(`tag ${this.#find(id).info.name} ${tags.join(', ') || 'with nothing'}`);
        return this.change(id, { tags });
      }),
      remove: os.remove.handler(({ input }) => {
        this.calls.push(`remove ${this.#find(input.id).info.name}`);
        this.#documents.delete(input.id);
        this.#feed.publish({ type: 'removed', id: input.id });
      }),
      search: os.search.handler(({ input }) => {
        const { query, documentIds, within = [], limit } = input;
        const hits = this.#search(query, documentIds)
          .filter(({ documentId }) => within.every((one) => holds(one, this.#find(documentId).info)))
          .slice(0, limit);
        return { hits, wordsOnly: this.wordsOnly };
      }),
      embedder: os.embedder.handler(() => this.embedder),
      installEmbedder: os.installEmbedder.handler(({ input }) => {
        this.calls.push(`install ${input.name}`);
        return downloadJob({ id: 'embedder', kind: 'embedder', subject: input.name ?? null });
      }),
      importEmbedder: os.importEmbedder.handler(({ input: { path, name = basename(dirname(path)) } }) => {
        this.calls.push(`import ${basename(path)} as ${name}`);
        const installed = [...this.embedder.installed, { name, license: null, languages: 'many' as const }];
        return (this.embedder = { ...this.embedder, installed, model: name });
      }),
      useEmbedder: os.useEmbedder.handler(({ input }) => {
        this.calls.push(`use ${input.name}`);
        return (this.embedder = { ...this.embedder, model: input.name });
      }),
      query: os.query.handler(() => ({ columns: [], rows: [], truncated: false })),
      folders: os.folders.handler(() => [...this.#folders.values()]),
      watchFolder: os.watchFolder.handler(({ input: { path } }) => {
        if (this.refusal !== null) throw this.refusal;
        this.calls.push(`watch ${basename(path)}`);
        return this.watchFolder(path);
      }),
      unwatchFolder: os.unwatchFolder.handler(({ input: { id, documents } }) => {
        this.calls.push(`unwatch ${this.#folders.get(id)?.name} ${documents}`);
        this.#folders.delete(id);
        this.#feed.publish({ type: 'folder-removed', id });
        for (const { info } of this.#documents.values()) {
          if (info.folder?.id === id) this.change(info.id, { folder: null });
        }
      }),
      attach: os.attach.handler(({ input: { conversationId, documentIds, collections, way } }) => {
        const whole = collections.map(({ kind, id }) => {
          if (kind === 'shelf') return 'the shelf';
          return kind === 'tag' ? `#${id}` : (this.#folders.get(id)?.name ?? id);
        });
        const names = [...whole, ...documentIds.map((id) => this.#find(id).info.name)];
        this.calls.push(`attach ${names.join(', ') || 'nothing'} ${way ?? 'as proposed'}`);
        this.#attached.set(conversationId, { documentIds, collections, way });
        return this.#plan(conversationId);
      }),
      attached: os.attached.handler(({ input: { conversationId } }) => ({
        ...this.#attachedTo(conversationId),
        plan: this.#plan(conversationId),
      })),
      summarise: os.summarise.handler(({ input }) => {
        this.calls.push(`summarise ${this.#find(input.id).info.name}`);
        return this.summary(input.id);
      }),
      compare: os.compare.handler(({ input: { before, after } }) => {
        this.calls.push(`compare ${this.#find(before).info.name} with ${this.#find(after).info.name}`);
        return this.comparison(before, after);
      }),
      price: os.price.handler(({ input }) => {
        if (!this.isPriced) return null;
        const count = this.#find(input.id).parts.reduce((sum, { text }) => sum + tokens(text), 0);
        const fits = count < this.contextTokens;
        const { contextTokens, secondsToRead: seconds } = this;
        return {
          tokens: count,
          cachedTokens: 0,
          contextTokens,
          fits,
          seconds,
          bytes: fits && seconds !== null ? 412_000_000 : null,
        };
      }),
      read: os.read.handler(({ input }) => {
        this.calls.push(`read ${this.#find(input.id).info.name}`);
        return this.reading(input.id);
      }),
    });
  }

  /** A page of the web, which comes in pieces once `arrive` says so. */
  async *#fetch(address: string, allow: string[], signal?: AbortSignal): AsyncGenerator<AddressEvent, void> {
    const url = new URL(address);
    const host = [url.host, ...this.leadsOn].find((one) => ![...this.hosts, ...allow].includes(one));
    if (host !== undefined) {
      const from = host === url.host ? null : address;
      throw new LonghandError('host-not-allowed', '', { host, address: `https://${host}${url.pathname}`, from });
    }
    if (this.refusal !== null) throw this.refusal;
    this.calls.push(`fetch ${address}`);
    yield { type: 'progress', done: 12_000, total: 48_000 };
    await Promise.race([this.arrived, once(signal ?? new EventTarget(), 'abort')]);
    signal?.throwIfAborted();
    const name = `${url.pathname.split('/').at(-1) || url.hostname}.html`;
    yield { type: 'added', documents: [this.put(name, [plainPart('A page.')], { info: { origin: address } })] };
  }

  #list(): DocumentInfo[] {
    return [...this.#documents.values()].map(({ info }) => info).toReversed();
  }

  #find(id: string): Stored {
    const stored = this.#documents.get(id);
    if (!stored) throw new LonghandError('not-found', 'No such document.', { id });
    return stored;
  }

  #add(path: string): DocumentInfo {
    const name = basename(path);
    this.calls.push(`add ${name}`);
    const bytes = new Uint8Array(readFileSync(path));
    const known = [...this.#documents.values()].find((one) => one.info.name === name);
    if (known) return known.info;
    const info = { state: 'queued' as const, parts: 0, partsTotal: null, passages: 0, embedded: 0, jobId: 'read' };
    return this.put(name, [plainPart(new TextDecoder().decode(bytes))], { bytes, info });
  }

  #search(query: string, documentIds?: string[]): DocumentHit[] {
    const words = query.trim().toLowerCase();
    return this.#list()
      .filter(({ id }) => documentIds?.includes(id) ?? true)
      .flatMap(({ id, name }) =>
        this.#find(id).parts.flatMap((part, number) => {
          const at = part.text.toLowerCase().indexOf(words);
          if (at === -1) return [];
          const start = Math.max(0, part.text.lastIndexOf('\n', at - 200) + 1);
          const text = part.text.slice(start, at + 300);
          const marks: [number, number][] = [[at - start, at - start + words.length]];
          const place = { documentId: id, part: number, start, end: start + text.length };
          const { kind: partKind, label: partLabel } = part;
          return [{ ...place, name, partKind, partLabel, text, marks, score: 1, found: ['words' as const] }];
        }),
      );
  }

  #attachedTo(conversationId: string): Attached {
    return this.#attached.get(conversationId) ?? { documentIds: [], collections: [], way: null };
  }

  #plan(conversationId: string): ReadingPlan | null {
    const { documentIds, collections, way } = this.#attachedTo(conversationId);
    const all = this.#list().filter((one) => collections.some((collection) => holds(collection, one)));
    const ids = new Set([...documentIds, ...all.map(({ id }) => id)]);
    if (ids.size === 0) return null;
    const parts = [...ids].flatMap((id) => this.#find(id).parts);
    const whole = parts.reduce((sum, { text }) => sum + tokens(text), 0);
    const fits = whole < this.contextTokens;
    const proposed = fits ? 'whole' : 'search';
    const chosen = way ?? proposed;
    const count = chosen === 'whole' ? whole : Math.min(whole, 2400);
    const { contextTokens } = this;
    return {
      way: chosen,
      proposed,
      tokens: count,
      cachedTokens: 0,
      contextTokens,
      fits,
      seconds: count / 40,
      bytes: null,
    };
  }
}

/** What is at a path on the disk: a file, or those in a folder. */
function filesAt(path: string): { sizeBytes: number }[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true) return found === undefined ? [] : [{ sizeBytes: found.size }];
  return readdirSync(path).flatMap((name) => filesAt(join(path, name)));
}

function holds({ kind, id }: Collection, { folder, tags }: DocumentInfo): boolean {
  if (kind === 'shelf') return true;
  return kind === 'tag' ? tags.includes(id) : folder?.id === id;
}

/** A text of paragraphs, as reading a plain file yields it. */
export function plainPart(text: string, change: Partial<Part> = {}): Part {
  const blocks = [...text.matchAll(/[^\n]+/g)].map(({ 0: line, index }) => {
    const kind = line.startsWith('# ') ? ('heading' as const) : ('paragraph' as const);
    return { kind, start: index, end: index + line.length, level: kind === 'heading' ? 1 : 0 };
  });
  return { kind: 'text', label: '', text, blocks, size: null, boxes: [], recognised: false, ...change };
}
