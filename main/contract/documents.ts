import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import type { Collection } from './collections.ts';
import { storedError } from './common.ts';
import { extractionNote, outlineEntry, part, partKind } from './extraction.ts';
import { job } from './jobs.ts';
import { tableResult } from './tools.ts';

/**
 * `queued`, `parsing` and `indexing` (words are searchable part by part while it parses; vectors follow), `ready`;
 * `failed` with an error, which a password or a retry may settle.
 */
export const documentState = z.enum(['queued', 'parsing', 'indexing', 'ready', 'failed']);
export type DocumentState = z.infer<typeof documentState>;

/** A document as the shelf shows it. Its content is stored once however often a file with that content is added. */
export const document = z.object({
  id: z.string(),
  name: z.string(),
  /** 'pdf', 'docx'; null until it is known. */
  format: z.string().nullable(),
  title: z.string().nullable(),
  state: documentState,
  sizeBytes: z.number(),
  /** Parts that are stored so far, and how many there are, where the file says so. */
  parts: z.number(),
  partsTotal: z.number().nullable(),
  partKind: partKind.nullable(),
  characters: z.number(),
  /** Passages that can be found, and those of them that can be found by meaning. */
  passages: z.number(),
  embedded: z.number(),
  notes: z.array(extractionNote),
  error: storedError.nullable(),
  /** The job that works on it; null when none does. */
  jobId: z.string().nullable(),
  /** Where it was added from: a folder that is watched, an archive; null for one that was dropped. */
  origin: z.string().nullable(),
  /** The watched folder that its file lies in now, and where in it, with '/'; null for one that lies in none. */
  folder: z.object({ id: z.string(), path: z.string() }).nullable(),
  /** Words of the user's to find it by, in their order. */
  tags: z.array(z.string()),
  /** It came with a folder, and is there no more, or not as it was: it is here because a conversation has read it. */
  isGone: z.boolean(),
  addedMs: z.number(),
});
export type DocumentInfo = z.infer<typeof document>;

/**
 * `looking`: it is gone through, now or for the first time. What was read of a folder stays while it is `missing` (renamed, or on
 * a disk that is not there), `unreadable`, `empty` all at once, or holds more files than are watched (`too-large`).
 */
export const watchState = z.enum(['looking', 'watched', 'missing', 'unreadable', 'empty', 'too-large']);
export type WatchState = z.infer<typeof watchState>;

/** A folder whose files are documents for as long as they lie in it. */
export const watchedFolder = z.object({
  id: z.string(),
  path: z.string(),
  name: z.string(),
  addedMs: z.number(),
  state: watchState,
  /** Files that were found in it, all of them, in bytes too; those that no document could be made of. */
  files: z.number(),
  sizeBytes: z.number(),
  passedOver: z.number(),
  /** Files that still change, or were not taken in or dropped yet; files and folders that may not be read. */
  waiting: z.number(),
  unreadable: z.number(),
  /** Why nothing can be taken in, such as a full disk. */
  error: storedError.nullable(),
});
export type WatchedFolder = z.infer<typeof watchedFolder>;

/** Words of a stored text: a part by number, [start, end) in UTF-16 units of its text. */
export const span = z.object({ documentId: z.string(), part: z.number(), start: z.number(), end: z.number() });
export type Span = z.infer<typeof span>;

export const documentHit = span.extend({
  name: z.string(),
  partKind,
  partLabel: z.string(),
  text: z.string(),
  /** [start, end) in `text` of the words that were asked for. */
  marks: z.array(z.tuple([z.number(), z.number()])),
  score: z.number(),
  /** Which searches found it. */
  found: z.array(z.enum(['words', 'meaning'])),
});
export type DocumentHit = z.infer<typeof documentHit>;

/** Why a search went by words alone. */
export const wordsOnly = z.enum(['no-embedder', 'not-indexed', 'language', 'embedder-stopped']);
export type WordsOnly = z.infer<typeof wordsOnly>;

const embedderInfo = z.object({
  name: z.string(),
  license: z.string().nullable(),
  languages: z.enum(['english', 'many']),
});

