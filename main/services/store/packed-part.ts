import { textBlock, type TextBlock } from '../../contract/extraction.ts';

/** Places are kept in twentieths of a point, which is a third of a pixel at four times the usual size. */
const STEPS_PER_POINT = 20;
const FIELDS = 6;

/**
 * Packs the boxes of a part's words (see `Part.boxes`): differences between one word and the next as variable-length
 * integers, since words follow one another along a line. A page of 500 words takes about 4 KB, and 12 as float32.
 */
export function packBoxes(boxes: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  const before = new Array<number>(FIELDS).fill(0);
  for (let at = 0; at + FIELDS <= boxes.length; at += FIELDS) {
    for (let field = 0; field < FIELDS; field++) {
      const value = toSteps(boxes[at + field]!, field);
      // A word starts where the one before it ended, but for a space, and ends a few letters on.
      const expected = field === 0 ? before[1]! : field === 1 ? before[0]! : before[field]!;
      pushZigzag(bytes, value - expected);
      before[field] = value;
    }
  }
  return Uint8Array.from(bytes);
}

/** The boxes as they were given, places rounded to a twentieth of a point. */
export function unpackBoxes(bytes: Uint8Array): number[] {
  const boxes: number[] = [];
  const before = new Array<number>(FIELDS).fill(0);
  let field = 0;
  for (let at = 0; at < bytes.length;) {
    let zigzag = 0;
    let scale = 1;
    for (let byte = 0x80; byte >= 0x80; scale *= 128) {
      byte = bytes[at++]!;
      zigzag += (byte & 0x7f) * scale;
    }
    const difference = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    const expected = field === 0 ? before[1]! : field === 1 ? before[0]! : before[field]!;
    before[field] = expected + difference;
    boxes.push(field < 2 ? before[field]! : before[field]! / STEPS_PER_POINT);
    field = (field + 1) % FIELDS;
  }
  return boxes;
}

const KINDS = textBlock.shape.kind.options;

/** Blocks as JSON without their names: a file of 100,000 rows has as many. New kinds are only ever added at the end. */
export function packBlocks(blocks: readonly TextBlock[]): string {
  return JSON.stringify(
    blocks.map(({ kind, start, end, level, cell }) => [
      KINDS.indexOf(kind),
      start,
      end - start,
      ...(cell === undefined && level === 0 ? [] : [level]),
      ...(cell === undefined ? [] : [cell]),
    ]),
  );
}

export function unpackBlocks(json: string): TextBlock[] {
  const packed = JSON.parse(json) as [number, number, number, number?, string?][];
  return packed.map(([kind, start, length, level = 0, cell]) => ({
    kind: KINDS[kind]!,
    start,
    end: start + length,
    level,
    ...(cell === undefined ? {} : { cell }),
  }));
}

/** The first two fields are places in the text, which are whole already. */
function toSteps(value: number, field: number): number {
  return field < 2 ? value : Math.round(value * STEPS_PER_POINT);
}

function pushZigzag(bytes: number[], difference: number): void {
  let zigzag = difference >= 0 ? difference * 2 : -difference * 2 - 1;
  while (zigzag >= 128) {
    bytes.push((zigzag % 128) | 0x80);
    zigzag = Math.floor(zigzag / 128);
  }
  bytes.push(zigzag);
}
