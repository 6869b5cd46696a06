import { LonghandError, isErrorCode } from '../contract/errors.ts';
import type { Job } from '../contract/jobs.ts';
import type { ModelStatus } from '../contract/models.ts';
import type { Connection } from '../shell/connection.ts';
import { followModel } from '../shell/model-status.ts';
import { describeJob, type ProgressLine } from '../shell/progress.ts';

const NONE_MS = 2000; // an assistant that has just started may take a moment to begin fetching
const MOST_RESUMES = 3;

/**
 * Makes `name` the model that answers, where one is named, and waits until there is one, showing how it arrives.
 * @throws LonghandError `no-model` | `model-not-found` | why it could not be installed or loaded
 */
export async function readyModel(
  connection: Connection,
  name: string | undefined,
  progress: ProgressLine,
): Promise<void> {
  if (name !== undefined) await connection.run((client) => client.models.use({ name }));
  const enough = new AbortController();
  const without = setTimeout(() => enough.abort(), NONE_MS);
  let last: ModelStatus | null = null;
  const onStatus = (status: ModelStatus): boolean => {
    last = status;
    if (status.state === 'none') return false;
    clearTimeout(without);
    if (status.state === 'installing' && status.job) progress.update(describeJob(status.job), status.job.stage ?? '');
    if (status.state === 'loading') progress.update(`Loading ${status.model?.name ?? 'the model'}`, 'load');
    return status.state === 'ready' || status.state === 'failed';
  };
  try {
    await followModel(connection, onStatus, enough.signal);
  } finally {
    clearTimeout(without);
    progress.clear();
  }
  throwUnlessReady(last);
}

/** Follows a job to its end; one that a crash interrupted is gone on with. @throws LonghandError why it failed */
export async function finishJob(connection: Connection, started: Job, progress: ProgressLine): Promise<Job> {
  try {
    for (let resumes = 0; ; resumes++) {
      const job = await connection.run(async (client) => {
        for await (const event of await client.jobs.watch({ id: started.id })) {
          progress.update(describeJob(event), event.stage ?? '');
          if (['done', 'failed', 'cancelled', 'interrupted', 'paused'].includes(event.state)) return event;
        }
        throw new LonghandError('not-found', `${started.title} is not known any more.`, { id: started.id });
      });
      if (job.state === 'done') return job;
      if (job.error) throw new LonghandError(job.error.code, job.error.message, job.error.details);
      if (job.state !== 'interrupted' || resumes === MOST_RESUMES) {
        throw new LonghandError('cancelled', `${job.title} was ${job.state}.`);
      }
      await connection.run((client) => client.jobs.resume({ id: job.id }));
    }
  } finally {
    progress.clear();
  }
}

function throwUnlessReady(status: ModelStatus | null): void {
  if (status?.state === 'ready') return;
  if (status?.state === 'failed' && status.error) {
    const { code, message, details } = status.error;
    throw new LonghandError(isErrorCode(code) ? code : 'internal', message, details);
  }
  throw new LonghandError('no-model', 'There is no model. Get one with: longhand models pull');
}
