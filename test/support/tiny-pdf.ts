/** A page of lines in Courier of 12 points, 16 points apart: every character is 7.2 points wide. */
const SIZE = { width: 420, height: 595 };
const LEFT = 48;
const TOP = 64;
const LINE_POINTS = 16;
const FONT_POINTS = 12;
const CHARACTER_POINTS = 0.6 * FONT_POINTS;

/** A PDF of several pages in ASCII, each a list of lines. */
export function tinyPdf(pages: readonly (readonly string[])[]): Uint8Array<ArrayBuffer> {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, index) => `${4 + 2 * index} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>',
    ...pages.flatMap((lines, index) => {
      const text = lines.map((line) => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`).join('\n');
      const from = `${LEFT} ${SIZE.height - TOP}`;
      const content = `BT /F1 ${FONT_POINTS} Tf ${LINE_POINTS} TL ${from} Td\n${text}\nET`;
      const box = `/MediaBox [0 0 ${SIZE.width} ${SIZE.height}]`;
      return [
        `<< /Type /Page /Parent 2 0 R ${box} /Contents ${5 + 2 * index} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
        `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      ];
    }),
  ];
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const end = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return new TextEncoder().encode(`${file}xref\n0 ${size}\n0000000000 65535 f \n${table}${end}`);
}

/** What reading such a page yields: its words with their boxes. */
export function tinyPage(lines: readonly string[]) {
  const boxes: number[] = [];
  let at = 0;
  for (const [row, line] of lines.entries()) {
    for (const { 0: word, index } of line.matchAll(/\S+/g)) {
      const top = TOP + row * LINE_POINTS - 0.75 * FONT_POINTS;
      const left = LEFT + index * CHARACTER_POINTS;
      boxes.push(at + index, at + index + word.length, left, top, word.length * CHARACTER_POINTS, FONT_POINTS);
    }
    at += line.length + 1;
  }
  return { text: lines.join('\n'), boxes, size: SIZE };
}
