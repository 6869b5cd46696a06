import { randomFillSync } from 'node:crypto';

const random = new Uint8Array(8);
let lastMs = 0;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then, within one millisecond, a 12-bit
 * counter, then 62 random bits. Ids of one process sort in the order they were made, even when the clock is set back.
 */
export function newId(nowMs = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastMs += 1; // more than 4,096 in a millisecond: borrow from the next one
    counter = 0;
  }
  randomFillSync(random);
  const time = lastMs.toString(16).padStart(12, '0');
  const variant = ((random[0]! & 0x3f) | 0x80).toString(16);
  const rest = Buffer.from(random.subarray(1)).toString('hex');
  const count = counter.toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${variant}${rest.slice(0, 2)}-${rest.slice(2)}`;
}
