import { describe, expect, it } from 'vitest';
import { faultOf, keyNames, keysOfPress } from '../../renderer/app/keyboard.ts';
import { bindKeys, clashesOf, Commands, type Bound, type Command } from '../../renderer/state/commands.svelte.ts';
import { KeyChoice } from '../../renderer/state/key-choice.svelte.ts';
import { press } from '../support/key-press.ts';

const command = (id: string, ...keys: string[]): Command => ({
  id,
  ...{ group: 'window', words: id, run() {} },
  ...(keys.length > 0 ? { keys } : {}),
});
const original = [
  command('new', 'Mod+N', 'Mod+Shift+O'),
  command('find', 'Mod+F'),
  command('escape', 'Escape'),
  command('bin'),
  command('use model'),
];

/** The keys of every command that has some, as "find: Mod+F". */
const shown = (commands: Command[]) =>
  commands.filter(({ keys }) => keys).map(({ id, keys }) => `${id}: ${keys?.join(', ')}`);

class Settings {
  bound = $state.raw<Bound>({});
  readonly choice = new KeyChoice({
    original: () => original,
    bound: () => this.bound,
    save: (bound) => void (this.bound = bound),
  });

  give(id: string, pressed: string): void {
    this.choice.ask(id);
    this.choice.press(press(pressed));
    this.choice.accept();
  }
}

describe('a key press', () => {
  it.each([
    ['C-k', 'Mod+K'],
    ['M-k', 'Mod+K'],
    ['C-S-F', 'Mod+Shift+F'],
    ['C-S-/', 'Mod+/'], // on a German keyboard
    ['C-?', 'Mod+?'],
    ['S-F6', 'Shift+F6'],
    ['C-A-3', 'Mod+Alt+3'],
    ['C-ж', 'Mod+Ж'],
  ])('%s is written %s', (pressed, keys) => expect(keysOfPress(press(pressed))).toBe(keys));

  it.each([['C-Control'], ['Shift'], ['ime-k'], ['C-Process'], ['C-M-k'], ['Dead']])('%s is none', (pressed) =>
    expect(keysOfPress(press(pressed))).toBeNull(),
  );

  it.each([
    ['Mod+J', null],
    ['F8', null],
    ['Mod+Enter', null],
    ['Mod+/', null],
    ['Alt+J', null],
    ['J', 'types'],
    ['Shift+J', 'types'],
    ['Enter', 'types'],
    ['Mod+ArrowLeft', 'types'],
    ['Mod+ ', 'types'],
    ['Mod++', 'types'], // the sign that joins keys cannot be one of them
    ['Mod+Tab', 'types'],
    ['Mod+C', 'reserved'],
    ['Mod+Shift+Z', 'reserved'],
    ['Shift+Mod+z', 'reserved'],
  ] as const)('%s as the keys of a command: %s', (keys, fault) => expect(faultOf(keys, false)).toBe(fault));

  it('with Option writes a sign on a Mac, unless Command is held too', () => {
    expect(faultOf('Alt+J', true)).toBe('types');
    expect(faultOf('Mod+Alt+J', true)).toBeNull();
  });
});

describe('keys of the user’s choice', () => {
  it('stand for those that the command came with, in every place that asks', () => {
    const commands = new Commands(
      () => original,
      () => ({ find: ['Mod+J'], new: [] }),
    );
    expect(commands.of(press('C-j'))?.id).toBe('find');
    expect(commands.of(press('C-f'))).toBeNull();
    expect(commands.keysOf('find')).toBe('Mod+J');
    expect(commands.keysOf('new')).toBeUndefined();
    expect(shown(commands.all)).toEqual(['find: Mod+J', 'escape: Escape']);
  });

  it('are taken from a command that merely came with them, so that no key has two', () => {
    const all = bindKeys(original, { find: ['Shift+Mod+o'], gone: ['Mod+Q'] });
    expect(clashesOf(all)).toEqual([]);
    expect(shown(all)).toEqual(['new: Mod+N', 'find: Shift+Mod+o', 'escape: Escape']);
  });
});

describe('choosing keys', () => {
  it('offers what can be named in a list that stays the same', () => {
    expect(new Settings().choice.commands.map(({ id }) => id)).toEqual(['new', 'find', 'escape', 'bin']);
  });

  it('takes the last press, and forgets everything when it is left', () => {
    const { choice } = new Settings();
    choice.ask('bin');
    choice.press(press('C-1'));
    choice.press(press('C-2'));
    expect(choice.keys).toEqual(['Mod+2']);
    choice.leave();
    expect([choice.asked, choice.keys]).toEqual([null, []]);
  });

  it('refuses what writes or is everybody’s', () => {
    const settings = new Settings();
    settings.give('bin', 'x');
    expect([settings.choice.fault, settings.choice.canAccept]).toEqual(['types', false]);
    settings.give('bin', 'C-v');
    expect([settings.choice.fault, settings.bound]).toEqual(['reserved', {}]);
  });

  it('names whose keys they are, and swaps', () => {
    const settings = new Settings();
    const { choice } = settings;
    settings.give('bin', 'F8');
    choice.ask('bin');
    choice.press(press('C-f'));
    expect(choice.clashes.map(({ id }) => id)).toEqual(['find']);
    expect(choice.left).toEqual(['F8']);
    choice.accept();
    expect(shown(choice.commands)).toContain('find: F8');
    expect(shown(choice.commands)).toContain('bin: Mod+F');
    expect(clashesOf(choice.commands)).toEqual([]);
  });

  it('leaves the other without keys where there are none to swap, and with those that are left to it', () => {
    const settings = new Settings();
    settings.give('bin', 'C-f');
    settings.give('find', 'C-n');
    expect(shown(settings.choice.commands)).toEqual([
      'new: Mod+Shift+O',
      'find: Mod+N',
      'escape: Escape',
      'bin: Mod+F',
    ]);
  });

  it('is undone for one, and asks first where another has its keys by now', () => {
    const settings = new Settings();
    const { choice } = settings;
    settings.give('escape', 'F9');
    choice.reset('escape');
    expect(settings.bound).toEqual({});

    settings.give('bin', 'C-f');
    choice.reset('find');
    expect([choice.asked?.id, choice.keys, choice.canAccept]).toEqual(['find', ['Mod+F'], true]);
    choice.accept();
    expect(settings.bound).toEqual({});
  });

  it('is undone for all, and keeps no choice that is none', () => {
    const settings = new Settings();
    settings.give('find', 'C-j');
    settings.give('bin', 'F8');
    settings.give('find', 'C-f');
    expect(settings.bound).toEqual({ bin: ['F8'] });
    settings.choice.ask('bin');
    settings.choice.remove();
    expect(settings.bound).toEqual({});
    settings.give('bin', 'F8');
    settings.choice.resetAll();
    expect(settings.bound).toEqual({});
  });
});

it('Option and Enter are shown as a Mac prints them', () => {
  expect(keyNames('Mod+Alt+Enter', true)).toEqual(['⌘', '⌥', '↵']);
});
