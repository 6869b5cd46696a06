import type { Port } from './client.ts';

/**
 * Who is at the other end of a port that the shell hands to one of its processes. A `page` shows what models and files
 * say, so of the user's disk it may name only what the user has chosen; a `client` is the user at a command line.
 */
export type Peer = 'client' | 'page' | 'engine' | 'reader' | 'embedder' | 'shell';

/** What Electron's shell says, without a port, when a process shall close what it has open and end. */
export const END = 'end';

/** The little of Electron's MessagePortMain, an emitter, that a port is made of. */
export type PortEmitter = {
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  postMessage(data: unknown): void;
  start(): void;
  close(): void;
};

type ParentPort = {
  on(event: 'message', listener: (event: { data: unknown; ports: (Port | PortEmitter)[] }) => void): void;
};

/**
 * Calls `listener` for every port that the shell hands over, in Electron's utility processes and, through the
 * shim that the Node shells preload, in plain child processes alike. A peer that died and was restarted arrives again.
 */
export function onPort(listener: (peer: Peer, port: Port) => void): void {
  const parent = (process as unknown as { parentPort?: ParentPort }).parentPort;
  if (parent === undefined) throw new Error('this file runs as a process of the Longhand shell only');
  parent.on('message', ({ data, ports }) => {
    // As after a SIGTERM, so that whoever has a file to close handles just that.
    if (data === END && !process.emit('SIGTERM', 'SIGTERM')) process.exit();
    for (const port of ports) listener(data as Peer, 'addEventListener' in port ? port : portOf(port));
  });
}

/** One of Electron's ports as the contract knows them. */
export function portOf(emitter: PortEmitter): Port {
  return {
    postMessage: (data) => emitter.postMessage(data),
    addEventListener(type: 'message' | 'close', listener: (event: { data: unknown }) => void) {
      if (type === 'message') emitter.on('message', listener);
      else emitter.on('close', listener as () => void);
    },
    start: () => emitter.start(),
    close: () => emitter.close(),
  };
}
