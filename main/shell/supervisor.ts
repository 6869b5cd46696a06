import { implement } from '@orpc/server';
import type { Port } from '../contract/client.ts';
import { isErrorCode, LonghandError } from '../contract/errors.ts';
import type { Peer } from '../contract/handover.ts';
import { shellContract } from '../contract/index.ts';
import { createServer } from '../contract/serve.ts';
import type { OutOfMemory, ProcessInfo, ProcessRole } from '../contract/shell.ts';
import type { Launch, Platform, ProcessExit, ShellProcess } from './process.ts';
import { readMemory, whetherOutOfMemory, type Memory } from './memory.ts';
import { restartDelayMs } from './restart-policy.ts';

/** The assistant ends with this code when it cannot start at all; its last line says why, as `{"fatal": …}`. */
const CANNOT_START = 78;
const ASSISTANT_GRACE_MS = 5000; // time to end an answer and to close the database
const OTHER_GRACE_MS = 2500; // time to save a cache
const MEMORY_EVERY_MS = 2000;
/** Whom the assistant is joined with. */
const OTHERS = ['engine', 'reader', 'embedder'] as const;

export type SupervisorOptions = {
  platform: Platform;
  launches: Record<ProcessRole, Omit<Launch, 'role'>>;
  /** Takes lines that a user should see: a process died, was started again, or was given up. */
  say(line: string): void;
  /** See restart-policy.ts. */
  restartDelayMs?: typeof restartDelayMs;
  /** Whether the user gave this path to a page; without it there is no such path. */
  isChosen?(path: string): boolean;
  /** Called when the data are in another folder, before everything starts again there. */
  onMoved?(): void;
  /** For tests: see memory.ts. */
  readMemory?: typeof readMemory;
};

type Slot = {
  readonly role: ProcessRole;
  process: ShellProcess | null;
  deathsMs: number[];
  restarts: number;
  lastExit: string | null;
  outOfMemory: OutOfMemory | undefined;
  /** As it was seen last while the process ran. */
  memory: Memory | null;
  /** Whether it is ending because we want it to. */
  isWanted: boolean;
  /** Ends in order, and starts again at once. */
  isMoving: boolean;
  failed: boolean;
  timer: NodeJS.Timeout | null;
};

