/** How a test that forked the stand-in hears what the app asked of the system, and says what the system answers. */

export type Told = { call: string; args: unknown[] };
export type Order =
  | { answer: string; value: unknown }
  /** A message to the main process that comes from a frame with this address. */
  | { ipc: string; args: unknown[]; from: string; isMainFrame: boolean }
  | { permission: string; from: string };

const answers = new Map<string, unknown[]>();
const listeners = new Set<(order: Order) => void>();

export function told(call: string, ...args: unknown[]): void {
  process.send?.({ call, args: JSON.parse(JSON.stringify(args)) as unknown[] } satisfies Told);
}

/** What the test has laid ready for this call, or `otherwise`. */
export async function answered<T>(call: string, args: unknown[], otherwise: T): Promise<T> {
  told(call, ...args);
  const [next = otherwise] = answers.get(call)?.splice(0, 1) ?? [];
  return next as T;
}

export const onOrder = (listener: (order: Order) => void): void => void listeners.add(listener);

process.on('message', (order: Order) => {
  if ('answer' in order) answers.set(order.answer, [...(answers.get(order.answer) ?? []), order.value]);
  else for (const listener of listeners) listener(order);
});
