import type { PDFPageProxy } from 'pdfjs-dist';
import type { PdfLibrary } from './open.ts';

/**
 * Which way a text runs on the page as it is shown: 0 to the right, 1 down (also vertical writing, whose lines go from right
 * to left), 2 to the left, 3 up.
 */
export type Direction = 0 | 1 | 2 | 3;

/**
 * A letter where its text runs: `u` along the line, `v` across it, growing towards the next line; in points. For text that
 * runs to the right, that is x and y from the page's upper left corner.
 */
export type Glyph = {
  text: string;
  direction: Direction;
  /** Start and end along the line. */
  u0: number;
  u1: number;
  /** The base line. */
  v: number;
  top: number;
  bottom: number;
  size: number;
  isBold: boolean;
  /** All letters of its font are equally wide. */
  isMono: boolean;
  /** A space stands before it. */
  afterSpace: boolean;
};

type Matrix = [number, number, number, number, number, number];
/** A glyph as pdf.js shows it; numbers between them move what follows. */
type ShownGlyph = { unicode: string; width: number; isSpace: boolean; vmetric?: [number, number, number] | null };
type Font = {
  vertical: boolean;
  isBold: boolean;
  isMono: boolean;
  /** Of the size: what glyph widths are multiplied by, and how far letters reach above and below the base line. */
  unit: number;
  em: number;
  ascent: number;
  descent: number;
};
type FontObject = {
  ascent?: number;
  descent?: number;
  name?: string;
  isMonospace?: boolean;
  bold?: boolean;
  black?: boolean;
  vertical?: boolean;
  isType3Font?: boolean;
  bbox?: number[];
  fontMatrix?: number[];
};
type TextState = {
  ctm: Matrix;
  font: Font;
  size: number;
  charSpacing: number;
  wordSpacing: number;
  scale: number;
  leading: number;
  rise: number;
};

/** Units of a page: smaller ones hold no text. */
const LEAST_PICTURE = 8;
const IDENTITY: Matrix = [1, 0, 0, 1, 0, 0];
const PLAIN: Font = { vertical: false, isBold: false, isMono: false, unit: 0.001, em: 1, ascent: 0.75, descent: -0.25 };

/**
 * Letters of a page with their places, in the order in which the page draws them. Also tells whether it draws anything.
 * Text state: ISO 32000-1, 9.3 and 9.4.
 */