/** The models that find by meaning: the one in use, those that are here, and those that can be fetched. */
export const embedderStatus = z.object({
  model: z.string().nullable(),
  installed: z.array(embedderInfo),
  offered: z.array(embedderInfo.extend({ sizeBytes: z.number() })),
  /** Passages of all documents, and those with a vector of the model in use. */
  passages: z.number(),
  embedded: z.number(),
});
export type EmbedderStatus = z.infer<typeof embedderStatus>;

/** How a conversation reads its documents: all of them, or what a search finds for each question. */
export const readingWay = z.enum(['whole', 'search']);
export type ReadingWay = z.infer<typeof readingWay>;

/** What asking about documents takes, before the start. `fits` is false where the whole is longer than the context. */
export const readingPlan = z.object({
  way: readingWay,
  /** What the app would choose. */
  proposed: readingWay,
  tokens: z.number(),
  cachedTokens: z.number(),
  contextTokens: z.number(),
  fits: z.boolean(),
  seconds: z.number().nullable(),
  /** Of memory while it is open: keys and values of what is not cached. */
  bytes: z.number().nullable(),
});
export type ReadingPlan = z.infer<typeof readingPlan>;

/** What reading a whole document ahead takes. */
export const documentPrice = readingPlan.omit({ way: true, proposed: true });
export type DocumentPrice = z.infer<typeof documentPrice>;

/**
 * What taking files in is foretold to take, by their number, endings and sizes. `seconds` until all words of it can be found,
 * in the background, and `meaningSeconds` until its meaning can (null: no model finds by meaning); `bytes` of the disk. Of files whose
 * endings are those of no document nothing is foretold but their copies.
 */
export const intake = z.object({
  files: z.number(),
  sizeBytes: z.number(),
  seconds: z.number(),
  meaningSeconds: z.number().nullable(),
  bytes: z.number(),
});
export type Intake = z.infer<typeof intake>;

const collection = z.object({
  kind: z.enum(['folder', 'tag', 'shelf']),
  id: z.string(),
}) satisfies z.ZodType<Collection>;

const byId = z.object({ id: z.string().min(1) });

