/**
 * A page binding carries text only: bytes travel as base64, and nothing else of a structured clone survives. Both
 * functions go into the page as their source, so neither may use anything from outside itself.
 */
export function encode(frame: unknown): string {
  return JSON.stringify(frame, function (this: Record<string, unknown>, key) {
    const value = this[key]; // not the argument: a Buffer has been to its own toJSON by then
    const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    if (!(bytes instanceof Uint8Array)) return value;
    return { $bytes: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
  });
}

export function decode(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    const bytes = typeof value === 'object' && value !== null && '$bytes' in value ? value.$bytes : null;
    return typeof bytes === 'string' ? Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0)) : value;
  });
}