export async function glyphsOf(
  page: PDFPageProxy,
  { OPS }: PdfLibrary,
): Promise<{ glyphs: Glyph[]; isDrawn: boolean }> {
  const { fnArray, argsArray } = await page.getOperatorList({ annotationMode: 0 });
  const viewport = page.getViewport({ scale: 1 });
  const fonts = new Map<string, Font>();
  const glyphs: Glyph[] = [];
  const stack: TextState[] = [];
  let state: TextState = {
    ctm: viewport.transform as Matrix,
    font: PLAIN,
    size: 1,
    charSpacing: 0,
    wordSpacing: 0,
    scale: 1,
    leading: 0,
    rise: 0,
  };
  let line = IDENTITY;
  let matrix = IDENTITY;
  let afterSpace = false;

  const move = (x: number, y: number) => {
    matrix = line = multiply(line, [1, 0, 0, 1, x, y]);
  };
  const advance = (x: number, y: number) => {
    matrix = multiply(matrix, [1, 0, 0, 1, x, y]);
  };
  const show = (shown: (ShownGlyph | number)[]) => {
    const { font, size, charSpacing, wordSpacing, scale, rise, ctm } = state;
    for (const glyph of shown) {
      if (typeof glyph === 'number') {
        const shift = (-glyph / 1000) * size;
        if (font.vertical) advance(0, shift);
        else advance(shift * scale, 0);
        continue;
      }
      const spacing = charSpacing + (glyph.isSpace ? wordSpacing : 0);
      const length = font.vertical ? (glyph.vmetric?.[0] ?? -1000) / 1000 : glyph.width * font.unit;
      const text = readable(glyph.unicode);
      if (text.trim() === '') {
        afterSpace ||= text !== '' || glyph.isSpace;
      } else {
        const placed = place(
          text,
          multiply(ctm, multiply(matrix, [1, 0, 0, 1, 0, rise])),
          length * size * (font.vertical ? 1 : scale),
          state,
        );
        if (placed !== null) glyphs.push({ ...placed, afterSpace });
        afterSpace = false;
      }
      if (font.vertical) advance(0, length * size + spacing);
      else advance((length * size + spacing) * scale, 0);
    }
  };

  for (const [index, operation] of fnArray.entries()) {
    const args = (argsArray[index] ?? []) as unknown[];
    const [first = 0, second = 0] = args as number[];
    switch (operation) {
      case OPS.save:
      case OPS.beginGroup:
        stack.push({ ...state });
        break;
      case OPS.paintFormXObjectBegin:
        stack.push({ ...state });
        if (args[0]) state.ctm = multiply(state.ctm, args[0] as Matrix);
        break;
      case OPS.restore:
      case OPS.endGroup:
      case OPS.paintFormXObjectEnd:
        state = stack.pop() ?? state;
        break;
      case OPS.transform:
        state.ctm = multiply(state.ctm, args as unknown as Matrix);
        break;
      case OPS.beginText:
        matrix = line = IDENTITY;
        break;
      case OPS.setFont:
        state.font = fonts.get(String(first)) ?? remember(fonts, String(first), fontOf(page, String(first)));
        state.size = second;
        break;
      case OPS.setCharSpacing:
        state.charSpacing = first;
        break;
      case OPS.setWordSpacing:
        state.wordSpacing = first;
        break;
      case OPS.setHScale:
        state.scale = first / 100;
        break;
      case OPS.setLeading:
        state.leading = -first;
        break;
      case OPS.setTextRise:
        state.rise = first;
        break;
      case OPS.setTextMatrix:
        matrix = line = [
          ...(typeof args[0] === 'number' ? (args as number[]) : (args[0] as Iterable<number>)),
        ] as Matrix;
        break;
      case OPS.moveText:
        move(first, second);
        break;
      case OPS.setLeadingMoveText:
        state.leading = second;
        move(first, second);
        break;
      case OPS.nextLine:
        move(0, state.leading);
        break;
      case OPS.showText:
        show(args[0] as (ShownGlyph | number)[]);
        break;
    }
  }
  return { glyphs, isDrawn: isDrawn({ fnArray, argsArray }, OPS) };
}

type Operations = Pick<Awaited<ReturnType<PDFPageProxy['getOperatorList']>>, 'fnArray' | 'argsArray'>;

/**
 * Whether operations show anything. Pictures leave none of their own when they are not decoded, but the room that was made for
 * them: a transformation from their unit square to their size. Colours and fonts are set on empty pages too.
 */
function isDrawn({ fnArray, argsArray }: Operations, OPS: PdfLibrary['OPS']): boolean {
  const states = new Set([
    ...[OPS.save, OPS.restore, OPS.transform, OPS.setStrokeRGBColor, OPS.setFillRGBColor, OPS.dependency],
    ...[OPS.beginText, OPS.endText, OPS.setFont, OPS.setLeading, OPS.moveText, OPS.nextLine, OPS.setTextMatrix],
  ]);
  const isRoom = ([a, b, c, d]: Matrix) => Math.hypot(a, b) >= LEAST_PICTURE && Math.hypot(c, d) >= LEAST_PICTURE;
  return fnArray.some((one, at) => !states.has(one) || (one === OPS.transform && isRoom(argsArray[at] as Matrix)));
}

