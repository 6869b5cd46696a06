import type { Component } from 'svelte';

/** One line of a menu; `items` opens another menu beside it, `null` in a list of entries draws a line between groups. */
export type MenuEntry = {
  label: string;
  icon?: Component<{ size?: number }>;
  keys?: string;
  isDanger?: boolean;
  isChosen?: boolean;
  run?(): void;
  items?: (MenuEntry | null)[];
};

/** What a menu hangs on: the button that opened it, or the place where the pointer was. */
export type MenuAnchor = HTMLElement | { x: number; y: number };
