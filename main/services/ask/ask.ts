import type { Sources } from '../../contract/citations.ts';
import type { DocumentHit, ReadingPlan, ReadingWay, Span } from '../../contract/documents.ts';
import type { Message } from '../../contract/chat.ts';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import type { AskedDocument } from '../store/documents.ts';
import type { Store } from '../store/open.ts';
import type { NamedTables, TableQueries } from '../store/table-query-thread.ts';
import { cite, type Passage } from './cite.ts';
import { withComputed } from './computed.ts';
import { languageOf, questionOver, type QuestionLanguage } from './instruction.ts';
import { blocksIn, markedText, type Block, type Shown } from './marked-text.ts';
import { termsOf } from './sentences.ts';
import { describeTables, tablesBlock, tablesTold } from './table-text.ts';

/** A message of a path, as far as documents matter to it. */
export type AskedMessage = Pick<Message, 'role' | 'text'> &
  Partial<Pick<Message, 'sources' | 'leftOut' | 'calls'>> & {
    /** Of the question, where it is not that of the text. */
    language?: QuestionLanguage;
  };

export type AskOptions = {
  store: Store;
  search: {
    sources(
      query: string,
      options: { documentIds: string[]; limit: number; signal?: AbortSignal | undefined },
    ): Promise<{ hits: DocumentHit[]; isClose: boolean }>;
  };
  tables: Pick<TableQueries, 'describe'>;
  log(line: string): void;
};

type Named = Sources['documents'][number];
/** The documents of a conversation: those that it names, and those in its folders that can be read by now. */
export type AttachedDocuments = { named: AskedDocument[]; found: AskedDocument[]; folders: string[] };
type Marked = ReturnType<typeof markedText>;

/** Rendered texts that are kept: bytes in all. */
const MOST_KEPT = 16 << 20;
/** What a search brings to a question, where there is room. */
const MOST_PASSAGES = 8;
const FEWEST_PASSAGES = 2;
/** Of a passage, about; and what of a context a search may take. */
const PASSAGE_TOKENS = 350;
const SEARCH_SHARE = 1 / 3;
/** Documents of folders with tables, of which a model is told; the tables of more would fill its context. */
const MOST_TABLED = 8;
/** A question of fewer terms says what it is about only together with the one before. */
const SHORT_QUESTION = 3;

/**
 * Documents in conversations: what of them stands before a question, and what of an answer they bear out. The prompt only
 * grows: a document stands at the question it came with, so that the next one goes on from what is cached.
 */
export class Ask {
  readonly #options: AskOptions;
  readonly #rendered = new Map<string, Marked>();
  #kept = 0;
  /** What the model is told of the tables of documents, by their ids in order. */
  readonly #described = new Map<string, Promise<NonNullable<Sources['tables']>>>();

  constructor(options: AskOptions) {
    this.#options = options;
  }

  /** Read once for a question. @throws LonghandError `document-not-ready` with the names of those that are still being read */
  attachedTo(conversationId: string): AttachedDocuments {
    const { store } = this.#options;
    const { documents: attached, collections } = store.attachments.of(conversationId);
    const named = store.documents.asked(attached.map(({ documentId }) => documentId));
    const isNamed = new Set(named.map(({ id }) => id));
    const collected = new Set(collections.flatMap(store.collections.documentsOf));
    const inCollections = store.documents.asked([...collected.difference(isNamed)]);
    const found = inCollections.filter(({ state }) => state === 'parsed');
    const missing = named.filter(({ state }) => state !== 'parsed');
    // What is still read of a collection comes with a later question; but there is no question about nothing of it.
    if (named.length + found.length === 0) missing.push(...inCollections.filter(({ state }) => state !== 'failed'));
    if (missing.length > 0) {
      const names = missing.map(({ name }) => name);
      throw new LonghandError('document-not-ready', `Not read yet: ${names.join(', ')}.`, { names });
    }
    return { named, found, folders: collections.map(store.collections.nameOf) };
  }

