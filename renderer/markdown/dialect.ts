import { Lexer, Marked, type TokenizerExtension, type Tokens } from 'marked';

export type MathToken = { type: 'math'; raw: string; tex: string; display: boolean };
export type BlockMathToken = { type: 'blockMath'; raw: string; tex: string; closed: boolean };

const LONGEST_FORMULA = 5000;

/** `$$…$$` and `\[…\]` that begin a block. A blank line ends the hope for an end, so a stray mark cannot swallow a text. */
const blockMath: TokenizerExtension = {
  name: 'blockMath',
  level: 'block',
  tokenizer(src): BlockMathToken | undefined {
    const [opening] = /^(?:\$\$|\\\[)/.exec(src) ?? [];
    if (opening === undefined) return undefined;
    const reach = src.slice(0, LONGEST_FORMULA);
    const end = reach.indexOf(opening === '$$' ? '$$' : '\\]', 2);
    const blank = /\n[ \t]*\n/.exec(reach)?.index ?? -1;
    if (end === -1 || (blank !== -1 && blank < end)) {
      const isTableHead = /^[^\n]*\n[ \t]*[|:-][|: \t-]*(?:\n|$)/.test(reach);
      if (blank !== -1 || isTableHead || src.length > LONGEST_FORMULA) return undefined;
      return { type: 'blockMath', raw: src, tex: src.slice(2), closed: false };
    }
    const tex = src.slice(2, end);
    const [rest] = /^[ \t]*(?:\n|$)/.exec(src.slice(end + 2, end + 80)) ?? [];
    if (rest === undefined || tex.trim() === '') return undefined; // words follow on the same line: it is inline
    return { type: 'blockMath', raw: src.slice(0, end + 2 + rest.length), tex, closed: true };
  },
};

const inlineMath: TokenizerExtension = {
  name: 'math',
  level: 'inline',
  start: (src) => /\$|\\[([]/.exec(src)?.index,
  tokenizer(src): MathToken | undefined {
    const [raw, dollars, brackets, parens] =
      /^\$\$([^$]{1,5000})\$\$|^\\\[([^]{1,5000}?)\\\]|^\\\(([^\n]{1,5000}?)\\\)/.exec(src) ?? [];
    if (raw !== undefined) {
      return { type: 'math', raw, tex: dollars ?? brackets ?? parens ?? '', display: parens === undefined };
    }
    const [single, tex = ''] = /^\$((?:[^\s$\\]|\\[^\n])(?:[^$\n\\]|\\[^\n]){0,2000}?)\$(?![\d$])/.exec(src) ?? [];
    if (single === undefined || /\s$/.test(tex) || isPrice(tex)) return undefined;
    return { type: 'math', raw: single, tex, display: false };
  },
};

/** "5 for A" between two dollar signs is about money: it begins with a number, and words without a formula's signs follow. */
function isPrice(tex: string): boolean {
  return /^-?\d/.test(tex) && /[\s,;]/.test(tex) && !/[\\^_{}=+*<>]/.test(tex);
}

/**
 * `**重点：**内容`. CommonMark asks for a space or a Latin letter's manners where Chinese and Japanese have none, and
 * would show the asterisks.
 */
const strongWithoutSpaces: TokenizerExtension = {
  name: 'strong',
  level: 'inline',
  start: (src) => /\*\*[^\s*]/.exec(src)?.index,
  tokenizer(src): Tokens.Strong | undefined {
    const [raw, text] = /^\*\*([^\s*](?:[^*\n]*[^\s*])?)\*\*(?!\*)/.exec(src) ?? [];
    if (
      raw === undefined ||
      text === undefined ||
      !/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)
    )
      return undefined;
    return { type: 'strong', raw, text, tokens: this.lexer.inlineTokens(text) };
  },
};

/**
 * GitHub's Markdown with formulas, less what could change text that stands already: HTML is text, and a link's address
 * stands beside the link. A line break is a line break, since whoever writes verse or an address means it.
 */
const dialect = new Marked({ gfm: true, breaks: true }).use({
  extensions: [blockMath, inlineMath, strongWithoutSpaces],
  tokenizer: {
    html: () => undefined,
    tag: () => undefined,
    def: () => undefined,
    // One tilde is a range ("20~25"), two strike through.
    del(src) {
      return /^~(?!~)/.test(src) ? undefined : false;
    },
  },
});

export const newLexer = (): Lexer => new Lexer(dialect.defaults);
