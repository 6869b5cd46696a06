import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { Wire } from '../../../main/shell/node/wire.ts';
import type { MessagePortMain } from './port-main.ts';

const PARENT_PORT = new URL('./parent-port.ts', import.meta.url).href;

type ForkOptions = { env?: NodeJS.ProcessEnv };

/** A utility process as a child of Node's. Its ports travel over the IPC of the fork. */
class UtilityProcess extends EventEmitter {
  readonly #child: ChildProcess;
  readonly #wire: Wire;
  readonly stdout;
  readonly stderr;
  pid: number | undefined;

  constructor(file: string, args: string[], { env }: ForkOptions) {
    super();
    this.#child = fork(file, args, {
      env,
      execArgv: ['--disable-warning=ExperimentalWarning', '--import', PARENT_PORT],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#wire = new Wire({ send: (frame) => void (this.#child.connected && this.#child.send(frame, () => {})) });
    this.stdout = this.#child.stdout;
    this.stderr = this.#child.stderr;
    this.#child.on('message', (frame) => this.#wire.receive(frame));
    this.#child.on('spawn', () => {
      this.pid = this.#child.pid;
      this.emit('spawn');
    });
    this.#child.on('exit', (code) => {
      this.pid = undefined;
      this.#wire.closeAll();
      this.emit('exit', code ?? 1);
    });
  }

  postMessage(data: unknown, ports: MessagePortMain[] = []): void {
    this.#wire.transfer(
      data,
      ports.map(({ raw }) => raw),
    );
  }

  kill(): boolean {
    return this.#child.kill();
  }
}

export const utilityProcess = {
  fork: (file: string, args: string[] = [], options: ForkOptions = {}) => new UtilityProcess(file, args, options),
};
