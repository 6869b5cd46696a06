import { MessageChannelMain, utilityProcess, type MessagePortMain } from 'electron';
import type { Port } from '../../contract/client.ts';
import { END, portOf } from '../../contract/handover.ts';
import { followOutput } from '../output.ts';
import type { Launch, Platform, ProcessExit, ShellProcess } from '../process.ts';

const OUTPUT_GRACE_MS = 200;

const raw = new WeakMap<Port, MessagePortMain>();

/**
 * Longhand's processes as Electron's utility processes, which need a ready app. Every line that one prints goes to
 * `onLine`.
 */
export function electronPlatform(onLine: (launch: Launch, line: string) => void): Platform {
  return {
    channel() {
      const { port1, port2 } = new MessageChannelMain();
      return [wrap(port1), wrap(port2)];
    },
    spawn: (launch) => spawnUtility(launch, (line) => onLine(launch, line)),
  };
}

/** Electron's own port behind one of `channel`, for a frame or a process to take. */
export function unwrap(port: Port): MessagePortMain {
  const found = raw.get(port);
  if (found === undefined) throw new Error('this port is none of the Electron shell');
  return found;
}

function wrap(port: MessagePortMain): Port {
  const wrapped = portOf(port);
  raw.set(wrapped, port);
  return wrapped;
}

function spawnUtility(launch: Launch, onLine: (line: string) => void): ShellProcess {
  const child = utilityProcess.fork(launch.file, launch.args, {
    env: { ...process.env, ...launch.env },
    serviceName: `Longhand ${launch.role}`,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = followOutput([child.stdout, child.stderr], onLine);
  // A message to a process that is gone has crashed Electron's main process (electron/electron issue 53923).
  let isGone = false;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.on('exit', (code) => {
      isGone = true;
      // What was printed last may still be on its way.
      const grace = setTimeout(end, OUTPUT_GRACE_MS);
      void output.ended.then(end);
      function end() {
        clearTimeout(grace);
        resolve({ code, signal: null, lastLines: output.lastLines });
      }
    });
  });
  return {
    get pid() {
      return child.pid ?? null; // it has none until it is up
    },
    exited,
    postMessage(data, ports) {
      if (!isGone) child.postMessage(data, ports.map(unwrap));
    },
    end() {
      if (!isGone) child.postMessage(END);
    },
    kill() {
      if (isGone) return;
      // Electron's own way is a SIGTERM, which a process that hangs does not hear.
      if (child.pid === undefined) child.kill();
      else process.kill(child.pid, 'SIGKILL');
    },
  };
}
