const LETTER = /\p{L}/u;
const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}\p{Script=Hanifi_Rohingya}\p{Script=Mandaic}\p{Script=Samaritan}]/u;
const LOOKED_AT = 2000; // characters; digits and marks before the first letter are seldom as many

/**
 * The direction of a field's text, that of its first letter, as `dir="auto"` would find it. Chromium finds it anew for
 * every line after each key: 2.3 s a key in a megabyte on one line, against 0.15 s where the direction is given.
 */
export function directionOf(text: string): 'ltr' | 'rtl' {
  const letter = LETTER.exec(text.slice(0, LOOKED_AT))?.[0] ?? '';
  return RIGHT_TO_LEFT.test(letter) ? 'rtl' : 'ltr';
}
