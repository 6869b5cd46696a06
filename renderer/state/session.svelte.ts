import type { ModelStatus } from '../../main/contract/models.ts';
import type { Collection } from '../../main/contract/collections.ts';
import { toStoredError } from '../../main/contract/errors.ts';
import type { Job } from '../../main/contract/jobs.ts';
import { conversationOwner, documentsSubject } from '../../main/contract/owner.ts';
import { Connection, type ConnectionState, type Dial } from '../app/connection.ts';
import { isModelFile, MOST_FILES, type Dropped } from '../app/dropped.ts';
import { fileDoor, folderDoor } from '../app/files.ts';
import { countWords, formatCount } from '../app/format.ts';
import { t } from '../app/i18n/index.svelte.ts';
import type { Problem } from '../app/problems.ts';
import { routeTo } from '../app/route.ts';
import { AddressAdding } from './address.svelte.ts';
import { Announcer } from './announcer.svelte.ts';
import { Bin } from './bin.svelte.ts';
import type { AnswerEvent } from './message.ts';
import { Chat } from './chat.svelte.ts';
import { Conversations } from './conversations.svelte.ts';
import { Diagnostics } from './diagnostics.svelte.ts';
import { DocumentSearch } from './document-search.svelte.ts';
import { Documents } from './documents.svelte.ts';
import { Find } from './find.svelte.ts';
import { Frame } from './frame.svelte.ts';
import { Intake } from './intake.svelte.ts';
import { LatestJobs } from './latest-jobs.svelte.ts';
import { Meaning } from './meaning.svelte.ts';
import { ModelContext } from './model-context.svelte.ts';
import { ModelShelf } from './model-shelf.svelte.ts';
import { Model } from './model.svelte.ts';
import { Search } from './search.svelte.ts';
import { Sentences } from './sentences.ts';
import { Preferences } from './settings.svelte.ts';
import type { ShownMessage } from './shown-message.svelte.ts';
import { SourcePane, type Place } from './source-pane.svelte.ts';
import { Watching } from './watching.svelte.ts';
import { Watchman } from './watchman.svelte.ts';

/** Where documents go: into the open conversation, or only on the shelf; there with all that their folder will hold. */
export type Lane = 'ask' | 'keep' | 'watch';

const COLLECTION_CHANGED_MS = 1000;

