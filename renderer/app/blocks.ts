/** A paragraph keeps its line breaks; code lies between fences, `closed` once the second one has arrived. */
export type Block = { type: 'text'; text: string } | { type: 'code'; text: string; language: string; closed: boolean };

/**
 * Splits a message into paragraphs (at blank lines) and fenced code. Everything else stays the text that it is.
 * Appending to `text` changes only the last block and what follows it, so blocks can be keyed by their index.
 */
export function splitBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  let code: { fence: string; language: string; lines: string[] } | null = null;

  const endParagraph = () => {
    if (paragraph.length > 0) blocks.push({ type: 'text', text: paragraph.join('\n') });
    paragraph = [];
  };
  for (const line of text.split(/\r?\n/)) {
    if (code !== null) {
      if (isClosing(line, code.fence)) {
        blocks.push({ type: 'code', text: code.lines.join('\n'), language: code.language, closed: true });
        code = null;
      } else code.lines.push(line);
      continue;
    }
    const [, fence, info] = /^ {0,3}(`{3,}|~{3,})([^`]*)$/.exec(line) ?? [];
    if (fence !== undefined) {
      endParagraph();
      code = { fence, language: info?.trim().split(/\s/)[0] ?? '', lines: [] };
    } else if (line.trim() === '') endParagraph();
    else paragraph.push(line);
  }
  endParagraph();
  if (code !== null) blocks.push({ type: 'code', text: code.lines.join('\n'), language: code.language, closed: false });
  return blocks;
}

function isClosing(line: string, fence: string): boolean {
  const bare = line.trim();
  return bare.length >= fence.length && bare === fence.charAt(0).repeat(bare.length) && /^ {0,3}\S/.test(line);
}
