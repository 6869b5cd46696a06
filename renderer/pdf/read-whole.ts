/** Bytes of a file from `from` on and before `to`; fewer than those where it is too much for one answer. */
export type ReadBytes = (from: number, to: number) => Promise<Uint8Array>;

/**
 * All of [from, to), where `read` may answer less of it at once: pdf.js asks for neighbouring pieces as one range, and
 * never again for what is missing of that. @throws Error where `read` has nothing for what is left
 */
export async function readWhole(read: ReadBytes, from: number, to: number): Promise<Uint8Array> {
  const whole = new Uint8Array(to - from);
  for (let at = from; at < to;) {
    const bytes = await read(at, to);
    if (bytes.length === 0) throw new Error(`nothing at byte ${at}`);
    whole.set(bytes, at - from);
    at += bytes.length;
  }
  return whole;
}
