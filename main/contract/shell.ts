import { oc } from '@orpc/contract';
import { z } from 'zod';

export const processRole = z.enum(['assistant', 'engine', 'reader', 'embedder']);
export type ProcessRole = z.infer<typeof processRole>;

/** A process ended for want of memory: certainly, or as far as can be guessed. */
export const outOfMemory = z.object({
  isCertain: z.boolean(),
  /** Of the machine, shortly before; null where it had enough and the process met a limit of its own. */
  usedBytes: z.number().nullable(),
  totalBytes: z.number().nullable(),
  /** What the process held itself; null where the system does not tell. */
  rssBytes: z.number().nullable(),
});
export type OutOfMemory = z.infer<typeof outOfMemory>;

export const processInfo = z.object({
  role: processRole,
  pid: z.number().nullable(),
  restarts: z.number(),
  /** Set when the process died five times within a minute and was not started again. */
  failed: z.boolean(),
  lastExit: z.string().nullable(),
  /** Of the last end; absent where nothing says that memory was why. */
  outOfMemory: outOfMemory.optional(),
});
export type ProcessInfo = z.infer<typeof processInfo>;

/** What the shell offers to the assistant: the shell alone starts and ends processes. */
export const shell = {
  processes: oc.output(z.array(processInfo)),
  /** Whether the user gave this path to the page: in the system's dialog, by dropping it, or as a file that it sent. */
  isChosen: oc.input(z.object({ path: z.string() })).output(z.boolean()),
  /** The data are in another folder now: everything starts again there. */
  moved: oc.output(z.void()),
  /** Ends a process (SIGKILL) and starts it again; new ports follow. Used on a hang. */
  restart: oc.input(z.object({ role: processRole, reason: z.string() })).output(z.void()),
};