  /**
   * What comes into the prompt with the next question about these documents; null where there are none.
   * @throws the reason of `signal`
   */
  async sourcesFor(
    attached: AttachedDocuments,
    path: readonly AskedMessage[],
    { way, question, contextTokens, knowsTools, signal }: AskInput,
  ): Promise<Sources | null> {
    const ahead = await this.ahead(attached, path, { way, knowsTools });
    if (ahead === null || way === 'whole') return ahead;
    const { named, found } = attached;
    const all = [...named, ...found];
    const places = new Map(all.map(({ id }, place) => [id, place]));
    const place = ({ documentId }: Span) => places.get(documentId) ?? -1;
    const { hits, isClose } = await this.#options.search.sources(this.#query(path, question), {
      documentIds: all.map(({ id }) => id),
      limit: passagesFor(contextTokens),
      signal,
    });
    const known = path.flatMap(({ sources, leftOut }) => (leftOut ? [] : (sources?.passages ?? [])));
    const passages = hits
      .map(({ documentId, part, start, end, partKind, partLabel }) => {
        return { documentId, part, start, end, place: { kind: partKind, label: partLabel } };
      })
      .filter((span) => !known.some((other) => isWithin(span, other)))
      .sort((a, b) => place(a) - place(b) || a.part - b.part || a.start - b.start);
    const read = found.filter(({ id }) => passages.some(({ documentId }) => documentId === id));
    const documents = [...named, ...read].map(toNamed);
    // What is in tables a query finds, whatever a search does.
    const hasTables = (ahead.tables ?? []).length > 0 || tablesTold(path).length > 0;
    return { ...ahead, documents, passages, ...(isClose || hasTables ? {} : { nothingClose: true }) };
  }

  /**
   * The part of it that is known before there is a question: whole documents that stand nowhere in the path yet, and what
   * tables there are.
   */
  async ahead(
    attached: AttachedDocuments,
    path: readonly AskedMessage[],
    { way, knowsTools }: Pick<AskInput, 'way' | 'knowsTools'>,
  ): Promise<Sources | null> {
    const ahead = this.#ahead(attached, path, way);
    if (ahead === null || !knowsTools) return ahead;
    return this.#withTables(ahead, tabled(attached), path);
  }

  /** What a conversation that begins with this document, whole, begins with. @throws LonghandError `not-found` */
  async documentAhead(documentId: string, { knowsTools }: Pick<AskInput, 'knowsTools'>): Promise<Sources> {
    this.#options.store.documents.known(documentId);
    const asked = this.#options.store.documents.asked([documentId]);
    const documents = asked.map(toNamed);
    const sources: Sources = { way: 'whole', documents, passages: [], firstMark: 1, citations: [] };
    return knowsTools ? this.#withTables(sources, asked, []) : sources;
  }

  #ahead(attached: AttachedDocuments, path: readonly AskedMessage[], way: ReadingWay): Sources | null {
    const { named, found, folders } = attached;
    if (named.length + found.length === 0) return null;
    const documents = way === 'whole' ? fresh(attached, path).map(toNamed) : [];
    const firstMark = this.#marksOf(path) + 1;
    return { way, documents, ...(folders.length > 0 ? { folders } : {}), passages: [], firstMark, citations: [] };
  }

  /** Characters of the documents that `ahead` would name: whether they are worth being put into words at all. */
  charactersAhead(attached: AttachedDocuments, path: readonly AskedMessage[]): number {
    return fresh(attached, path).reduce((sum, { characters }) => sum + characters, 0);
  }

  /** What the model is shown of a message: its documents, what it shall do with them, its text. */
  shown(message: AskedMessage, knowsTools: boolean): string {
    const { text, sources, role } = message;
    if (!sources || role !== 'user') return text;
    const told = knowsTools ? sources.tables?.filter(({ documentId }) => this.#isThere(documentId)) : undefined;
    const tables = told === undefined ? null : tablesBlock(told.map((one) => one.text));
    const shown = { documents: this.#render(sources).text, tables, nothingClose: sources.nothingClose ?? false };
    return questionOver(shown, text, message.language ?? languageOf(text));
  }

  /**
   * What the answer at the end of `path` rests on; null where no documents were read. `path` ends with the answer.
   * @throws `signal.reason`
   */
  async sourcesOf(path: readonly AskedMessage[], signal?: AbortSignal): Promise<Sources | null> {
    const answer = path.at(-1);
    const read = path.flatMap(({ sources, role, leftOut }) =>
      sources && role === 'user' && !leftOut ? [sources] : [],
    );
    const last = read.at(-1);
    if (answer === undefined || last === undefined) return null;
    const documents = new Map(read.flatMap((sources) => sources.documents).map((document) => [document.id, document]));
    const passages: Passage[] = read.flatMap((sources) => this.#render(sources).passages);
    return {
      way: last.way,
      documents: [...documents.values()],
      ...(last.folders ? { folders: last.folders } : {}),
      passages: read.flatMap(({ passages: found }) => found),
      firstMark: last.firstMark,
      citations: await withComputed(await cite(answer.text, passages, signal), answer.text, answer.calls ?? [], signal),
      ...(last.nothingClose ? { nothingClose: true } : {}),
    };
  }

  /** All that is stored of documents, in the paragraphs in which a model is shown them. */
  paragraphsOf(documents: readonly Sources['documents'][number][]): Passage[] {
    const whole: Sources = { way: 'whole', documents: [...documents], passages: [], firstMark: 1, citations: [] };
    return this.#render(whole).passages;
  }

  /** The same, block by block. */
  *blocksOf(documentId: string): Generator<Block> {
    for (const { number, part } of this.#partsOf(documentId, 'whole', [])) {
      const { kind, label } = part;
      for (const { start, end, kind: block } of blocksIn(part)) {
        const text = part.text.slice(start, end);
        if (text.trim() === '') continue;
        yield { span: { documentId, part: number, start, end }, part: { kind, label }, text, kind: block };
      }
    }
  }

  /** A document was removed, or read anew: what was made of its text is made again. */
  forget(): void {
    this.#rendered.clear();
    this.#described.clear();
    this.#kept = 0;
  }

  /** With what the model is told of the tables among `documents`, where it was not told yet. */
  async #withTables(
    sources: Sources,
    documents: readonly AskedDocument[],
    path: readonly AskedMessage[],
  ): Promise<Sources> {
    const told = tablesTold(path);
    const known = new Set(told.map(({ documentId }) => documentId));
    const fresh = documents.filter(({ id, hasTables }) => hasTables && !known.has(id)).map(toNamed);
    if (fresh.length === 0) return told.length === 0 ? sources : { ...sources, tables: [] };
    try {
      return { ...sources, tables: await this.#describe(tablesTold(path, { withLeftOut: true }), fresh) };
    } catch (error) {
      // More than queries may hold in memory, most likely: then they are read as text, as by a model that knows no tools.
      this.#options.log(`tables cannot be queried: ${toStoredError(error).message}`);
      return sources;
    }
  }

  /** Under names that no other table of the conversation has. */
  #describe(told: readonly NamedTables[], fresh: Sources['documents']): Promise<NonNullable<Sources['tables']>> {
    const known = new Set(told.map(({ documentId }) => documentId));
    const documents = [
      ...told,
      ...fresh.filter(({ id }) => !known.has(id)).map(({ id }): NamedTables => ({ documentId: id })),
    ];
    const key = JSON.stringify([documents, fresh]);
    const described =
      this.#described.get(key) ??
      this.#options.tables.describe(documents).then((tables) =>
        fresh.map(({ id, name }) => {
          const own = tables.filter(({ documentId }) => documentId === id);
          return { documentId: id, text: describeTables(name, own), names: own.map((table) => table.name) };
        }),
      );
    this.#described.set(key, described);
    described.catch(() => this.#described.delete(key));
    return described;
  }

  #isThere(documentId: string): boolean {
    return this.#options.store.documents.get(documentId) !== null;
  }

  /** How many paragraphs have a number so far. */
  #marksOf(path: readonly AskedMessage[]): number {
    return path.reduce((most, { sources, role }) => {
      if (!sources || role !== 'user') return most;
      return Math.max(most, sources.firstMark - 1 + this.#render(sources).passages.length);
    }, 0);
  }

  #query(path: readonly AskedMessage[], question: string): string {
    if (termsOf(question).length >= SHORT_QUESTION) return question;
    const before = path.findLast(({ role }) => role === 'user');
    return before === undefined ? question : `${before.text}\n${question}`;
  }

  #render(sources: Sources): Marked {
    const { way, documents, passages, firstMark } = sources;
    const key = JSON.stringify([way, documents, passages, firstMark]);
    const known = this.#rendered.get(key);
    if (known !== undefined) return known;
    const marked = markedText(
      documents
        .filter(({ id }) => way === 'whole' || passages.some(({ documentId }) => documentId === id))
        .map((document) => ({ ...document, parts: this.#partsOf(document.id, way, passages) })),
      firstMark,
    );
    const text = marked.passages.length === 0 && documents.length === 0 ? '' : marked.text;
    this.#kept += text.length * 2;
    if (this.#kept > MOST_KEPT) {
      this.#rendered.clear();
      this.#kept = text.length * 2;
    }
    const rendered = { text, passages: marked.passages };
    this.#rendered.set(key, rendered);
    return rendered;
  }

  *#partsOf(documentId: string, way: ReadingWay, passages: readonly Span[]): Shown['parts'] {
    const { documents } = this.#options.store;
    const document = documents.get(documentId);
    if (document === null) return; // removed since: nothing of it is left to be read
    if (way === 'whole') {
      for (let number = 0; number < document.parts; number++) {
        const part = documents.part(document.contentId, number);
        if (part !== null) yield { number, part, stretch: null };
      }
      return;
    }
    for (const { documentId: id, part: number, start, end } of passages) {
      const part = id === documentId ? documents.part(document.contentId, number) : null;
      if (part !== null) yield { number, part, stretch: { start, end } };
    }
  }
}