/** Everything that the window knows, and which conversation is open in it. */
export class Session {
  line = $state<ConnectionState>('connecting');
  chat: Chat;
  /** The message to bring into view, when a search result was opened. */
  target = $state<string | null>(null);
  /** What an action outside the conversation met: renaming, deleting, settings, the model. */
  problem = $state.raw<Problem | null>(null);
  /** The doors to a first model stand in the place of an empty conversation. */
  firstRun = $state(false);
  /** Said for a moment at the top of the page. */
  note = $state.raw<string | null>(null);
  readonly announcer = new Announcer();
  readonly connection: Connection;
  readonly conversations: Conversations;
  readonly bin: Bin;
  readonly search: Search;
  readonly find: Find;
  readonly model: Model;
  readonly context: ModelContext;
  readonly shelf: ModelShelf;
  readonly documents: Documents;
  readonly intake: Intake;
  readonly adding: AddressAdding;
  readonly watching: Watching;
  readonly documentSearch: DocumentSearch;
  readonly meaning: Meaning;
  readonly source: SourcePane;
  readonly preferences: Preferences;
  readonly diagnostics: Diagnostics;
  /** Conversations that are read in the background, before anybody asks; by their owners. */
  readonly readings: LatestJobs;
  /** Summaries and comparisons that are being written, by their documents. */
  readonly reports: LatestJobs;
  readonly watchman: Watchman;
  readonly frame: Frame;
  readonly #closing = new AbortController();
  readonly #sentences = new Sentences((text) => this.announcer.add(text));
  #lookedAround = false;
  #noteTimer: ReturnType<typeof setTimeout> | undefined;
  #collectionTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(dial: Dial) {
    this.connection = new Connection(dial, (line) => this.#lineChanged(line));
    this.conversations = new Conversations(this.connection, localStorage);
    this.bin = new Bin(this.connection);
    this.search = new Search(this.connection, (error) => (this.problem = toStoredError(error)));
    this.model = new Model(this.connection, (status, before) => this.#modelChanged(status, before));
    this.context = new ModelContext(this.connection, this.model);
    this.shelf = new ModelShelf(this.connection, fileDoor(window));
    this.documents = new Documents(this.connection, fileDoor(window), (id) => {
      const { id: open, attached } = this.chat;
      if (open !== null && attached.ids.includes(id)) void this.try(() => attached.load(open));
      if (attached.collections.length > 0) this.#collectionChanged();
      const { tag } = this.documentSearch;
      if (tag !== null && !this.documents.tags.includes(tag)) this.documentSearch.tag = null;
    });
    this.intake = new Intake(this.connection);
    this.watching = new Watching({
      isWanted: (path, name) => this.intake.wanted('watch', { paths: [path], name }),
      onEmpty: () => this.say(t().watch.holdsNothing),
      documents: this.documents,
      door: folderDoor(window),
      onWatched: (name) => this.say(t().watch.begun(name)),
    });
    this.documentSearch = new DocumentSearch(this.connection, (error) => (this.problem = toStoredError(error)));
    this.meaning = new Meaning(this.connection, fileDoor(window));
    this.source = new SourcePane(this.connection);
    this.preferences = new Preferences(this.connection);
    this.adding = new AddressAdding({
      connection: this.connection,
      preferences: this.preferences,
      onAdded: async (added, lane) => {
        const { attach, done } = this.#lane(lane);
        await attach(added);
        done(added.length);
      },
    });
    this.diagnostics = new Diagnostics(this.connection);
    this.readings = new LatestJobs(this.connection, ['prefill'], ({ state, subject }) => {
      const isRead = state !== 'running' && state !== 'queued';
      if (isRead && conversationOwner.idOf(subject ?? '') === this.chat.id) this.chat.composer.recount();
    });
    this.reports = new LatestJobs(this.connection, ['summary', 'comparison'], (job) => this.#reportChanged(job));
    this.watchman = new Watchman(this.connection);
    this.frame = new Frame(localStorage);
    this.chat = $state.raw(this.#newChat(null));
    this.find = new Find(() => this.chat.messages);
    const { signal } = this.#closing;
    void this.try(() => this.model.watch(signal));
    void this.try(() => this.context.watch(signal));
    const readList = () => void this.try(() => this.conversations.refresh());
    void this.try(() => this.conversations.watch(signal, readList));
    void this.try(() => this.readings.watch(signal));
    void this.try(() => this.reports.watch(signal));
    void this.try(() => this.documents.watch(signal));
    void this.try(() => this.meaning.watch(signal));
    this.watchman.watchClock(signal, () => this.connection.retry());
  }

  /** Shows a conversation, or a new one for null; `messageId` is brought into view. */
  open(id: string | null, messageId: string | null = null): void {
    this.target = messageId;
    if (id === null || id !== this.chat.id) {
      this.chat.close();
      this.find.close();
      this.source.close();
      this.chat = this.#newChat(id);
      this.#decideFirstRun();
    }
    if (messageId !== null) void this.chat.reveal(messageId);
  }

  /** Brings a message of the open conversation into view, also a second time. */
  show(messageId: string): void {
    this.target = null;
    queueMicrotask(() => (this.target = messageId));
  }

  /** Leaves the doors without a choice; they are found again under "Models". */
  lookAround = () => {
    this.#lookedAround = true;
    this.firstRun = false;
  };

  /** Runs an action of the user's; a failure becomes the notice of the window. */
  async try(action: () => Promise<unknown>): Promise<void> {
    this.problem = null;
    try {
      await action();
    } catch (error) {
      this.problem = toStoredError(error);
    }
  }

  /** Imports what was chosen or dropped, unless something is on its way already. */
  takeFiles(files: File[] | Promise<File[]>): void {
    if (this.shelf.passing !== null) this.say(t().models.busy);
    else void this.try(async () => this.shelf.importFiles(await files));
  }

  /** Takes what was dropped: a model is set up, documents go where they were put. */
  takeDropped(dropping: Promise<Dropped>, lane: Lane): void {
    void this.try(async () => {
      const dropped = await dropping;
      if (lane === 'watch') await this.#watchDropped(dropped);
      else if (dropped.near.some(isModelFile)) this.takeFiles(dropped.near);
      else await this.takeDocuments(await dropped.all(), lane);
    });
  }

  /** Puts files on the shelf, and in the open conversation where that is asked for. */
  takeDocuments = async (files: readonly File[], lane: Lane): Promise<void> => {
    if (files.length > MOST_FILES) return this.say(t().drop.tooMany(formatCount(MOST_FILES)));
    if (files.length === 0 || !(await this.intake.wanted(lane, { files }))) return;
    const { attach, done } = this.#lane(lane);
    done(await this.documents.addFiles(files, attach));
  };

  /** The same with what is chosen in the shell's dialog. */
  chooseDocuments = async (lane: Lane): Promise<void> => {
    const paths = await this.documents.choose();
    if (paths.length === 0 || !(await this.intake.wanted(lane, { paths }))) return;
    const { attach, done } = this.#lane(lane);
    const added = await this.documents.addPaths(paths);
    await attach(added);
    done(added.length);
  };

  /** Goes on about documents that are on the shelf already, in the open conversation. */
  askAbout = async (ids: readonly string[], collections: readonly Collection[] = []): Promise<void> => {
    const { chat } = this;
    this.lookAround();
    await chat.attached.add(ids, collections);
    if (this.frame.page !== null) location.hash = routeTo(chat.id);
  };

  showSource = (place: Place): Promise<void> => {
    this.frame.panelOpen = false;
    return this.source.show(place);
  };

  togglePanel = (): void => {
    this.frame.panelOpen = this.source.open || !this.frame.panelOpen;
    this.source.close();
  };

  async #watchDropped({ folders }: Dropped): Promise<void> {
    if (folders.length === 0) return this.say(t().watch.onlyFolders);
    await this.watching.take(folders);
  }

  /** A folder may change by the hundred files: what it takes to read it is asked when that has passed. */
  #collectionChanged(): void {
    clearTimeout(this.#collectionTimer);
    const { chat } = this;
    this.#collectionTimer = setTimeout(() => {
      if (chat === this.chat && chat.id !== null) void this.try(() => chat.attached.load(chat.id!));
    }, COLLECTION_CHANGED_MS);
  }

