import { z } from 'zod';
import { LonghandError } from '../../contract/errors.ts';
import type { Job } from '../../contract/jobs.ts';
import { documentsSubject } from '../../contract/owner.ts';
import type { Engine } from '../../engine/client.ts';
import type { ConversationWatch } from '../chat/watch.ts';
import { defineJob, type JobContext } from '../jobs/job-kind.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Models } from '../models/models.ts';
import type { Store } from '../store/open.ts';
import type { Ask } from './ask.ts';
import { comparison } from './comparison.ts';
import { languageOf } from './instruction.ts';
import { NoteTaker } from './notes.ts';
import { citationsOf, type ReportKind } from './report.ts';
import { summary } from './summary.ts';

/** Another kind of report is a file and a word here. */
const kinds = { summary, comparison } as const satisfies Record<string, ReportKind>;
export type ReportName = keyof typeof kinds;

/** Characters that tell the language of documents. */
const LANGUAGE_SAMPLE = 20_000;

type Params = { documentIds: string[]; model: string };
/** In the checkpoint of a report that is being written: what the model has said by now. */
type Begun = { notes: Record<string, string> };
/** Of one that is there: the job only has to end, and keeps no words any more. */
type Kept = { conversationId: string } & Record<string, unknown>;

export type ReportsOptions = {
  store: Store;
  engine: Pick<Engine, 'generate' | 'countEach'>;
  models: Pick<Models, 'current' | 'visit'>;
  jobs: Jobs;
  ask: Pick<Ask, 'paragraphsOf' | 'blocksOf'>;
  watch: Pick<ConversationWatch, 'changed'>;
};

/**
 * Reports on whole documents, of any length, as jobs: each becomes the beginning of a conversation about the documents, its
 * statements held against their own words.
 */
export class Reports {
  readonly #options: ReportsOptions;

  constructor(options: ReportsOptions) {
    this.#options = options;
    for (const kind of Object.values(kinds)) {
      options.jobs.register(
        defineJob<Params>({
          kind: kind.kind,
          params: z.object({ documentIds: z.array(z.string()), model: z.string() }),
          title: () => kind.title,
          subject: ({ documentIds }) => documentsSubject.of(documentIds),
          resumable: true,
          run: (context) => this.#run(kind, context),
          // Nor does one that is given up keep what was said of documents.
          discard: ({ id }) => Promise.resolve(void options.store.jobs.update(id, { checkpoint: {} })),
        }),
      );
    }
  }

  /**
   * Begins a report on these documents with the model that answers, or goes on with the job that writes it.
   * @throws LonghandError `not-found` | `no-model` | `document-not-ready`
   */
  start(name: ReportName, documentIds: readonly string[]): Job {
    const { store, jobs, models } = this.#options;
    const documents = documentIds.map((id) => store.documents.known(id));
    const names = documents.filter(({ state }) => state !== 'parsed').map((document) => document.name);
    if (names.length > 0)
      throw new LonghandError('document-not-ready', `Not read yet: ${names.join(', ')}.`, { names });
    const model = models.current();
    if (model === null) throw new LonghandError('no-model', 'The model is not loaded yet.');
    const { kind } = kinds[name];
    const params: Params = { documentIds: [...documentIds], model: model.name };
    const known = jobs.unfinished().find((job) => job.kind === kind && isSame(job.params, params));
    return known === undefined ? jobs.start(kind, params) : jobs.resume(known.id);
  }

  /** Gives up what is being written about a document, or was when it failed. */
  async stop(documentId: string): Promise<void> {
    const { jobs, store } = this.#options;
    const mine = store.jobs.about(documentId, Object.keys(kinds));
    await Promise.all(mine.map((id) => jobs.cancel(id)));
  }

  async #run(
    { kind, request, write }: ReportKind,
    { params, signal, checkpoint, saveCheckpoint, progress }: JobContext<Params>,
  ): Promise<Record<string, unknown>> {
    const { store, models, engine, ask, watch } = this.#options;
    const kept: Partial<Kept & Begun> | null = checkpoint;
    if (kept?.conversationId !== undefined) return { ...kept };
    const documents = params.documentIds.map((id) => ({ id, name: store.documents.known(id).name }));
    const passages = ask.paragraphsOf(documents);
    const texts = passages.map(({ text }) => text);
    const language = languageOf(texts.join(' ').slice(0, LANGUAGE_SAMPLE));
    const { model } = await models.visit(signal);
    const notes = new NoteTaker({
      engine,
      visit: { models, name: params.model, signal },
      contextTokens: model.contextTokens,
      known: kept?.notes ?? {},
      keep: (said) => saveCheckpoint({ notes: said } satisfies Begun),
      progress: (step) => progress({ stage: kind, unit: 'sections', ...step }),
    });
    const written = await write({ documents, ask, notes, language, signal });
    const citations = await citationsOf(written, passages, signal);
    const sources = { way: 'whole' as const, documents, passages: [], firstMark: 1, citations };
    const conversation = store.durably(() => {
      const title = documents.map(({ name }) => name).join(' / ');
      const { id } = store.conversations.create({ title, titleSource: 'auto' });
      store.attachments.set(id, { documentIds: params.documentIds }, null);
      const asked = { conversationId: id, parentId: null, role: 'user' as const, text: request[language] };
      const { id: parentId } = store.messages.insert(asked);
      const { text } = written;
      const answer = { conversationId: id, parentId, role: 'assistant' as const, text, model: model.name, sources };
      saveCheckpoint({ conversationId: id, ...written.counts } satisfies Kept);
      return store.conversations.setLeaf(id, store.messages.insert(answer).id);
    });
    watch.changed(conversation);
    return { conversationId: conversation.id, ...written.counts };
  }
}

const idsIn = ({ documentIds }: Record<string, unknown>): unknown[] => (Array.isArray(documentIds) ? documentIds : []);

const isSame = (known: Record<string, unknown>, { documentIds, model }: Params) =>
  known.model === model && idsIn(known).join() === documentIds.join();
