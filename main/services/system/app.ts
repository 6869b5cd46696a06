import { implement } from '@orpc/server';
import type { ProcessInfo } from '../../contract/shell.ts';
import { system as contract } from '../../contract/system.ts';
import type { Mover } from '../data/move.ts';
import type { Models } from '../models/models.ts';
import type { PathRule } from '../path-rule.ts';
import type { Store } from '../store/open.ts';
import { bench } from './bench.ts';
import { examine, type DoctorOptions } from './doctor.ts';
import { readSettings } from './settings.ts';

export type SystemOptions = DoctorOptions & {
  store: Store;
  models: Models;
  version: string;
  processes(): Promise<ProcessInfo[]>;
  mover: Mover;
  mayName: PathRule;
};

export function systemApp(options: SystemOptions) {
  const { store, models, version, dataDir, mover, snapshots, mayName } = options;
  const os = implement(contract);
  return os.router({
    hello: os.hello.handler(() => ({ version, dataFolder: dataDir, pid: process.pid })),
    planMove: os.planMove.handler(async ({ input }) => {
      await mayName(input.path);
      return mover.plan(input.path);
    }),
    moveData: os.moveData.handler(async ({ input }) => {
      await mayName(input.path);
      return mover.start(input.path);
    }),
    processes: os.processes.handler(() => options.processes()),
    settings: os.settings.handler(() => readSettings(store)),
    changeSettings: os.changeSettings.handler(({ input }) => {
      models.configure(input);
      if (input.cacheGigabytes !== undefined) void snapshots.configure();
      return readSettings(store);
    }),
    cache: os.cache.handler(() => snapshots.room()),
    clearCache: os.clearCache.handler(async () => ({ freedBytes: await snapshots.clear() })),
    doctor: os.doctor.handler(() => examine(options)),
    bench: os.bench.handler(({ input, signal }) => bench({ ...input, signal }, options)),
  });
}
