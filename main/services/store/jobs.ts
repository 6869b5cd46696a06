import type { Job, JobState } from '../../contract/jobs.ts';
import { LonghandError, type StoredError } from '../../contract/errors.ts';
import { durably, fromJson, toJson, type ReadableDb, type WritableDb } from './db.ts';
import { newId } from './ids.ts';

type JsonObject = Record<string, unknown>;

/** A job as kept: speed and time left are for whoever watches it run. `checkpoint` is what going on needs. */
export type StoredJob = Omit<Job, 'speed' | 'etaMs' | 'subject'> & {
  params: JsonObject;
  checkpoint: JsonObject | null;
};

export type NewJob = Pick<StoredJob, 'kind' | 'title'> &
  Partial<Pick<StoredJob, 'state' | 'stage' | 'total' | 'unit' | 'params'>>;

/** What is left out stays as it was. */
export type JobProgress = Partial<Pick<StoredJob, 'stage' | 'done' | 'total' | 'unit' | 'checkpoint'>>;

type Row = {
  id: string;
  kind: string;
  title: string;
  state: JobState;
  stage: string | null;
  done: number;
  total: number | null;
  unit: string;
  params: string;
  checkpoint: string | null;
  result: string | null;
  error: string | null;
  created_ms: number;
  updated_ms: number;
};

const GET_JOB = /* sql */ `
  SELECT id, kind, title, state, stage, done, total, unit, params, checkpoint, result, error, created_ms, updated_ms
  FROM jobs WHERE id = :id`;

export const LIST_JOBS = /* sql */ `
  SELECT id, kind, title, state, stage, done, total, unit, params, checkpoint, result, error, created_ms, updated_ms
  FROM jobs ORDER BY created_ms DESC, id DESC LIMIT :limit`;

export const LIST_UNFINISHED_JOBS = /* sql */ `
  SELECT id, kind, title, state, stage, done, total, unit, params, checkpoint, result, error, created_ms, updated_ms
  FROM jobs WHERE state IN ('queued', 'running', 'paused', 'interrupted') ORDER BY created_ms, id`;

/** Of some kinds those about a document that are not done with for good. */
export const LIST_JOBS_ABOUT = /* sql */ `
  SELECT id FROM jobs
  WHERE state NOT IN ('done', 'cancelled') AND kind IN (SELECT value FROM json_each(:kinds))
    AND EXISTS (SELECT 1 FROM json_each(jobs.params, '$.documentIds') AS named WHERE named.value = :documentId)`;

export const NEXT_QUEUED_JOB = /* sql */ `
  SELECT id, kind, title, state, stage, done, total, unit, params, checkpoint, result, error, created_ms, updated_ms
  FROM jobs WHERE kind = :kind AND state = 'queued' ORDER BY created_ms, id LIMIT 1`;

export function jobReader(db: ReadableDb) {
  const getRow = db.prepare<{ id: string }, Row>(GET_JOB);
  const listRows = db.prepare<{ limit: number }, Row>(LIST_JOBS);
  const nextQueued = db.prepare<{ kind: string }, Row>(NEXT_QUEUED_JOB);
  const listAbout = db.prepare<{ kinds: string; documentId: string }, string>(LIST_JOBS_ABOUT).pluck();
  const listUnfinished = db.prepare<[], Row>(LIST_UNFINISHED_JOBS);

  return {
    get(id: string): StoredJob | null {
      const row = getRow.get({ id });
      return row === undefined ? null : fromRow(row);
    },
    /** Newest first. */
    list: ({ limit = 200 }: { limit?: number } = {}): StoredJob[] => listRows.all({ limit }).map(fromRow),
    /** The one that has waited longest; null where none of the kind waits. */
    nextQueued(kind: string): StoredJob | null {
      const row = nextQueued.get({ kind });
      return row === undefined ? null : fromRow(row);
    },
    /** Jobs of these kinds that name a document among their `documentIds`, but those that are done or cancelled. */
    about: (documentId: string, kinds: readonly string[]): string[] =>
      listAbout.all({ kinds: JSON.stringify(kinds), documentId }),
    /** What could still go on: queued, running, paused or interrupted, oldest first. */
    unfinished: (): StoredJob[] => listUnfinished.all().map(fromRow),
  };
}

export function jobWriter(db: WritableDb, now: () => number) {
  const reader = jobReader(db);
  const insert = db.prepare(/* sql */ `
    INSERT INTO jobs (id, kind, title, state, stage, done, total, unit, params, created_ms, updated_ms)
    VALUES (:id, :kind, :title, :state, :stage, 0, :total, :unit, :params, :now, :now)`);
  const updateProgress = db.prepare(/* sql */ `
    UPDATE jobs
    SET stage = :stage, done = :done, total = :total, unit = :unit, checkpoint = :checkpoint, updated_ms = :now
    WHERE id = :id`);
  const updateState = db.prepare(/* sql */ `
    UPDATE jobs SET state = :state, result = :result, error = :error, updated_ms = :now WHERE id = :id`);

  const known = (id: string): StoredJob => {
    const job = reader.get(id);
    if (job === null) throw new LonghandError('not-found', `There is no job ${id}.`, { id });
    return job;
  };

  return {
    ...reader,

    /** A new job is queued, counts from 0 and has no known total, unless said otherwise. */
    insert(job: NewJob): StoredJob {
      const { kind, title, state = 'queued', stage = null, total = null, unit = '', params = {} } = job;
      const nowMs = now();
      const id = newId(nowMs);
      return durably(db, () => {
        insert.run({ id, kind, title, state, stage, total, unit, params: toJson(params), now: nowMs });
        return known(id);
      });
    },

    /** Cheap: survives the death of the process, not a power cut, after which a job goes on from an older checkpoint. */
    update(id: string, progress: JobProgress): StoredJob {
      const { stage, done, total, unit, checkpoint } = { ...known(id), ...progress };
      updateProgress.run({ id, stage, done, total, unit, checkpoint: toJson(checkpoint), now: now() });
      return known(id);
    },

    /** Result and error belong to the state: those not given become null. @throws LonghandError `not-found` */
    setState: (id: string, state: JobState, outcome: { result?: JsonObject; error?: StoredError } = {}): StoredJob =>
      durably(db, () => {
        known(id);
        updateState.run({ id, state, result: toJson(outcome.result), error: toJson(outcome.error), now: now() });
        return known(id);
      }),
  };
}

function fromRow(row: Row): StoredJob {
  return {
    id: row.id,
    kind: row.kind,
    title: row.title,
    state: row.state,
    stage: row.stage,
    done: row.done,
    total: row.total,
    unit: row.unit,
    params: fromJson(row.params) ?? {},
    checkpoint: fromJson(row.checkpoint),
    result: fromJson(row.result),
    error: fromJson(row.error) as StoredError | null,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  };
}
