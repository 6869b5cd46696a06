/**
 * GPT-2's printable alphabet for bytes, in which byte-level vocabularies are written: printable Latin-1 bytes stand for
 * themselves, the other 68 take the characters from U+0100 on, in order.
 * Source: `bytes_to_unicode` in openai/gpt-2 `encoder.py`.
 */
export const byteToCharacter: readonly string[] = buildAlphabet();

const characterToByte: ReadonlyMap<string, number> = new Map(
  byteToCharacter.map((character, byte) => [character, byte]),
);

/** The bytes that a token's spelling stands for, or null where it is not written in the byte alphabet. */
export function spelledBytes(spelling: string): Uint8Array | null {
  const bytes = new Uint8Array(spelling.length); // every character of the alphabet is one UTF-16 unit
  for (let i = 0; i < spelling.length; i++) {
    const byte = characterToByte.get(spelling[i]!);
    if (byte === undefined) return null;
    bytes[i] = byte;
  }
  return bytes;
}

function buildAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const standsForItself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(standsForItself ? byte : next++);
  });
}
