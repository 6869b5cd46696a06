export type PictureKind = 'png' | 'jpeg' | 'gif' | 'webp' | 'bmp';
export type PictureHeader = { kind: PictureKind; width: number; height: number };

/** Kind and size of a picture by its first bytes; null where they are none, a size of 0 where they end too early. */
export function pictureHeader(bytes: Uint8Array): PictureHeader | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = kindOf(head);
  if (kind === null) return null;
  try {
    return { kind, ...SIZES[kind](head) };
  } catch (error) {
    if (error instanceof RangeError) return { kind, width: 0, height: 0 };
    throw error;
  }
}

function kindOf(head: Buffer): PictureKind | null {
  const start = head.toString('latin1', 0, 12);
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (start.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (/^GIF8[79]a/.test(start)) return 'gif';
  if (/^RIFF[\s\S]{4}WEBP/.test(start)) return 'webp';
  return /^BM[\s\S]{4}\0{4}/.test(start) ? 'bmp' : null;
}

type Size = { width: number; height: number };
const SIZES: Record<PictureKind, (head: Buffer) => Size> = {
  png: (head) => ({ width: head.readUInt32BE(16), height: head.readUInt32BE(20) }),
  gif: (head) => ({ width: head.readUInt16LE(6), height: head.readUInt16LE(8) }),
  bmp: (head) => ({ width: Math.abs(head.readInt32LE(18)), height: Math.abs(head.readInt32LE(22)) }),
  webp: webpSize,
  jpeg: jpegSize,
};

function webpSize(head: Buffer): Size {
  const form = head.toString('latin1', 12, 16);
  if (form === 'VP8X') return { width: 1 + head.readUIntLE(24, 3), height: 1 + head.readUIntLE(27, 3) };
  if (form === 'VP8L') {
    const bits = head.readUInt32LE(21);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
}

/** The frame header stands behind other segments, such as a small preview. */
function jpegSize(head: Buffer): Size {
  for (let at = 2; ;) {
    if (head.readUInt8(at) !== 0xff) return { width: 0, height: 0 };
    const marker = head.readUInt8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: head.readUInt16BE(at + 5), width: head.readUInt16BE(at + 7) };
    at += marker === 0xff ? 1 : 2 + head.readUInt16BE(at + 2);
  }
}
