import { storeError } from './errors.ts';

/** A query slower than this holds up the tokens and calls behind it, so someone should look at it. */
const SLOW_MS = 40;

export type SlowCall = { name: string; ms: number };

/**
 * The same functions, but a failure of the disk or the file leaves them as a LonghandError (see `storeError`), and a
 * call slower than 40 ms is reported. `name` is the module's, for that report.
 */
export function guard<Methods extends Record<string, (...args: never[]) => unknown>>(
  name: string,
  methods: Methods,
  context: { path: string; onSlow: (call: SlowCall) => void },
): Methods {
  const guarded = Object.entries(methods).map(([key, method]) => {
    const call = (...args: never[]) => {
      const start = performance.now();
      try {
        return method(...args);
      } catch (error) {
        throw storeError(error, context.path);
      } finally {
        const ms = performance.now() - start;
        if (ms > SLOW_MS) context.onSlow({ name: `${name}.${key}`, ms });
      }
    };
    return [key, call] as const;
  });
  return Object.fromEntries(guarded) as Methods;
}