  #lane(lane: Lane) {
    const attach = async (added: readonly { id: string }[]) =>
      lane === 'ask' ? this.askAbout(added.map(({ id }) => id)) : undefined;
    const done = (count: number) => {
      if (lane === 'keep' && count > 0) this.say(t().documents.added(formatCount(count)));
    };
    return { attach, done };
  }

  /** Says what was done, to the eye for a moment and to a screen reader. */
  say(text: string): void {
    this.note = text;
    this.announcer.say(text);
    clearTimeout(this.#noteTimer);
    this.#noteTimer = setTimeout(() => (this.note = null), 5000);
  }

  /** The window came back to the front. */
  refresh(): void {
    if (this.line !== 'connected') this.connection.retry();
  }

  close(): void {
    this.#closing.abort();
    this.chat.close();
    this.connection.close();
  }

  #newChat(id: string | null): Chat {
    return new Chat(id, {
      connection: this.connection,
      model: this.model,
      storage: sessionStorage,
      onNextFrame: (paint) => requestAnimationFrame(paint),
      onConversation: (conversation) => this.conversations.put(conversation),
      onAnswer: (event, message) => this.#announce(event, message),
      onText: ({ id, text }) => {
        if (this.preferences.announce === 'sentences') this.#sentences.follow(id, text);
      },
    });
  }

  #reportChanged({ kind, state, subject, result }: Job): void {
    const conversationId = result?.conversationId;
    if (state !== 'done' || subject === null || typeof conversationId !== 'string') return;
    const [name = '', other = ''] = documentsSubject.idsOf(subject).map((id) => this.documents.of(id)?.name);
    const words = t().documents;
    this.say(kind === 'summary' ? words.summedUp(name) : words.compared(name, other));
    if (this.frame.page === 'documents') location.hash = routeTo(conversationId);
  }

  #lineChanged(line: ConnectionState): void {
    this.line = line;
    if (line !== 'connected') return;
    void this.try(() => Promise.all([this.preferences.load(), this.shelf.reload()]));
    this.chat.composer.recount();
    this.watchman.reconnected();
    void this.watchman.look();
  }

  #modelChanged(status: ModelStatus, before: ModelStatus | null): void {
    const stopped = before?.state === 'ready' && status.state !== 'ready';
    const jobFailed = before?.job?.state !== 'failed' && status.job?.state === 'failed';
    if (stopped || jobFailed || status.state === 'failed') void this.watchman.look();
    if (before?.state !== status.state || before.model?.name !== status.model?.name) {
      this.#decideFirstRun();
      this.shelf.reload().catch(() => {}); // a line that is down is said elsewhere
    }
  }

  /** Not while somebody writes: then the notice above the field says what is missing. */
  #decideFirstRun(): void {
    const { id, composer } = this.chat;
    this.firstRun = this.model.isMissing && !this.#lookedAround && id === null && composer.isBlank;
  }

  #announce(event: AnswerEvent, message: ShownMessage): void {
    const words = t().announce;
    if (event !== 'started') this.#sentences.finish(message.id, message.text);
    this.announcer.add(event === 'finished' ? words.finished(formatCount(countWords(message.text))) : words[event]);
  }
}
