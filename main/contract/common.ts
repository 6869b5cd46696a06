import { z } from 'zod';
import { errorCodes } from './errors.ts';

export const storedError = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});

/** `total` is null while it is unknown; `unit` is what is counted: 'bytes', 'tokens', 'tensors'. */
export const progress = z.object({
  stage: z.string(),
  done: z.number(),
  total: z.number().nullable(),
  unit: z.string(),
});
export type Progress = z.infer<typeof progress>;
