const WINDOW_MS = 60_000;
const MOST_DEATHS = 5;
const FIRST_DELAY_MS = 1000;

/**
 * How long to wait before a process that died at each of `deathsMs` is started again: not at all after a first death,
 * then 1, 2 and 4 s; null when the fifth within a minute says that it would only die again.
 */
export function restartDelayMs(deathsMs: readonly number[], nowMs: number): number | null {
  const recent = deathsMs.filter((at) => nowMs - at < WINDOW_MS).length;
  if (recent >= MOST_DEATHS) return null;
  return recent <= 1 ? 0 : FIRST_DELAY_MS * 2 ** (recent - 2);
}
