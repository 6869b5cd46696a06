import type katex from 'katex';

type Katex = typeof katex;

let ready: Katex | null = null;
let loading: Promise<Katex> | null = null;

/** KaTeX with its style sheet, if it is there already: a formula then appears at once. */
export const katexNow = (): Katex | null => ready;

export function loadKatex(): Promise<Katex> {
  loading ??= Promise.all([import('katex'), import('katex/dist/katex.min.css')]).then(
    ([module]) => (ready = module.default),
  );
  return loading;
}

const LONGEST_FORMULA = 5000;

/**
 * Draws a formula into `element`. KaTeX makes elements rather than HTML; nothing in a formula can load, link or name a
 * class (`trust`), and macros that multiply end after a hundred steps.
 * @returns false where it cannot be read; `element` is then left empty
 */
export function drawFormula(katexApi: Katex, element: HTMLElement, tex: string, display: boolean): boolean {
  try {
    if (tex.length > LONGEST_FORMULA) return false;
    const options = { displayMode: display, throwOnError: true, trust: false, strict: 'ignore' as const };
    katexApi.render(tex, element, { ...options, maxExpand: 100, maxSize: 20, macros: {} });
    return true;
  } catch {
    element.replaceChildren(); // KaTeX's own errors, and the engine's where a formula nests too deep
    return false;
  }
}
