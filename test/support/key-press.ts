/** "C-S-f" is a press of F with Control and Shift; "ime-" is held by an input method. */
export function press(notation: string): KeyboardEvent {
  const parts = notation.split('-');
  const key = parts.at(-1) ?? '';
  const held = (name: string) => parts.slice(0, -1).includes(name);
  const modifiers = { ctrlKey: held('C'), metaKey: held('M'), shiftKey: held('S'), altKey: held('A') };
  return { key, isComposing: held('ime'), ...modifiers } as KeyboardEvent;
}
