import type { Job } from '../../main/contract/jobs.ts';
import type { MovePlan } from '../../main/contract/system.ts';
import type { Connection } from '../app/connection.ts';

type Options = {
  connection: Connection;
  /** The system's dialog, where the shell has one. */
  chooseFolder: (() => Promise<string | null>) | null;
  onDone(): void;
};

const OVER: readonly Job['state'][] = ['done', 'cancelled'];

/** Moving the data folder as the settings show it: a place is chosen, its price seen, and the work followed to its end. */
export class DataMove {
  /** Waits for a yes. */
  plan = $state.raw<MovePlan | null>(null);
  job = $state.raw<Job | null>(null);
  /** Once the copy is being checked, it is over in moments; and then there is nothing to go back to. */
  readonly canCancel = $derived(this.job !== null && this.job.stage !== 'switch' && this.job.stage !== 'remove');
  readonly #options: Options;
  #path = '';

  constructor(options: Options) {
    this.#options = options;
  }

  get hasDialog(): boolean {
    return this.#options.chooseFolder !== null;
  }

  async watch(signal: AbortSignal): Promise<void> {
    const { connection, onDone } = this.#options;
    const look = (job: Job) => {
      if (job.kind !== 'move-data') return;
      const isOver = OVER.includes(job.state);
      this.job = isOver ? null : job;
      if (job.state === 'done') onDone();
    };
    await connection.follow((client, options) => client.jobs.watch({}, options), look, signal);
  }

  choose = async () => {
    const path = (await this.#options.chooseFolder?.()) ?? null;
    if (path === null) return;
    this.#path = path;
    this.plan = await this.#options.connection.call((client) => client.system.planMove({ path }));
  };

  begin = async () => {
    this.plan = null;
    this.job = await this.#options.connection.call((client) => client.system.moveData({ path: this.#path }));
  };

  decline = () => (this.plan = null);

  again = () => this.#act((id) => this.#options.connection.call((client) => client.jobs.resume({ id })));

  cancel = () => this.#act((id) => this.#options.connection.call((client) => client.jobs.cancel({ id })));

  async #act(act: (id: string) => Promise<Job>): Promise<void> {
    if (this.job === null) return;
    const job = await act(this.job.id);
    this.job = OVER.includes(job.state) ? null : job;
  }
}
