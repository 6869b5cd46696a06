import { z } from 'zod';
import { errorCodes } from './errors.ts';

/** Languages that have words of ours. */
export const language = z.enum(['en', 'zh-CN']);
export type Language = z.infer<typeof language>;

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

type Changes<Shape extends z.ZodRawShape> = {
  [Key in keyof Shape]: z.ZodOptional<Shape[Key] extends z.ZodDefault<infer Inner> ? Inner : Shape[Key]>;
};

/** Any of the fields of `schema`. Unlike `schema.partial()`, which fills in the defaults, it says nothing of the others. */
export function changesTo<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>): z.ZodObject<Changes<Shape>> {
  const fields = Object.entries(schema.shape).map(([key, field]) => {
    const bare = field instanceof z.ZodDefault ? field.unwrap() : field;
    return [key, z.optional(bare)] as const;
  });
  return z.object(Object.fromEntries(fields) as unknown as Changes<Shape>);
}
