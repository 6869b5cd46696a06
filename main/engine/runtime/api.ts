import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { LonghandError } from '../../contract/errors.ts';

/**
 * ONNX Runtime's C interface, called through koffi from the shared library that onnxruntime-node carries.
 *
 * Why not onnxruntime-node's own JavaScript: it copies every output into fresh memory and blocks its thread. The C
 * interface binds outputs to memory of ours, so that the fused attention operator extends our cache in place; it runs
 * on another thread; and a run can be ended from outside.
 */

/** An address in native memory; zero is no object. */
export type Pointer = bigint;

// Places in the OrtApi table, which only ever grows at its end (onnxruntime_c_api.h), with each function's C signature.
const functions = {
  GetErrorMessage: [2, 'const char *f(void *status)'],
  CreateEnv: [3, 'void *f(int level, const char *id, _Out_ void **out)'],
  CreateSession: [7, 'void *f(void *env, const char *path, void *options, _Out_ void **out)'],
  CreateSessionW: [7, 'void *f(void *env, const char16_t *path, void *options, _Out_ void **out)'],
  CreateSessionFromArray: [8, 'void *f(void *env, const void *bytes, size_t length, void *options, _Out_ void **out)'],
  CreateSessionOptions: [10, 'void *f(_Out_ void **out)'],
  EnableProfiling: [14, 'void *f(void *options, const char *prefix)'],
  SetSessionGraphOptimizationLevel: [23, 'void *f(void *options, int level)'],
  SetIntraOpNumThreads: [24, 'void *f(void *options, int threads)'],
  CreateRunOptions: [39, 'void *f(_Out_ void **out)'],
  RunOptionsSetTerminate: [46, 'void *f(void *options)'],
  RunOptionsUnsetTerminate: [47, 'void *f(void *options)'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void *f(void *memory, void *data, size_t bytes, const int64_t *shape, size_t rank, int type, _Out_ void **out)',
  ],
  CreateCpuMemoryInfo: [69, 'void *f(int allocator, int memory, _Out_ void **out)'],
  AllocatorFree: [76, 'void *f(void *allocator, void *p)'],
  GetAllocatorWithDefaultOptions: [78, 'void *f(_Out_ void **out)'],
  ReleaseStatus: [93, 'void f(void *p)'],
  ReleaseSession: [95, 'void f(void *p)'],
  ReleaseValue: [96, 'void f(void *p)'],
  ReleaseRunOptions: [97, 'void f(void *p)'],
  ReleaseSessionOptions: [100, 'void f(void *p)'],
  SessionEndProfiling: [110, 'void *f(void *session, void *allocator, _Out_ void **path)'],
  AddSessionConfigEntry: [130, 'void *f(void *options, const char *key, const char *value)'],
  RunWithBinding: [133, 'void *f(void *session, void *options, void *binding)'],
  CreateIoBinding: [134, 'void *f(void *session, _Out_ void **out)'],
  ReleaseIoBinding: [135, 'void f(void *p)'],
  BindInput: [136, 'void *f(void *binding, const char *name, void *value)'],
  BindOutput: [137, 'void *f(void *binding, const char *name, void *value)'],
} as const satisfies Record<string, readonly [number, string]>;

type FunctionName = keyof typeof functions;
type NativeFunction = {
  (...args: unknown[]): Pointer | null | string | undefined;
  async(...args: unknown[]): void;
};

/** Oldest interface version with everything above. */
const API_VERSION = 14;
/** Graph optimisation recurses deeply; koffi's default call stack of 2 MiB is too small for it. */
const STACK_BYTES = 16 << 20;
const TABLE_LENGTH = Math.max(...Object.values(functions).map(([place]) => place)) + 1;

class Api {
  // koffi unloads a library when its object is collected, and with it the code that every pointer here leads to.
  readonly #library: LibraryHandle;
  readonly #functions = new Map<FunctionName, NativeFunction>();
  readonly version: string;

  constructor(path: string) {
    koffi.config({ ...koffi.config(), sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });
    this.#library = koffi.load(path);
    const base = this.#library.func('void *OrtGetApiBase()')() as Pointer;
    const [getApi, getVersion] = koffi.decode(base, 'void *', 2) as [Pointer, Pointer];
    this.version = (koffi.decode(getVersion, koffi.proto('const char *OrtVersion()')) as () => string)();
    const api = (koffi.decode(getApi, koffi.proto('void *OrtGetApi(uint32_t version)')) as (v: number) => Pointer)(
      API_VERSION,
    );
    const table = koffi.decode(api, 'void *', TABLE_LENGTH) as Pointer[];
    for (const [name, [place, signature]] of Object.entries(functions) as [FunctionName, readonly [number, string]][]) {
      const prototype = koffi.proto(signature.replace('f(', `Ort${name}(`));
      this.#functions.set(name, koffi.decode(table[place]!, prototype) as NativeFunction);
    }
  }

  /** Calls a function that returns a status; throws `runtime-failed` with the runtime's own words. */
  call(name: FunctionName, ...args: unknown[]): void {
    this.#check(this.#function(name)(...args) as Pointer | null);
  }

  /** Calls a function whose last parameter receives a new object. */
  create(name: FunctionName, ...args: unknown[]): Pointer {
    const out: [Pointer | null] = [null];
    this.call(name, ...args, out);
    return out[0]!;
  }

  /** Calls on a thread of koffi's; settles when the call has returned. */
  callAsync(name: FunctionName, ...args: unknown[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#function(name).async(...args, (error: Error | null, status: Pointer | null) => {
        try {
          if (error) throw error;
          this.#check(status);
          resolve();
        } catch (failure) {
          reject(failure instanceof Error ? failure : new Error(String(failure)));
        }
      });
    });
  }

  release(name: FunctionName, object: Pointer): void {
    this.#function(name)(object);
  }

  string(pointer: Pointer): string {
    return koffi.decode(pointer, 'char', -1) as string;
  }

  #function(name: FunctionName): NativeFunction {
    return this.#functions.get(name)!;
  }

  #check(status: Pointer | null): void {
    if (!status) return;
    const message = String(this.#function('GetErrorMessage')(status));
    this.release('ReleaseStatus', status);
    throw new LonghandError('runtime-failed', `ONNX Runtime: ${message}`, { message });
  }
}

export type OrtApi = Api;
let loaded: Api | null = null;

/** Loads the runtime once. @throws LonghandError `runtime-failed` when this platform's library is missing */
export function ortApi(): OrtApi {
  return (loaded ??= new Api(libraryPath()));
}

function libraryPath(): string {
  const found = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  // A package unpacks its native libraries beside the archive: the system's loader knows nothing of archives.
  const root = found.replace(/([\\/])app\.asar(?=[\\/])/, '$1app.asar.unpacked');
  const folder = join(root, 'bin', 'napi-v6', process.platform, process.arch);
  const names: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'libonnxruntime.so.1',
    darwin: 'libonnxruntime.1.dylib',
    win32: 'onnxruntime.dll',
  };
  const path = join(folder, names[process.platform] ?? '');
  if (existsSync(path) && names[process.platform] !== undefined) return path;
  throw new LonghandError('runtime-failed', `There is no model runtime for ${process.platform} ${process.arch}.`, {
    path,
  });
}
