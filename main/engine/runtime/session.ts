import { ortApi, type Pointer } from './api.ts';

/** Uint16Array holds the bits of float16, Uint8Array booleans. */
export type TensorData = Float32Array | Uint16Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;
/** Memory of ours that the runtime reads or writes in place. Shape in elements. */
export type Tensor = { data: TensorData; shape: readonly number[] };
export type SessionOptions = { threads: number; profilePrefix?: string };

const ERROR_LEVEL = 3;
const ALL_OPTIMISATIONS = 99;
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;

let environment: { env: Pointer; memory: Pointer } | null = null;

function shared() {
  const api = ortApi();
  return (environment ??= {
    env: api.create('CreateEnv', ERROR_LEVEL, 'longhand'),
    memory: api.create('CreateCpuMemoryInfo', DEVICE_ALLOCATOR, DEFAULT_MEMORY),
  });
}

/** A float32 array outside V8's heap: small arrays inside it may be moved while the runtime holds their address. */
export function pinnedFloat32(length: number): Float32Array {
  return new Float32Array(new ArrayBuffer(Math.max(length, 1) * 4), 0, length);
}

/** As `pinnedFloat32`, for int32. */
export function pinnedInt32(values: readonly number[] | number): Int32Array {
  const length = typeof values === 'number' ? values : values.length;
  const array = new Int32Array(new ArrayBuffer(Math.max(length, 1) * 4), 0, length);
  if (typeof values !== 'number') array.set(values);
  return array;
}

/** As `pinnedFloat32`, for int64. */
export function pinnedInt64(length: number): BigInt64Array {
  return new BigInt64Array(new ArrayBuffer(Math.max(length, 1) * 8), 0, length);
}

/** One boolean, outside V8's heap. */
export function pinnedBool(value: boolean): Uint8Array {
  return new Uint8Array(new ArrayBuffer(8), 0, 1).fill(value ? 1 : 0);
}

/** A model that the runtime has opened and optimised. */
export class RuntimeSession {
  readonly #session: Pointer;

  private constructor(session: Pointer) {
    this.#session = session;
  }

  /** @param model path of an ONNX file (weights beside it are found by their relative names), or its bytes */
  static open(model: string | Uint8Array, { threads, profilePrefix }: SessionOptions): RuntimeSession {
    const api = ortApi();
    const { env } = shared();
    const options = api.create('CreateSessionOptions');
    try {
      api.call('SetSessionGraphOptimizationLevel', options, ALL_OPTIMISATIONS);
      api.call('SetIntraOpNumThreads', options, threads);
      // Denormal numbers slow some inputs by a factor of 4 to 10.
      api.call('AddSessionConfigEntry', options, 'session.set_denormal_as_zero', '1');
      if (profilePrefix !== undefined) api.call('EnableProfiling', options, profilePrefix);
      if (typeof model !== 'string') {
        return new RuntimeSession(api.create('CreateSessionFromArray', env, model, model.byteLength, options));
      }
      const create = process.platform === 'win32' ? 'CreateSessionW' : 'CreateSession';
      return new RuntimeSession(api.create(create, env, model, options));
    } finally {
      api.release('ReleaseSessionOptions', options);
    }
  }

  bind(): Binding {
    return new Binding(this.#session);
  }

  /** Ends profiling. @returns the path of the profile (Chrome trace JSON) */
  endProfile(): string {
    const api = ortApi();
    const allocator = api.create('GetAllocatorWithDefaultOptions');
    const path = api.create('SessionEndProfiling', this.#session, allocator);
    const name = api.string(path);
    api.call('AllocatorFree', allocator, path);
    return name;
  }

  release(): void {
    ortApi().release('ReleaseSession', this.#session);
  }
}

/** Inputs and outputs tied to memory; what is bound stays bound from run to run. */
export class Binding {
  readonly #session: Pointer;
  readonly #binding: Pointer;
  readonly #runOptions: Pointer;
  // The runtime keeps addresses only: the arrays must stay reachable as long as they are bound.
  readonly #held = new Map<string, Tensor>();

  constructor(session: Pointer) {
    const api = ortApi();
    this.#session = session;
    this.#binding = api.create('CreateIoBinding', session);
    this.#runOptions = api.create('CreateRunOptions');
  }

  input(name: string, tensor: Tensor): void {
    this.#bind('BindInput', name, tensor);
  }

  output(name: string, tensor: Tensor): void {
    this.#bind('BindOutput', name, tensor);
  }

  /**
   * Runs the model on the runtime's threads, without holding this one.
   * An abort ends the run between two operators; then it rejects with the signal's reason.
   */
  async run(signal?: AbortSignal): Promise<void> {
    const api = ortApi();
    signal?.throwIfAborted();
    const terminate = () => api.call('RunOptionsSetTerminate', this.#runOptions);
    signal?.addEventListener('abort', terminate, { once: true });
    try {
      await api.callAsync('RunWithBinding', this.#session, this.#runOptions, this.#binding);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', terminate);
      if (signal?.aborted) api.call('RunOptionsUnsetTerminate', this.#runOptions);
    }
  }

  release(): void {
    const api = ortApi();
    api.release('ReleaseIoBinding', this.#binding);
    api.release('ReleaseRunOptions', this.#runOptions);
    this.#held.clear();
  }

  #bind(place: 'BindInput' | 'BindOutput', name: string, tensor: Tensor): void {
    const api = ortApi();
    const { data, shape } = tensor;
    const dims = BigInt64Array.from(shape, BigInt);
    const value = api.create(
      'CreateTensorWithDataAsOrtValue',
      shared().memory,
      data,
      data.byteLength,
      dims,
      shape.length,
      elementType(data),
    );
    api.call(place, this.#binding, name, value);
    api.release('ReleaseValue', value); // the binding has its own reference
    this.#held.set(`${place} ${name}`, tensor);
  }
}

/** Numbers of ONNXTensorElementDataType. */
function elementType(data: TensorData): number {
  if (data instanceof Float32Array) return 1;
  if (data instanceof Int8Array) return 3;
  if (data instanceof Int32Array) return 6;
  if (data instanceof Uint8Array) return 9;
  return data instanceof BigInt64Array ? 7 : 10;
}
