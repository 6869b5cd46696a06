import { open, stat } from 'node:fs/promises';
import type { z } from 'zod';
import { CheckpointError } from './errors.ts';
import { readExactly } from './read-exactly.ts';

/**
 * A JSON file of a checkpoint's folder, checked.
 * @throws CheckpointError `missing-metadata` where there is no such file, `limit-exceeded`, or `corrupt-checkpoint`
 *   naming the place
 */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>, maxBytes: number): Promise<T> {
  const found = await readOptionalJsonFile(path, schema, maxBytes);
  if (found !== null) return found;
  throw new CheckpointError('missing-metadata', `${path} is missing`, { path });
}

/** As `readJsonFile`; null where there is no such file. */
export async function readOptionalJsonFile<T>(path: string, schema: z.ZodType<T>, maxBytes: number): Promise<T | null> {
  const text = await readOptionalText(path, maxBytes);
  if (text === null) return null;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError('corrupt-checkpoint', `${path} is not valid JSON`, { path }, { cause });
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const key = issue?.path.join('.') ?? '';
  const place = key === '' ? 'the whole' : key;
  throw new CheckpointError(
    'corrupt-checkpoint',
    `${path}: ${place}: ${issue?.message ?? 'is not as expected'}`,
    { path, key },
    { cause: parsed.error },
  );
}

/** A text file in UTF-8; null where there is none. @throws CheckpointError `limit-exceeded` | `corrupt-checkpoint` */
export async function readOptionalText(path: string, maxBytes: number): Promise<string | null> {
  // Asked before opening: to open a named pipe would wait for its other end.
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) return null;
  if (found.size > maxBytes) {
    throw new CheckpointError('limit-exceeded', `${path} has ${found.size} bytes, more than the ${maxBytes} allowed`, {
      path,
      found: found.size,
      limit: maxBytes,
    });
  }
  const bytes = new Uint8Array(found.size);
  const file = await open(path, 'r');
  try {
    await readExactly(file, { path, what: 'the text', position: 0 }, bytes);
  } finally {
    await file.close();
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError('corrupt-checkpoint', `${path} is not valid UTF-8`, { path }, { cause });
  }
}
