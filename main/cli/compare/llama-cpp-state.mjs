import { open, readFile } from 'node:fs/promises';

// "ggsq", version, token count: llama_state_seq_save_file.
const HEADER_BYTES = 12;
const AT_ONCE_BYTES = 1 << 24;

/**
 * Writes a saved state of one sequence of llama.cpp again as if it held `tokens` tokens: its rows of keys and values are
 * repeated, positions go on. Filling a cache of 131,072 tokens honestly would take an hour; what a step costs depends on
 * how many there are.
 *
 * The layout is that of llama_kv_cache::state_write: streams; cells; position and sequences of each cell; whether values are
 * transposed; layers; then keys and values of each layer, rows of a cell each, or, transposed, rows of a channel each.
 */
export async function lengthenState(from, to, tokens) {
  const state = await readFile(from);
  const out = await open(to, 'w');
  let at = 0;
  const u32 = () => {
    at += 4;
    return state.readUInt32LE(at - 4);
  };
  const numbers = (values) => out.write(Buffer.from(Uint32Array.from(values).buffer));
  const copy = (bytes) => {
    at += bytes;
    return out.write(state.subarray(at - bytes, at));
  };
  /** `count` rows of `bytes` bytes, repeated to `tokens`. */
  const repeat = async (bytes, count) => {
    const rows = state.subarray(at, at + bytes * count);
    at += rows.length;
    const copies = Math.max(1, Math.floor(AT_ONCE_BYTES / rows.length));
    const many = Buffer.concat(Array(copies).fill(rows));
    for (let left = bytes * tokens; left > 0; left -= many.length)
      await out.write(many.subarray(0, Math.min(left, many.length)));
  };
  try {
    await copy(HEADER_BYTES - 4);
    const known = u32();
    at += 4 * known;
    await numbers([tokens]);
    await numbers(Array.from({ length: tokens }, (_, i) => (i * 37) % 200));
    await copy(4); // streams
    const cells = u32();
    if (cells !== known) throw new Error(`a state of ${known} tokens has ${cells} cells`);
    await numbers([tokens]);
    if (state.readUInt32LE(at + 4) !== 1) throw new Error('a cell belongs to one sequence');
    at += 12 * cells;
    await numbers(Array.from({ length: tokens }, (_, i) => [i, 1, 0]).flat());
    const isTransposed = state.readUInt32LE(at) === 1;
    const layers = state.readUInt32LE(at + 4);
    await copy(8);
    for (let layer = 0; layer < layers; layer++) {
      const bytes = Number(state.readBigUInt64LE(at + 4));
      await copy(12);
      await repeat(bytes, cells);
    }
    for (let layer = 0; layer < layers; layer++) {
      if (!isTransposed) {
        const bytes = Number(state.readBigUInt64LE(at + 4));
        await copy(12);
        await repeat(bytes, cells);
        continue;
      }
      const [bytes, channels] = [state.readUInt32LE(at + 4), state.readUInt32LE(at + 8)];
      await copy(12);
      for (let channel = 0; channel < channels; channel++) await repeat(bytes, cells);
    }
    if (at !== state.length) throw new Error(`${state.length - at} bytes of a state are not understood`);
  } finally {
    await out.close();
  }
}
