import type { Language } from '../../contract/common.ts';

/** The words of what the system draws: menus and dialogs. The page has its own dictionaries. */
const en = {
  file: 'File',
  edit: 'Edit',
  view: 'View',
  window: 'Window',
  about: 'About Longhand',
  services: 'Services',
  hide: 'Hide Longhand',
  hideOthers: 'Hide others',
  showAll: 'Show all',
  quit: 'Quit Longhand',
  close: 'Close window',
  undo: 'Undo',
  redo: 'Redo',
  cut: 'Cut',
  copy: 'Copy',
  paste: 'Paste',
  pastePlain: 'Paste as plain text',
  selectAll: 'Select all',
  reload: 'Reload',
  actualSize: 'Actual size',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  fullScreen: 'Full screen',
  developerTools: 'Developer tools',
  minimise: 'Minimise',
  zoom: 'Zoom',
  front: 'Bring all to front',
  openLink: 'Open this address outside Longhand?',
  open: 'Open',
  cancel: 'Cancel',
  chooseModel: 'Choose model files',
  chooseDocuments: 'Choose documents',
  chooseFolder: 'Choose a folder',
  modelFiles: 'Model files',
  cannotStart: 'Longhand cannot start',
  pageStopped: 'The window keeps stopping and is not shown again. Your text is saved.',
};

export type Words = Record<keyof typeof en, string>;

const zhCN: Words = {
  file: '文件',
  edit: '编辑',
  view: '显示',
  window: '窗口',
  about: '关于 Longhand',
  services: '服务',
  hide: '隐藏 Longhand',
  hideOthers: '隐藏其他',
  showAll: '全部显示',
  quit: '退出 Longhand',
  close: '关闭窗口',
  undo: '撤销',
  redo: '重做',
  cut: '剪切',
  copy: '复制',
  paste: '粘贴',
  pastePlain: '粘贴为纯文本',
  selectAll: '全选',
  reload: '重新载入',
  actualSize: '实际大小',
  zoomIn: '放大',
  zoomOut: '缩小',
  fullScreen: '全屏',
  developerTools: '开发者工具',
  minimise: '最小化',
  zoom: '缩放',
  front: '前置全部窗口',
  openLink: '在 Longhand 之外打开此地址？',
  open: '打开',
  cancel: '取消',
  chooseModel: '选择模型文件',
  chooseDocuments: '选择文档',
  chooseFolder: '选择文件夹',
  modelFiles: '模型文件',
  cannotStart: 'Longhand 无法启动',
  pageStopped: '窗口反复停止，不再重新显示。文字都已保存。',
};

export const wordsOf: Record<Language, Words> = { en, 'zh-CN': zhCN };

/** @param languages what the user prefers, best first, as 'zh-Hans-CN' or 'en-GB' */
export function wordsFor(languages: readonly string[]): Words {
  const known = languages.map((language) => language.toLowerCase().split('-')[0]);
  return known.find((language) => language === 'zh' || language === 'en') === 'zh' ? zhCN : en;
}
