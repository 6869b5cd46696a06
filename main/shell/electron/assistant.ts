import type { Port } from '../../contract/client.ts';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import type { Supervisor } from '../supervisor.ts';

/** The processes behind the window, which stays when they cannot be started, to say why. */
export class Assistant {
  readonly #create: () => Supervisor;
  #supervisor: Supervisor | null = null;
  #failure: LonghandError | null = null;

  /** @param create what it throws is why there is no assistant */
  constructor(create: () => Supervisor) {
    this.#create = create;
  }

  start(): void {
    this.#failure = null;
    this.#supervisor = null;
    try {
      this.#supervisor = this.#create();
      this.#supervisor.start();
    } catch (error) {
      const { code, message, details } = toStoredError(error);
      this.#failure = new LonghandError(code, message, details, { cause: error });
    }
  }

  /** @throws LonghandError why there is no assistant, and will be none before a restart */
  connectPage(): Port {
    if (this.#failure !== null) throw this.#failure;
    if (this.#supervisor === null) throw new LonghandError('assistant-stopped', 'The assistant was not started.');
    return this.#supervisor.connectPage();
  }

  /** For a failure that the user has mended. What is left of the processes from before ends meanwhile. */
  async restart(): Promise<void> {
    const old = this.#supervisor;
    this.start();
    await old?.stop();
  }

  async stop(): Promise<void> {
    await this.#supervisor?.stop();
    this.#supervisor = null;
  }
}