export const documents = {
  /** Adds files and folders, or goes on with those that are there already. Fails with `path-not-chosen`, `not-found`. */
  add: oc
    .input(z.object({ paths: z.array(z.string()).min(1), password: z.string().optional() }))
    .output(z.object({ documents: z.array(document) })),
  /**
   * Adds the document at an address of the public internet, from hosts of the setting `documentHosts` and those in `allow`: how much has
   * come, then what was added. Fails with `host-not-allowed`, whose `host` is to be asked about, and `address-not-fetched`.
   */
  addAddress: oc
    .input(z.object({ address: z.string().max(4000), allow: z.array(z.string()).default([]) }))
    .output(
      eventIterator(
        z.discriminatedUnion('type', [
          z.object({ type: z.literal('progress'), done: z.number(), total: z.number().nullable() }),
          z.object({ type: z.literal('added'), documents: z.array(document) }),
        ]),
      ),
    ),
  /**
   * What adding files would take, or watching a folder: files that a page holds, by name and size, and paths. Nothing is read.
   * Paths that are not there count nothing. Fails with `path-not-chosen`.
   */
  estimate: oc
    .input(
      z.object({
        files: z.array(z.object({ name: z.string(), sizeBytes: z.number().nonnegative() })).default([]),
        paths: z.array(z.string()).default([]),
      }),
    )
    .output(intake),
  /** Adds a text that was pasted. */
  addText: oc.input(z.object({ name: z.string().min(1).max(200), text: z.string().min(1) })).output(document),
  /** Tries again what failed, with a password where one was missing. */
  retry: oc.input(byId.extend({ password: z.string().optional() })).output(document),
  /** Last added first. */
  list: oc.output(z.array(document)),
  /** All of them at first, and the folders that are watched, then changes; `removed` for those that went. */
  watch: oc.output(
    eventIterator(
      z.discriminatedUnion('type', [
        z.object({ type: z.literal('documents'), documents: z.array(document) }),
        z.object({ type: z.literal('document'), document }),
        z.object({ type: z.literal('removed'), id: z.string() }),
        z.object({ type: z.literal('folders'), folders: z.array(watchedFolder) }),
        z.object({ type: z.literal('folder'), folder: watchedFolder }),
        z.object({ type: z.literal('folder-removed'), id: z.string() }),
      ]),
    ),
  ),
  get: oc.input(byId).output(document.extend({ outline: z.array(outlineEntry) })),
  part: oc.input(byId.extend({ part: z.number().int().nonnegative() })).output(part),
  /** A piece of the file as it was added, for showing its pages. */
  bytes: oc
    .input(byId.extend({ from: z.number().int().nonnegative(), to: z.number().int().positive() }))
    .output(z.object({ sizeBytes: z.number(), bytes: z.instanceof(Blob) })),
  /** Removes it with everything made of it. */
  remove: oc.input(byId).output(z.void()),
  /** It carries exactly these tags from now on, in the spelling in which they are there already. Fails with `invalid-input`. */
  tag: oc.input(byId.extend({ tags: z.array(z.string().max(200)) })).output(document),
  /** Oldest first. */
  folders: oc.output(z.array(watchedFolder)),
  /**
   * From now on the files of a folder are on the shelf as they are, while Longhand runs; one that is watched already stays so.
   * Fails with `path-not-chosen`, `not-found`, `folder-too-large`, `invalid-input`.
   */
  watchFolder: oc.input(z.object({ path: z.string() })).output(watchedFolder),
  /** Its documents stay on the shelf as they are, or go with it. */
  unwatchFolder: oc.input(byId.extend({ documents: z.enum(['keep', 'remove']) })).output(z.void()),
  search: oc
    .input(
      z.object({
        query: z.string(),
        /** Only these; absent: all. */
        documentIds: z.array(z.string()).optional(),
        /** Only what lies in each of these. */
        within: z.array(collection).optional(),
        limit: z.number().int().min(1).max(200).default(20),
        /** The last word may be unfinished: somebody is typing. */
        typed: z.boolean().default(false),
      }),
    )
    .output(z.object({ hits: z.array(documentHit), /** Null: by meaning too. */ wordsOnly: wordsOnly.nullable() })),
  embedder: oc.output(embedderStatus),
  /** Fetches a model that finds by meaning, without a name the best that can be had. Fails with `model-not-found`. */
  installEmbedder: oc.input(z.object({ name: z.string().optional() }).default({})).output(job),
  /**
   * Takes in an ONNX model and uses it: a folder, or a file with `tokenizer.json` beside it; `name`: where that of its folder
   * says nothing. Fails with `model-damaged`.
   */
  importEmbedder: oc
    .input(z.object({ path: z.string(), name: z.string().min(1).max(100).optional() }))
    .output(embedderStatus),
  /** Uses another one that is here; passages are embedded anew in the background. */
  useEmbedder: oc.input(z.object({ name: z.string() })).output(embedderStatus),
  /** Runs one read-only SELECT over the tables of these documents. Fails with `query-not-select`, `query-too-long`, or
   * `invalid-input` and SQLite's reason. */
  query: oc.input(z.object({ documentIds: z.array(z.string()).min(1), sql: z.string() })).output(tableResult),
  /**
   * The documents of a conversation, from its next message on, those of collections as they are at each question, and how it
   * reads them; null: as the app proposes.
   */
  attach: oc
    .input(
      z.object({
        conversationId: z.string(),
        documentIds: z.array(z.string()),
        collections: z.array(collection).default([]),
        way: readingWay.nullable(),
      }),
    )
    .output(readingPlan.nullable()),
  attached: oc.input(z.object({ conversationId: z.string() })).output(
    z.object({
      documentIds: z.array(z.string()),
      collections: z.array(collection),
      way: readingWay.nullable(),
      plan: readingPlan.nullable(),
    }),
  ),
  /**
   * Sums a document up as a job, section by section; its result names the `conversationId` that begins with the summary.
   * Errors: `document-not-ready`, `no-model`.
   */
  summarise: oc.input(byId).output(job),
  /**
   * Compares two documents as a job: what changed from the one to the other, word for word, and what that means; those that
   * have hardly a paragraph in common by notes on their sections. Its result names the `conversationId` that begins with it.
   * Errors: `document-not-ready`, `no-model`.
   */
  compare: oc.input(z.object({ before: z.string().min(1), after: z.string().min(1) })).output(job),
  /** What `read` would take, counted; null while it is not read, or there is no model. */
  price: oc.input(byId).output(documentPrice.nullable()),
  /** Reads a document for the model that answers, so that questions about it start at once. */
  read: oc.input(byId).output(job),
};
