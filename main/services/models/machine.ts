import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { decoderSpeed, kernelSpeed, type ProbedKernel } from '../../contract/engine.ts';
import type { Engine } from '../../engine/client.ts';
import type { Kernel } from '../../../native-models/plan/index.ts';

/** What was measured of this machine, and when. */
const measurement = z.object({
  measuredMs: z.number(),
  cpu: z.string(),
  cores: z.number(),
  /** As the settings had it: null for as many as suit the machine. */
  chosenThreads: z.number().nullable(),
  threads: z.number(),
  decoder: decoderSpeed,
  kernels: z.array(kernelSpeed),
});
export type Measurement = z.infer<typeof measurement>;

/** A measurement that anybody may repeat, so a file beside the database rather than a part of it. */
const FILE = 'machine.json';

/** How fast this machine computes: measured once in the engine's process, and again where the machine is another one. */
export class MachineGauge {
  readonly #path: string;
  readonly #engine: Pick<Engine, 'probe' | 'status'>;
  readonly #chosenThreads: () => number | null;
  #known: Measurement | null = null;
  #measuring: Promise<Measurement | null> | null = null;

  constructor(options: {
    dataDir: string;
    engine: Pick<Engine, 'probe' | 'status'>;
    /** Threads of the settings. */
    chosenThreads(): number | null;
  }) {
    this.#path = join(options.dataDir, FILE);
    this.#engine = options.engine;
    this.#chosenThreads = options.chosenThreads;
  }

  /** What is known already, by this run of the app or an earlier one. */
  known(): Measurement | null {
    this.#known ??= readMeasurement(this.#path);
    return this.#known !== null && this.#isOfThisMachine(this.#known) ? this.#known : null;
  }

  /**
   * What is known of at least these kernels, measuring those that are not: some seconds the first time. Null while it
   * cannot be: the engine is away, or busy with an answer that would be slowed down and measured with it.
   */
  async measure(kernels: readonly Kernel[]): Promise<Measurement | null> {
    const known = this.known();
    const missing = kernels.filter((kernel) => !known?.kernels.some((one) => isSame(one, kernel)));
    if (known !== null && missing.length === 0) return known;
    this.#measuring ??= this.#probe(missing).finally(() => (this.#measuring = null));
    return (await this.#measuring) ?? known;
  }

  async #probe(missing: readonly Kernel[]): Promise<Measurement | null> {
    try {
      if ((await this.#engine.status()).running > 0) return null;
      const { kernels, ...rest } = await this.#engine.probe(missing.map((kernel): ProbedKernel => ({ ...kernel })));
      const measured = { measuredMs: Date.now(), ...thisMachine(), chosenThreads: this.#chosenThreads(), ...rest };
      this.#known = { ...measured, kernels: [...(this.known()?.kernels ?? []), ...kernels] };
      writeMeasurement(this.#path, this.#known);
      return this.#known;
    } catch {
      return null;
    }
  }

  #isOfThisMachine({ cpu, cores, chosenThreads }: Measurement): boolean {
    const here = thisMachine();
    return cpu === here.cpu && cores === here.cores && chosenThreads === this.#chosenThreads();
  }
}

function thisMachine() {
  return { cpu: cpus()[0]?.model ?? '', cores: availableParallelism() };
}

function isSame(a: Kernel, b: Kernel): boolean {
  return a.bits === b.bits && a.block === b.block && a.accuracyLevel === b.accuracyLevel;
}

function readMeasurement(path: string): Measurement | null {
  try {
    return measurement.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** A full disk only means that it will be measured again. */
function writeMeasurement(path: string, known: Measurement): void {
  try {
    writeFileSync(`${path}.new`, JSON.stringify(known));
    renameSync(`${path}.new`, path);
  } catch {
    // Kept in memory.
  }
}
