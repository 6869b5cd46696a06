import type { Disk } from '../../main/engine/snapshots/disk.ts';

/**
 * A disk on which the call number `step`, counted from 0, fails with `code`, and `times` - 1 after it. Calls on open files
 * count as well.
 */
export function stepped(disk: Disk, step: number, code: string, times = 1): { disk: Disk; hasFailed(): boolean } {
  let calls = 0;
  let failed = false;
  const guarded = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name) {
        const value = Reflect.get(of, name) as unknown;
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          const call = calls++;
          const isClose = name === 'close'; // a descriptor that is not closed would be a leak of the test's own
          if (call >= step && call < step + times && !isClose) {
            failed = true;
            throw Object.assign(new Error(`${code}: ${String(name)}`), { code });
          }
          const result = (await Reflect.apply(value, of, args)) as unknown;
          return name === 'open' ? guarded(result as object) : result;
        };
      },
    });
  return { disk: guarded(disk), hasFailed: () => failed || calls > step };
}
