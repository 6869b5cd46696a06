import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync('renderer/app/tokens.css', 'utf8');
const root = css.slice(css.indexOf(':root {'), css.indexOf(":root[data-theme='light']"));
const contrastTheme = css.slice(css.indexOf(":root[data-theme='contrast']"));

/** A colour token in light and dark. */
function colours(source: string, name: string): [string, string] {
  const [, light, dark] = new RegExp(`--${name}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(source) ?? [];
  if (light === undefined || dark === undefined) throw new Error(`no token ${name}`);
  return [light, dark];
}

/** WCAG 2.2 relative luminance of #rrggbb. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const grounds = ['bg', 'surface', 'sunk'];

describe.each(['light', 'dark'])('colours of the %s theme', (theme) => {
  const index = theme === 'light' ? 0 : 1;
  const pick = (name: string, source = root) => colours(source, name)[index];

  it.each(['ink', 'ink-2', 'ink-3', 'accent', 'ok', 'warn', 'danger'])('%s is legible on every ground', (name) => {
    for (const ground of grounds) expect(contrast(pick(name), pick(ground)), ground).toBeGreaterThanOrEqual(4.7);
  });

  it('control borders can be seen on every ground', () => {
    for (const ground of grounds) expect(contrast(pick('control-border'), pick(ground))).toBeGreaterThanOrEqual(3.3);
  });

  it('text on the accent and on marks is legible', () => {
    expect(contrast(pick('on-accent'), pick('accent'))).toBeGreaterThanOrEqual(4.7);
    expect(contrast(pick('ink'), pick('mark'))).toBeGreaterThanOrEqual(4.7);
    expect(contrast(pick('ink-2'), pick('mark'))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(['ink', 'ink-2', 'ink-3', 'accent', 'ok', 'warn', 'danger'])(
    '%s of the high-contrast theme reaches 7 to 1, also where the pointer is',
    (name) => {
      for (const ground of [...grounds, 'hover']) {
        expect(contrast(pick(name, contrastTheme), pick(ground, contrastTheme)), ground).toBeGreaterThanOrEqual(7);
      }
    },
  );

  it('marks and accents of the high-contrast theme carry text at 7 to 1', () => {
    expect(contrast(pick('ink', contrastTheme), pick('mark', contrastTheme))).toBeGreaterThanOrEqual(7);
    expect(contrast(pick('on-accent', contrastTheme), pick('accent', contrastTheme))).toBeGreaterThanOrEqual(7);
  });

  it('the high-contrast theme leaves no colour to another theme', () => {
    const names = (source: string) => [...source.matchAll(/--([\w-]+): light-dark\(#/g)].map(([, name]) => name);
    expect(names(contrastTheme)).toEqual(expect.arrayContaining(names(root)));
  });
});