export type AskInput = {
  way: ReadingWay;
  question: string;
  /** Of the model that will answer. */
  contextTokens: number;
  /** Whether that model can call tools. */
  knowsTools: boolean;
  signal?: AbortSignal | undefined;
};

/** Tokens that a search brings to a question, about. */
export const searchTokens = (contextTokens: number): number => passagesFor(contextTokens) * PASSAGE_TOKENS;

/** `whole` where it fits with room for an answer, else `search`. */
export function proposedWay({ tokens, contextTokens }: Pick<ReadingPlan, 'tokens' | 'contextTokens'>): ReadingWay {
  return tokens + ANSWER_TOKENS <= contextTokens ? 'whole' : 'search';
}

const ANSWER_TOKENS = 1024;

function passagesFor(contextTokens: number): number {
  const room = Math.floor((contextTokens * SEARCH_SHARE) / PASSAGE_TOKENS);
  return Math.min(Math.max(room, FEWEST_PASSAGES), MOST_PASSAGES);
}

const isWithin = (inner: Span, outer: Span) =>
  inner.documentId === outer.documentId &&
  inner.part === outer.part &&
  inner.start >= outer.start &&
  inner.end <= outer.end;

const toNamed = ({ id, name }: AskedDocument): Named => ({ id, name });

/** Documents that stand nowhere in a path whole. */
function fresh({ named, found }: AttachedDocuments, path: readonly AskedMessage[]): AskedDocument[] {
  const there = new Set(
    path.flatMap(({ sources, leftOut }) =>
      sources?.way === 'whole' && !leftOut ? sources.documents.map(({ id }) => id) : [],
    ),
  );
  return [...named, ...found].filter(({ id }) => !there.has(id));
}

/** The documents whose tables a model may be told of. */
function tabled({ named, found }: AttachedDocuments): AskedDocument[] {
  const inFolders = found.filter(({ hasTables }) => hasTables);
  return inFolders.length > MOST_TABLED ? named : [...named, ...inFolders];
}
