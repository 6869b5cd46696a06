import type { HLJSApi, LanguageFn } from 'highlight.js';

/** A piece of code with the name of its colour, or none. */
export type Piece = { text: string; kind: string };

type Grammar = () => Promise<{ default: LanguageFn }>;

// Each grammar is a file of its own, fetched when code in that language is first closed.
const grammars: Record<string, Grammar> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  c: () => import('highlight.js/lib/languages/c'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  css: () => import('highlight.js/lib/languages/css'),
  dart: () => import('highlight.js/lib/languages/dart'),
  diff: () => import('highlight.js/lib/languages/diff'),
  dockerfile: () => import('highlight.js/lib/languages/dockerfile'),
  elixir: () => import('highlight.js/lib/languages/elixir'),
  go: () => import('highlight.js/lib/languages/go'),
  graphql: () => import('highlight.js/lib/languages/graphql'),
  haskell: () => import('highlight.js/lib/languages/haskell'),
  ini: () => import('highlight.js/lib/languages/ini'),
  java: () => import('highlight.js/lib/languages/java'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  julia: () => import('highlight.js/lib/languages/julia'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  latex: () => import('highlight.js/lib/languages/latex'),
  lua: () => import('highlight.js/lib/languages/lua'),
  makefile: () => import('highlight.js/lib/languages/makefile'),
  markdown: () => import('highlight.js/lib/languages/markdown'),
  matlab: () => import('highlight.js/lib/languages/matlab'),
  nginx: () => import('highlight.js/lib/languages/nginx'),
  perl: () => import('highlight.js/lib/languages/perl'),
  php: () => import('highlight.js/lib/languages/php'),
  powershell: () => import('highlight.js/lib/languages/powershell'),
  python: () => import('highlight.js/lib/languages/python'),
  r: () => import('highlight.js/lib/languages/r'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  rust: () => import('highlight.js/lib/languages/rust'),
  scala: () => import('highlight.js/lib/languages/scala'),
  scss: () => import('highlight.js/lib/languages/scss'),
  sql: () => import('highlight.js/lib/languages/sql'),
  swift: () => import('highlight.js/lib/languages/swift'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  vbnet: () => import('highlight.js/lib/languages/vbnet'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
};

const aliases: Record<string, string> = {
  'c++': 'cpp',
  'c#': 'csharp',
  cs: 'csharp',
  docker: 'dockerfile',
  ex: 'elixir',
  golang: 'go',
  h: 'c',
  hpp: 'cpp',
  hs: 'haskell',
  html: 'xml',
  jl: 'julia',
  js: 'javascript',
  jsonc: 'json',
  jsx: 'javascript',
  kt: 'kotlin',
  make: 'makefile',
  md: 'markdown',
  mjs: 'javascript',
  patch: 'diff',
  pl: 'perl',
  ps1: 'powershell',
  py: 'python',
  py3: 'python',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  shell: 'bash',
  svg: 'xml',
  svelte: 'xml',
  tex: 'latex',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  vb: 'vbnet',
  vue: 'xml',
  yml: 'yaml',
  zsh: 'bash',
};

// About 400 lines. Beyond, colouring would take longer than a frame or three may.
const MOST_CHARACTERS = 12_000;

let core: Promise<HLJSApi> | null = null;

/** The code in coloured pieces, which together are the code; null where the language is not known or the code long. */
export async function highlight(code: string, language: string): Promise<Piece[] | null> {
  const wanted = language.toLowerCase();
  const name = Object.hasOwn(aliases, wanted) ? (aliases[wanted] ?? wanted) : wanted;
  if (code.length > MOST_CHARACTERS || !Object.hasOwn(grammars, name)) return null;
  core ??= import('highlight.js/lib/core').then((module) => module.default);
  const [hljs, grammar] = await Promise.all([core, grammars[name]?.()]);
  if (grammar === undefined) return null;
  if (!hljs.getLanguage(name)) hljs.registerLanguage(name, grammar.default);
  return piecesOf(hljs.highlight(code, { language: name, ignoreIllegals: true }).value);
}

const ESCAPES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#x27;': "'" };

/**
 * Reads highlight.js's own notation (`<span class="hljs-x">…</span>` around escaped text) back into pieces of text. It
 * never becomes HTML again: whatever is not that notation is shown as the characters that it is.
 */
export function piecesOf(notation: string): Piece[] {
  const pieces: Piece[] = [];
  const open: string[] = [];
  for (const [part, kind] of notation.matchAll(/<span class="([\w\- ]+)">|<\/span>|[^<]+|</g)) {
    if (kind !== undefined) open.push(/hljs-([\w-]+)/.exec(kind)?.[1] ?? '');
    else if (part === '</span>') open.pop();
    else {
      const text = part.replace(/&(?:amp|lt|gt|quot|#x27);/g, (escape) => ESCAPES[escape] ?? escape);
      pieces.push({ text, kind: open.at(-1) ?? '' });
    }
  }
  return pieces;
}

/** The pieces of each line; line breaks are not in them. */
export function linesOf(pieces: Piece[]): Piece[][] {
  const lines: Piece[][] = [[]];
  for (const { text, kind } of pieces) {
    for (const [index, part] of text.split('\n').entries()) {
      if (index > 0) lines.push([]);
      if (part !== '') lines.at(-1)?.push({ text: part, kind });
    }
  }
  return lines;
}

const EXTENSIONS: Record<string, string> = {
  bash: 'sh',
  csharp: 'cs',
  javascript: 'js',
  typescript: 'ts',
  python: 'py',
  ruby: 'rb',
  rust: 'rs',
  kotlin: 'kt',
  markdown: 'md',
  haskell: 'hs',
  julia: 'jl',
  latex: 'tex',
  perl: 'pl',
  powershell: 'ps1',
  dockerfile: 'dockerfile',
};

/** What to call code that is saved: 'python' -> 'code.py'. The language is a model's word, so only letters are taken. */
export function fileNameFor(language: string): string {
  const wanted = language.toLowerCase();
  const known = EXTENSIONS[aliases[wanted] ?? wanted];
  const extension = known ?? (/^[a-z][a-z\d]{0,7}$/.test(wanted) ? wanted : 'txt');
  return `code.${extension}`;
}
