import { createInterface } from 'node:readline';

const LAST_LINES = 60; // V8 says why it ends and then prints its stack

export type Output = {
  /** What was printed last, because a crash of native code explains itself nowhere else. */
  readonly lastLines: string[];
  /** Settles when all streams have ended. */
  readonly ended: Promise<unknown>;
};

/** Passes every line that a process prints to `onLine`. */
export function followOutput(streams: (NodeJS.ReadableStream | null)[], onLine: (line: string) => void): Output {
  const lastLines: string[] = [];
  const ended = streams.map((stream) => {
    if (stream === null) return Promise.resolve();
    const lines = createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
      onLine(line);
    });
    return new Promise<void>((resolve) => lines.on('close', resolve));
  });
  return { lastLines, ended: Promise.all(ended) };
}
