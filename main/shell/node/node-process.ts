import { fork } from 'node:child_process';
import { followOutput } from '../output.ts';
import type { Launch, ProcessExit, ShellProcess } from '../process.ts';
import { Wire } from './wire.ts';

const OUTPUT_GRACE_MS = 200;
const PARENT_PORT = new URL(`./parent-port.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url).href;

/**
 * Starts one of Longhand's processes as a child of plain Node. Its ports travel over the IPC channel of the fork, and
 * every line that it prints, on stdout or stderr, goes to `onLine`: stdout belongs to the shell.
 */
export function spawnNode(launch: Launch, onLine: (line: string) => void): ShellProcess {
  const child = fork(launch.file, launch.args, {
    env: { ...process.env, ...launch.env },
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', PARENT_PORT],
    serialization: 'advanced', // keeps bytes as bytes
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const wire = new Wire({
    // The callback takes the error of a child that has just gone; 'exit' tells us of it.
    send: (frame) => void (child.connected && child.send(frame, () => {})),
  });
  const output = followOutput([child.stdout, child.stderr], onLine);
  child.on('message', (frame) => wire.receive(frame));

  const exited = new Promise<ProcessExit>((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, lastLines: [error.message] });
    });
    child.on('exit', (code, signal) => {
      // A grandchild may hold the pipes open for as long as it likes. The 'close' event would wait for it, and does
      // not come at all after a disconnect.
      const grace = setTimeout(end, OUTPUT_GRACE_MS);
      void output.ended.then(end);
      function end() {
        clearTimeout(grace);
        resolve({ code, signal, lastLines: output.lastLines }); // first, so that whoever hears a port close finds the process gone
        wire.closeAll();
      }
    });
  });

  return {
    pid: child.pid ?? null,
    exited,
    postMessage: (data, ports) => wire.transfer(data, ports),
    end() {
      if (child.connected) child.disconnect();
      else child.kill();
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
