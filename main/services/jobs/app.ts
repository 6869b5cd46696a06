import { implement } from '@orpc/server';
import { jobs as contract } from '../../contract/jobs.ts';
import type { Jobs } from './jobs.ts';

export function jobsApp(jobs: Jobs) {
  const os = implement(contract);
  return os.router({
    list: os.list.handler(() => jobs.list()),
    watch: os.watch.handler(({ input, signal }) => jobs.watch(input.id ?? null, signal)),
    pause: os.pause.handler(({ input }) => jobs.pause(input.id)),
    resume: os.resume.handler(({ input }) => jobs.resume(input.id)),
    cancel: os.cancel.handler(({ input }) => jobs.cancel(input.id)),
  });
}
