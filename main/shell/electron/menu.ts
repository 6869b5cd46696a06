import type { MenuItemConstructorOptions } from 'electron';
import type { Words } from './words.ts';

type MenuOptions = { platform: NodeJS.Platform; isPackaged: boolean; words: Words };
type Item = MenuItemConstructorOptions;

/** The application's menu: what a platform's users expect there. Longhand's own actions are in the page. */
export function menuTemplate({ platform, isPackaged, words }: MenuOptions): Item[] {
  const isMac = platform === 'darwin';
  const line: Item = { type: 'separator' };
  const item = (role: NonNullable<Item['role']>, label: string): Item => ({ role, label });
  const application: Item = {
    label: 'Longhand',
    submenu: [
      item('about', words.about),
      line,
      item('services', words.services),
      line,
      item('hide', words.hide),
      item('hideOthers', words.hideOthers),
      item('unhide', words.showAll),
      line,
      item('quit', words.quit),
    ],
  };
  const file = [item('close', words.close), ...(isMac ? [] : [line, item('quit', words.quit)])];
  const edit = [
    item('undo', words.undo),
    item('redo', words.redo),
    line,
    item('cut', words.cut),
    item('copy', words.copy),
    item('paste', words.paste),
    item('pasteAndMatchStyle', words.pastePlain),
    item('selectAll', words.selectAll),
  ];
  const view = [
    item('reload', words.reload),
    line,
    item('resetZoom', words.actualSize),
    item('zoomIn', words.zoomIn),
    item('zoomOut', words.zoomOut),
    line,
    item('togglefullscreen', words.fullScreen),
    ...(isPackaged ? [] : [line, item('toggleDevTools', words.developerTools)]),
  ];
  const window = [
    item('minimize', words.minimise),
    item('zoom', words.zoom),
    ...(isMac ? [line, item('front', words.front)] : []),
  ];
  return [
    ...(isMac ? [application] : []),
    { label: words.file, submenu: file },
    { label: words.edit, submenu: edit },
    { label: words.view, submenu: view },
    { label: words.window, submenu: window, ...(isMac ? { role: 'windowMenu' as const } : {}) },
  ];
}