function place(text: string, at: Matrix, length: number, { font, size }: TextState): Omit<Glyph, 'afterSpace'> | null {
  const [a, b, c, d, x, y] = at;
  // What the line runs along: the first axis, or in vertical writing the second one.
  const [alongX, alongY] = font.vertical ? [c * length, d * length] : [a * length, b * length];
  const height = Math.abs(size) * font.em * (font.vertical ? Math.hypot(a, b) : Math.hypot(c, d));
  if (!(height > 0.1 && height < 10_000) || !Number.isFinite(x + y + alongX + alongY)) return null;
  const direction = directionOf(alongX, alongY);
  const [u, v] = toLine(direction, x, y);
  const [ascent, descent] = font.vertical ? [0.5, -0.5] : [font.ascent, font.descent];
  const common = { text, direction, v, size: height, isBold: font.isBold, isMono: font.isMono };
  return {
    ...common,
    u0: u,
    u1: u + Math.hypot(alongX, alongY),
    top: v - ascent * height,
    bottom: v - descent * height,
  };
}

function directionOf(x: number, y: number): Direction {
  if (Math.abs(x) >= Math.abs(y)) return x >= 0 ? 0 : 2;
  return y > 0 ? 1 : 3;
}

/** A point of the page as (u, v) of text that runs in `direction`. */
export function toLine(direction: Direction, x: number, y: number): [u: number, v: number] {
  if (direction === 0) return [x, y];
  if (direction === 1) return [y, -x];
  return direction === 2 ? [-x, -y] : [-y, x];
}

/** Left, top, width and height on the page of what spans [u0, u1] along and [top, bottom] across a line. */
export function toPage(
  direction: Direction,
  u0: number,
  u1: number,
  top: number,
  bottom: number,
): [number, number, number, number] {
  const width = u1 - u0;
  const height = bottom - top;
  if (direction === 0) return [u0, top, width, height];
  if (direction === 1) return [-bottom, u0, height, width];
  return direction === 2 ? [-u1, -bottom, width, height] : [top, -u1, height, width];
}

function fontOf(page: PDFPageProxy, name: string): Font {
  const font = (page.commonObjs.has(name) ? page.commonObjs.get(name) : {}) as FontObject;
  const [unit = 0.001, , , down = 0.001] = font.fontMatrix ?? [];
  const isBold = font.bold === true || font.black === true || /bold|black|heavy/i.test(font.name ?? '');
  // Glyphs of a Type 3 font are drawings in units of their own: their box tells how large they are.
  const boxHeight = font.isType3Font ? Math.abs(((font.bbox?.[3] ?? 0) - (font.bbox?.[1] ?? 0)) * down) : 1;
  return {
    vertical: font.vertical === true,
    isBold,
    isMono: font.isMonospace === true || /mono|courier|typewriter|consol|cmtt|nimbusmon/i.test(font.name ?? ''),
    unit,
    em: boxHeight > 0 ? boxHeight : 1,
    ascent: inRange(font.ascent, 0.5, 1.05) ?? PLAIN.ascent,
    descent: inRange(font.descent, -0.4, -0.05) ?? PLAIN.descent,
  };
}

function inRange(value: number | undefined, least: number, most: number): number | null {
  if (value === undefined || !Number.isFinite(value) || value === 0) return null;
  return Math.min(most, Math.max(least, value));
}

function remember<T>(map: Map<string, T>, key: string, value: T): T {
  map.set(key, value);
  return value;
}

/** The matrix that does `b` first, then `a`. */
function multiply(a: Matrix, b: Matrix): Matrix {
  return [
    a[0] * b[0] + a[2] * b[1],
    a[1] * b[0] + a[3] * b[1],
    a[0] * b[2] + a[2] * b[3],
    a[1] * b[2] + a[3] * b[3],
    a[0] * b[4] + a[2] * b[5] + a[4],
    a[1] * b[4] + a[3] * b[5] + a[5],
  ];
}

/** Ligatures, and the forms that letters take in a font, as letters; bullets of symbol fonts as bullets; no controls. */
function readable(unicode: string): string {
  return unicode
    .replace(/[\ufb00-\ufdff\ufe70-\ufefc\uf900-\ufaff\u2e80-\u2fdf]/g, (letter) => letter.normalize('NFKC'))
    .replace(/[\uf0a7\uf0b7\uf0d8\uf076\uf06e]/g, '•')
    .replace(/[\0-\x08\x0e-\x1f\x7f-\x9f\u200b\u00ad\ufeff]/g, (letter) => (letter === '\u00ad' ? '-' : ''));
}
