import { oc } from '@orpc/contract';
import { z } from 'zod';

export const processRole = z.enum(['assistant', 'engine', 'reader']);
export type ProcessRole = z.infer<typeof processRole>;

export const processInfo = z.object({
  role: processRole,
  pid: z.number().nullable(),
  restarts: z.number(),
  /** Set when the process died five times within a minute and was not started again. */
  failed: z.boolean(),
  lastExit: z.string().nullable(),
});
export type ProcessInfo = z.infer<typeof processInfo>;

/** What the shell offers to the assistant: the shell alone starts and ends processes. */
export const shell = {
  processes: oc.output(z.array(processInfo)),
  /** Ends a process (SIGKILL) and starts it again; new ports follow. Used on a hang. */
  restart: oc.input(z.object({ role: processRole, reason: z.string() })).output(z.void()),
};
