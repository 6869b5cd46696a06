import type { enShell } from './en-shell.ts';

export const zhCNShell: typeof enShell = {
  failureTitle: 'Longhand 无法启动',
  tryAgain: '重试',
  details: '详情',
};