/**
 * Starts the assistant, the engine, the reader and the embedder, joins them with ports, and starts again what dies. Messages then
 * travel from process to process: nothing here is on their path but the port that serves `shellContract`.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Record<ProcessRole, Slot> = {
    assistant: newSlot('assistant'),
    engine: newSlot('engine'),
    reader: newSlot('reader'),
    embedder: newSlot('embedder'),
  };
  readonly #server = createServer(this.#router());
  readonly #whenFailed = Promise.withResolvers<LonghandError>();
  #waitingClients: [Peer, Port][] = [];
  #memoryTimer: NodeJS.Timeout | null = null;
  #failure: LonghandError | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Settles when the assistant cannot be started, or is not started any more: nothing works from then on. */
  get failed(): Promise<LonghandError> {
    return this.#whenFailed.promise;
  }

  /** The assistant goes first: it takes longest to come up, and the others find it there. */
  start(): void {
    for (const role of ['assistant', ...OTHERS] as const) this.#start(this.#slots[role]);
    this.#memoryTimer ??= setInterval(() => this.#lookAtMemory(), MEMORY_EVERY_MS).unref();
  }

  /**
   * A port to the assistant for the user's own command line, or to the one that is just being started. It closes when the assistant dies: ask again then.
   * @throws LonghandError why the assistant is not there and will not be: `assistant-stopped`, or its own reason
   */
  connectClient(): Port {
    return this.#connect('client');
  }

  /** The same for a page, which is not taken at its word: see `Peer`. */
  connectPage(): Port {
    return this.#connect('page');
  }

  #connect(peer: Peer): Port {
    if (this.#failure) throw this.#failure;
    if (this.#stopping) throw new LonghandError('assistant-stopped', 'Longhand is ending.');
    const [ours, theirs] = this.#options.platform.channel();
    const assistant = this.#slots.assistant.process;
    if (assistant) this.#handOver(assistant, peer, theirs);
    else this.#waitingClients.push([peer, theirs]);
    return ours;
  }

  processes(): ProcessInfo[] {
    return Object.values(this.#slots).map(({ role, process, restarts, failed, lastExit, outOfMemory }) => ({
      role,
      pid: process?.pid ?? null,
      restarts,
      failed,
      lastExit,
      ...(outOfMemory === undefined ? {} : { outOfMemory }),
    }));
  }

  /** Ends a process at once and starts it again, also one that was given up. */
  restart(role: ProcessRole, reason: string): void {
    const slot = this.#slots[role];
    if (this.#stopping) return;
    if (slot.process) {
      this.#options.say(`The ${role} process is being restarted: ${reason}`);
      slot.isWanted = true;
      slot.process.kill();
    } else if (slot.failed) {
      slot.deathsMs = [];
      slot.failed = false;
      slot.restarts++;
      this.#start(slot);
    }
  }

  /** Each process looks by itself where the data are when it starts. */
  #moved(): void {
    this.#options.onMoved?.();
    for (const slot of Object.values(this.#slots)) {
      if (slot.process === null) continue;
      slot.isWanted = slot.isMoving = true;
      void end(slot.process, slot.role === 'assistant' ? ASSISTANT_GRACE_MS : OTHER_GRACE_MS);
    }
  }

  /** Ends everything: the assistant first, so that it can still speak to the others while it closes. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const { assistant } = this.#slots;
    for (const slot of Object.values(this.#slots)) if (slot.timer) clearTimeout(slot.timer);
    if (this.#memoryTimer !== null) clearInterval(this.#memoryTimer);
    this.#closeWaitingClients();
    await end(assistant.process, ASSISTANT_GRACE_MS);
    await Promise.all(OTHERS.map((role) => end(this.#slots[role].process, OTHER_GRACE_MS)));
  }

  #start(slot: Slot): void {
    slot.timer = null;
    slot.memory = null;
    slot.isWanted = false;
    slot.isMoving = false;
    const process = this.#options.platform.spawn({ role: slot.role, ...this.#options.launches[slot.role] });
    slot.process = process;
    void process.exited.then((exit) => this.#onExit(slot, exit));
    if (slot.role === 'assistant') {
      this.#serveShell(process);
      for (const role of OTHERS) this.#join(role);
      for (const [peer, port] of this.#waitingClients.splice(0)) this.#handOver(process, peer, port);
    } else {
      this.#join(slot.role);
    }
  }

  /** What a process holds cannot be asked once it has ended. */
  #lookAtMemory(): void {
    for (const slot of Object.values(this.#slots)) {
      if (slot.process !== null) slot.memory = this.#readMemory(slot.process.pid);
    }
  }

  #readMemory(pid: number | null): Memory | null {
    return (this.#options.readMemory ?? readMemory)(pid);
  }

  #join(role: (typeof OTHERS)[number]): void {
    const assistant = this.#slots.assistant.process;
    const other = this.#slots[role].process;
    if (!assistant || !other) return; // whoever is started later does it
    const [a, b] = this.#options.platform.channel();
    this.#handOver(other, 'client', b);
    this.#handOver(assistant, role, a);
  }

  #serveShell(assistant: ShellProcess): void {
    const [ours, theirs] = this.#options.platform.channel();
    this.#server.serve(ours);
    this.#handOver(assistant, 'shell', theirs);
  }

  #handOver(process: ShellProcess, peer: Peer, port: Port): void {
    process.postMessage(peer, [port]);
  }

  #onExit(slot: Slot, exit: ProcessExit): void {
    slot.process = null;
    slot.lastExit = describeExit(exit);
    slot.outOfMemory = slot.isWanted ? undefined : whetherOutOfMemory(exit, slot.memory, this.#readMemory(null));
    if (this.#stopping) return;
    const fatal = slot.role === 'assistant' && exit.code === CANNOT_START ? readFatal(exit) : null;
    if (fatal) return this.#giveUp(slot, fatal);

    if (slot.isMoving) {
      slot.lastExit = null; // it was wished for: nobody has to hear of it
      return this.#start(slot);
    }
    const now = Date.now();
    slot.deathsMs.push(now);
    const delayMs = (this.#options.restartDelayMs ?? restartDelayMs)(slot.deathsMs, now);
    if (delayMs === null) {
      const message = `The ${slot.role} process keeps stopping (${slot.lastExit}) and is not started again.`;
      this.#options.say(message);
      this.#giveUp(slot, new LonghandError('assistant-stopped', message, { lastExit: slot.lastExit }));
      return;
    }
    const when = delayMs === 0 ? 'now' : `in ${delayMs / 1000} s`;
    this.#options.say(`The ${slot.role} process stopped (${slot.lastExit}). It is started again ${when}.`);
    slot.restarts++;
    if (delayMs === 0) this.#start(slot);
    else slot.timer = setTimeout(() => this.#start(slot), delayMs);
  }

  #giveUp(slot: Slot, error: LonghandError): void {
    slot.failed = true;
    if (slot.role !== 'assistant') return;
    this.#failure = error;
    this.#closeWaitingClients();
    this.#whenFailed.resolve(error);
  }

  #closeWaitingClients(): void {
    for (const [, port] of this.#waitingClients.splice(0)) port.close?.();
  }

  #router() {
    const os = implement(shellContract);
    return os.router({
      processes: os.processes.handler(() => this.processes()),
      isChosen: os.isChosen.handler(({ input }) => this.#options.isChosen?.(input.path) ?? false),
      moved: os.moved.handler(() => void setImmediate(() => this.#moved())),
      restart: os.restart.handler(({ input }) => this.restart(input.role, input.reason)),
    });
  }
}

function newSlot(role: ProcessRole): Slot {
  const ending = { lastExit: null, outOfMemory: undefined, memory: null, isWanted: false, isMoving: false };
  return { role, process: null, deathsMs: [], restarts: 0, ...ending, failed: false, timer: null };
}

async function end(process: ShellProcess | null, graceMs: number): Promise<void> {
  if (!process) return;
  process.end();
  const timer = setTimeout(() => process.kill(), graceMs);
  await process.exited;
  clearTimeout(timer);
}

function describeExit({ code, signal, lastLines }: ProcessExit): string {
  const how = signal ?? (code === null ? 'not started' : `exit code ${code}`);
  const lastLine = lastLines.findLast((line) => line.trim() !== '');
  return lastLine === undefined ? how : `${how}: ${lastLine.trim()}`;
}

/** Why the assistant could not start, from the last `{"fatal":{code,message,details}}` among its lines. */
function readFatal({ lastLines }: ProcessExit): LonghandError {
  const line = lastLines.findLast(isFatalLine);
  if (line !== undefined) {
    const { code, message, details } = (JSON.parse(line) as { fatal: Fatal }).fatal;
    if (isErrorCode(code)) return new LonghandError(code, String(message), details ?? {});
  }
  return new LonghandError('assistant-stopped', `The assistant process cannot start. ${lastLines.at(-1) ?? ''}`.trim());
}

type Fatal = { code?: unknown; message?: unknown; details?: Record<string, unknown> };

/** True for the line with which the assistant tells the shell, and nobody else, why it cannot start. */
export function isFatalLine(line: string): boolean {
  if (!line.startsWith('{"fatal":')) return false;
  try {
    const { fatal } = JSON.parse(line) as { fatal?: unknown };
    return typeof fatal === 'object' && fatal !== null;
  } catch {
    return false;
  }
}
