import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessRole } from '../../main/contract/shell.ts';
import { Connection } from '../../main/shell/connection.ts';
import { createNodeSupervisor } from '../../main/shell/node/start.ts';
import type { Supervisor } from '../../main/shell/supervisor.ts';
import { compile } from '../../native-models/compile.ts';
import { writeGguf } from './gguf-writer.ts';
import { tinyCheckpoint } from './tiny-checkpoint.ts';

/** The real processes over a real data folder, with a tiny model whose words mean nothing. */
export class TinyApp {
  readonly dataFolder: string;
  #supervisor!: Supervisor;
  #connection!: Connection;

  private constructor(dataFolder: string) {
    this.dataFolder = dataFolder;
    this.start();
  }

  static async create({ contextTokens }: { contextTokens: number }): Promise<TinyApp> {
    const dataFolder = await mkdtemp(join(tmpdir(), 'longhand-tiny-app-'));
    await mkdir(join(dataFolder, 'models'), { recursive: true });
    const checkpoint = join(dataFolder, 'tiny.gguf');
    await writeFile(checkpoint, writeGguf(tinyCheckpoint({ metadata: { 'qwen2.context_length': contextTokens } })));
    await compile(checkpoint, join(dataFolder, 'models', 'tiny'), { name: 'tiny', recipe: 'exact' });
    return new TinyApp(dataFolder);
  }

  /** What the assistant answers, asked again where it died meanwhile. */
  get run(): Connection['run'] {
    return this.#connection.run.bind(this.#connection);
  }

  start(): void {
    // Deaths one after the other are the test's doing.
    const restartDelayMs = () => 0;
    this.#supervisor = createNodeSupervisor({
      dataFolder: this.dataFolder,
      fetch: 'never',
      say() {},
      log() {},
      restartDelayMs,
    });
    this.#supervisor.start();
    this.#connection = new Connection(() => this.#supervisor.connectClient());
  }

  /** Ends the processes; `start` begins anew over the same data. */
  async stop(): Promise<void> {
    await this.#connection.close();
    await this.#supervisor.stop();
  }

  pidOf(role: ProcessRole): number {
    return this.#supervisor.processes().find((process) => process.role === role)!.pid!;
  }

  kill(role: ProcessRole): void {
    process.kill(this.pidOf(role), 'SIGKILL');
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.dataFolder, { recursive: true, force: true });
  }
}
