const LEAST_RUNS = 9;
const LEAST_MS = 250;

/**
 * Milliseconds that `run` usually takes: the median of as many runs as fill a quarter of a second. A plan tells what
 * somebody will see; the best run is one that a shared or warm machine grants now and then, a fifth faster than that.
 */
export async function usualMs(run: () => Promise<void>): Promise<number> {
  await run(); // touches the memory
  const times: number[] = [];
  for (let sum = 0; times.length < LEAST_RUNS || sum < LEAST_MS; sum += times.at(-1)!) {
    const from = performance.now();
    await run();
    times.push(performance.now() - from);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}
