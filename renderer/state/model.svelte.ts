import type { Job } from '../../main/contract/jobs.ts';
import type { ModelStatus } from '../../main/contract/models.ts';
import type { Connection } from '../app/connection.ts';

const GONE = ['model-not-found', 'model-damaged'];
const FILE_FAULTS = [
  'unsupported-checkpoint',
  'adapter-needs-base',
  'checkpoint-unreadable',
  'not-a-checkpoint',
  'bad-chat-template',
  'not-found',
];
const RESUMABLE: Job['state'][] = ['paused', 'failed', 'interrupted'];

/** Which model answers, and what stands between the user and a first answer. */
export class Model {
  status = $state.raw<ModelStatus | null>(null);
  /** A request of the user's is on its way. */
  asking = $state(false);
  readonly state = $derived(this.status?.state ?? null);
  readonly name = $derived(this.status?.model?.name ?? null);
  /** A message may be sent: an answer comes now, or as soon as the model is there. */
  readonly canAnswer = $derived(this.state === 'ready' || this.state === 'installing' || this.state === 'loading');
  readonly downloading = $derived(
    this.state === 'installing' && this.status?.job?.state === 'running' && this.status.job.stage === 'download',
  );
  /** The files of the chosen model are not there, or not whole: only another one helps. */
  readonly isGone = $derived(GONE.includes(this.status?.error?.code ?? ''));
  /** Of a file of the user's only another file helps; of everything else, trying again. */
  readonly isOfFile = $derived(FILE_FAULTS.includes((this.status?.error ?? this.status?.job?.error)?.code ?? ''));
  /** A file of the user's that could not be set up: it may be let go of. What was downloaded is kept to go on with. */
  readonly canDismiss = $derived(this.status?.job?.state === 'failed' && this.status.job.kind === 'import');
  /** There is no model, and none is on its way: nothing can be answered before the user has chosen one. */
  readonly isMissing = $derived(
    this.state === 'none' || (this.state === 'failed' && (!this.status?.model || this.isGone)),
  );
  readonly #connection: Connection;
  readonly #onChange: (status: ModelStatus, before: ModelStatus | null) => void;

  constructor(connection: Connection, onChange: (status: ModelStatus, before: ModelStatus | null) => void = () => {}) {
    this.#connection = connection;
    this.#onChange = onChange;
  }

  watch(signal: AbortSignal): Promise<void> {
    return this.#connection.follow(
      (client, options) => client.models.watch(undefined, options),
      (status) => {
        const before = this.status;
        this.status = status;
        this.#onChange(status, before);
      },
      signal,
    );
  }

  /** Goes on with the job that stopped, loads the model again that failed to load, or gets the starter model. */
  install = () =>
    this.#ask(async () => {
      const { job, model } = this.status ?? {};
      if (job && RESUMABLE.includes(job.state))
        await this.#connection.call((client) => client.jobs.resume({ id: job.id }));
      else if (model && !this.isGone) await this.#connection.call((client) => client.models.use({ name: model.name }));
      else await this.#connection.call((client) => client.models.pull({ name: 'starter' }));
    });

  pause = () =>
    this.#ask(async () => {
      const job = this.status?.job;
      if (job?.state === 'running') await this.#connection.call((client) => client.jobs.pause({ id: job.id }));
    });

  /** Gives the installation up; what has arrived is removed. */
  cancel = () =>
    this.#ask(async () => {
      const job = this.status?.job;
      if (job) await this.#connection.call((client) => client.jobs.cancel({ id: job.id }));
    });

  async #ask(request: () => Promise<void>): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      await request();
    } finally {
      this.asking = false;
    }
  }
}
