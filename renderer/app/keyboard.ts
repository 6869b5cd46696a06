/**
 * A key as the registry of commands writes it: modifiers and then the key, joined by "+". "Mod" is Command on a Mac and
 * Control elsewhere. Signs are named as the keyboard prints them: "Mod+/" is found wherever the layout puts the slash.
 */
export type Keys = string;

const isMac = () => /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? '');

const NAMES: Record<string, string> = { Escape: 'Esc', ArrowUp: '↑', ArrowDown: '↓', Enter: '↵', Backspace: '⌫' };
const MAC_NAMES: Record<string, string> = { Mod: '⌘', Shift: '⇧', Alt: '⌥' };
const OTHER_NAMES: Record<string, string> = { Mod: 'Ctrl', Shift: 'Shift', Alt: 'Alt' };

/** "Mod+Shift+F" -> ["⌘", "⇧", "F"] or ["Ctrl", "Shift", "F"]. */
export function keyNames(keys: Keys, mac = isMac()): string[] {
  const modifiers = mac ? MAC_NAMES : OTHER_NAMES;
  return keys.split('+').map((part) => modifiers[part] ?? NAMES[part] ?? part);
}

/** Whether a key press is `keys`. Keys that an input method is using are nobody's. */
export function isPressed(keys: Keys, event: KeyboardEvent): boolean {
  if (event.isComposing) return false;
  const parts = keys.split('+');
  const key = parts.at(-1) ?? '';
  if (event.key.toLowerCase() !== key.toLowerCase()) return false;
  const wants = (modifier: string) => parts.slice(0, -1).includes(modifier);
  // Control stands for Command too, so that a keyboard of the other kind works; both at once are another program's.
  const mod = event.ctrlKey !== event.metaKey;
  if (event.ctrlKey && event.metaKey) return false;
  return mod === wants('Mod') && event.altKey === wants('Alt') && (isSign(key) || event.shiftKey === wants('Shift'));
}

/** Of these, one layout needs Shift for what another one does not. */
const isSign = (key: string) => /^[^\p{L}\p{N}]$/u.test(key);

const MODIFIER_KEYS = ['Control', 'Meta', 'Shift', 'Alt', 'AltGraph', 'CapsLock', 'Fn', 'NumLock', 'OS'];
const NO_KEYS = ['Process', 'Dead', 'Unidentified', 'Compose', ''];
/** What every field, the browser or the system's menu does with them would be lost. */
const RESERVED = [
  ...['Mod+A', 'Mod+C', 'Mod+V', 'Mod+X', 'Mod+Z', 'Mod+Y', 'Mod+Shift+Z', 'Mod+Shift+V'],
  ...['Mod+Q', 'Mod+W', 'Mod+R', 'Mod+0', 'Mod+-', 'Mod+='],
];

/** A key press as the registry writes it; null while it is only modifiers, or an input method's. */
export function keysOfPress(event: KeyboardEvent): Keys | null {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
  if (event.isComposing || MODIFIER_KEYS.includes(key) || NO_KEYS.includes(key)) return null;
  if (ctrlKey && metaKey) return null;
  const modifiers = [
    ...(ctrlKey || metaKey ? ['Mod'] : []),
    ...(shiftKey && !isSign(key) ? ['Shift'] : []),
    ...(altKey ? ['Alt'] : []),
  ];
  return [...modifiers, key.length === 1 ? key.toUpperCase() : key].join('+');
}

/**
 * Why a combination cannot be a command's: 'types' where it writes or moves about, 'reserved' where it is everybody's
 * already; null where it can.
 */
export function faultOf(keys: Keys, mac = isMac()): 'types' | 'reserved' | null {
  if (RESERVED.some((one) => isSameKeys(one, keys))) return 'reserved';
  const parts = keys.split('+');
  const key = parts.at(-1) ?? '';
  if (/^F\d{1,2}$/.test(key)) return null;
  const isCharacter = [...key].length === 1 && key !== ' ';
  if (!isCharacter && key !== 'Enter') return 'types';
  // Option writes signs on a Mac.
  return parts.includes('Mod') || (isCharacter && parts.includes('Alt') && !mac) ? null : 'types';
}

/** The same combination, whatever the order of its modifiers. */
export function isSameKeys(a: Keys, b: Keys): boolean {
  const inOrder = (keys: Keys) => keys.toLowerCase().split('+').toSorted().join('+');
  return inOrder(a) === inOrder(b);
}

/** Something lies above the page and has the keys to itself: a menu, a dialog, a tooltip that Escape closes. */
export function isLayerOpen(): boolean {
  return document.querySelector('[role=dialog][data-state=open], [role=menu][data-state=open]') !== null;
}

/** Moves the focus to the next of the page's regions: elements with `data-region`, or what `data-region-focus` names. */
export function focusRegion(step: 1 | -1): void {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')].filter(
    (region) => region.checkVisibility({ visibilityProperty: true }) && region.closest('[inert]') === null,
  );
  const current = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions.at((current === -1 && step === -1 ? -1 : current + step) % regions.length);
  (next?.querySelector<HTMLElement>('[data-region-focus]') ?? next)?.focus();
}

/** Gives the focus to the message field: what had it, such as a button that was pressed, is about to go. */
export function focusField(): void {
  document.querySelector<HTMLElement>('main [data-region-focus]')?.focus();
}
