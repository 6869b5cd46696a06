export type Shortcuts = {
  newConversation(): void;
  search(): void;
  /** Stop, then close what is open, then go to the message field. */
  escape(): void;
  nextRegion(step: 1 | -1): void;
};

/** Runs the shortcut of a key press, if it is one. Keys that an input method is using are left alone. */
export function handleShortcut(event: KeyboardEvent, shortcuts: Shortcuts): void {
  if (event.defaultPrevented || event.isComposing) return;
  const mod = event.ctrlKey !== event.metaKey && !event.altKey;
  const key = event.key.toLowerCase();
  if (mod && !event.shiftKey && key === 'n') shortcuts.newConversation();
  else if (mod && event.shiftKey && key === 'f') shortcuts.search();
  else if (key === 'escape') shortcuts.escape();
  else if (key === 'f6') shortcuts.nextRegion(event.shiftKey ? -1 : 1);
  else return;
  event.preventDefault();
}

/** Moves the focus to the next of the page's regions: elements with `data-region`, or what `data-region-focus` names. */
export function focusRegion(step: 1 | -1): void {
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')].filter((region) =>
    region.checkVisibility(),
  );
  const current = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions.at((current === -1 && step === -1 ? -1 : current + step) % regions.length);
  (next?.querySelector<HTMLElement>('[data-region-focus]') ?? next)?.focus();
}
