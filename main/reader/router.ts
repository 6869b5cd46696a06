import { basename } from 'node:path';
import { implement } from '@orpc/server';
import { LonghandError, type ErrorCode } from '../contract/errors.ts';
import { readerContract } from '../contract/index.ts';
import { CheckpointError, openCheckpoint } from '../../native-models/checkpoint/index.ts';
import {
  compile,
  countParameters,
  DiskFullError,
  type CompileOptions,
  type CompileProgress,
} from '../../native-models/compile.ts';
import { extractInThread, unpackInThread } from './documents/thread.ts';
import { footprintOf } from '../../native-models/plan/index.ts';

const reader = implement(readerContract);

/** What the reader process does; `how` it packs is up to the process. */
export function readerRouter(how: Pick<CompileOptions, 'openPackers' | 'recordBytes'>) {
  return reader.router({
    inspect: reader.inspect.handler(async ({ input }) => {
      try {
        const checkpoint = await openCheckpoint(input.path, { base: input.base });
        try {
          const tensorTypes: Record<string, number> = {};
          for (const { type } of checkpoint.tensors.values()) tensorTypes[type] = (tensorTypes[type] ?? 0) + 1;
          const { name, architecture, contextLength, license } = checkpoint.config;
          return {
            path: input.path,
            name: name || basename(input.path),
            architecture,
            parameters: countParameters(checkpoint),
            sizeBytes: checkpoint.sizeBytes,
            contextTokens: contextLength,
            tensorTypes,
            license,
          };
        } finally {
          await checkpoint.close();
        }
      } catch (error) {
        throw translate(error, input.path);
      }
    }),
    footprint: reader.footprint.handler(async ({ input }) => {
      try {
        const checkpoint = await openCheckpoint(input.path, { base: input.base });
        try {
          return footprintOf(checkpoint, input.recipe);
        } finally {
          await checkpoint.close();
        }
      } catch (error) {
        throw translate(error, input.path);
      }
    }),
    compile: reader.compile.handler(async function* ({ input, signal }) {
      const { path, base, folder, name, recipe } = input;
      const latest: { progress: CompileProgress | null; wake: () => void } = { progress: null, wake: () => {} };
      const onProgress = (progress: CompileProgress) => {
        latest.progress = progress;
        latest.wake();
      };
      let settled = false;
      const options = { ...how, name, recipe, base, onProgress, ...(signal ? { signal } : {}) };
      const compiling = compile(path, folder, options).finally(() => {
        settled = true;
        latest.wake();
      });
      compiling.catch(() => {}); // awaited below
      while (!settled) {
        await new Promise<void>((resolve) => {
          latest.wake = resolve;
          if (settled || latest.progress) resolve();
        });
        const { progress } = latest;
        latest.progress = null;
        if (progress) yield { type: 'progress' as const, unit: 'bytes', ...progress };
      }
      try {
        await compiling;
      } catch (error) {
        throw translate(error, path);
      }
      yield { type: 'end' as const, folder };
    }),
    extract: reader.extract.handler(async function* ({ input, signal = new AbortController().signal }) {
      yield* extractInThread(input, { signal });
    }),
    unpack: reader.unpack.handler(async function* ({ input, signal = new AbortController().signal }) {
      yield* unpackInThread(input, { signal });
    }),
  });
}

/** What went wrong with a file, in the contract's words. */
function translate(error: unknown, path: string): unknown {
  if (error instanceof DiskFullError) {
    const { neededBytes, freeBytes } = error;
    return new LonghandError(
      'disk-full',
      `${error.message}. Nothing was written.`,
      { neededBytes, freeBytes },
      { cause: error },
    );
  }
  if (error instanceof CheckpointError) {
    return new LonghandError(codeOf(error), error.message, error.details, { cause: error });
  }
  if (error instanceof Error && 'code' in error) {
    return new LonghandError(
      'checkpoint-unreadable',
      `${path} cannot be read: ${error.message}`,
      { path },
      { cause: error },
    );
  }
  return error;
}

function codeOf({ code }: CheckpointError): ErrorCode {
  if (code === 'not-a-checkpoint') return code;
  if (code === 'missing-base') return 'adapter-needs-base';
  return code.startsWith('unsupported') ? 'unsupported-checkpoint' : 'checkpoint-unreadable';
}
