/**
 * True while a key belongs to an input method: Enter picks a candidate then, and must not send. Safari reports the
 * Enter that ends a composition after it has ended, with the key code 229 that input methods have everywhere.
 */
export function isComposing({ isComposing, keyCode }: KeyboardEvent): boolean {
  return isComposing || keyCode === 229;
}
