import type { Port } from './client.ts';

/** Who is at the other end of a port that the shell hands to one of its processes. */
export type Peer = 'client' | 'engine' | 'reader' | 'shell';

type ParentPort = {
  on(event: 'message', listener: (event: { data: unknown; ports: Port[] }) => void): void;
};

/**
 * Calls `listener` for every port that the shell hands over, in Electron's utility processes and, through the
 * shim that the Node shells preload, in plain child processes alike. A peer that died and was restarted arrives again.
 */
export function onPort(listener: (peer: Peer, port: Port) => void): void {
  const parent = (process as unknown as { parentPort?: ParentPort }).parentPort;
  if (parent === undefined) throw new Error('this file runs as a process of the Longhand shell only');
  parent.on('message', ({ data, ports }) => {
    for (const port of ports) listener(data as Peer, port);
  });
}
