import type { enData } from './en-data.ts';

/** 移动数据文件夹的用语。 */
export const zhCNData: typeof enData = {
  move: '移动…',
  byCommand: '如需移动，请在终端中输入（FOLDER 换成目标文件夹）：',
  question: (bytes, target, free) =>
    `将把 ${bytes} 移到 ${target}，该处可用 ${free}。全部复制并校验之后，才会清空旧文件夹。`,
  restarts: '完成时 Longhand 会重新启动。届时若有回答正在生成，之后可以继续。',
  begin: '移动数据',
  stages: {
    copy: '正在复制数据',
    switch: '正在校验副本',
    remove: '正在清空旧文件夹',
  },
  waits: '等待其他安装完成',
  interrupted: '移动已中断',
  failed: '数据未移动',
  kept: '数据仍在原处，完好无损。',
  tryAgain: '重试',
  giveUp: '放弃',
  progress: '移动进度',
  done: '数据已移动。',
  cache: '已计算的对话',
  cacheText: (most) => `保存模型读过的内容，重新启动后长对话可以立即继续。最多占用 ${most}。`,
  clear: '清除…',
  clearTitle: '清除已计算的内容？',
  clearText: (bytes) => `可腾出 ${bytes}。对话不会丢失：继续时会重新读取，长对话需要一些时间。`,
  clearNow: '清除',
  cleared: (bytes) => `已腾出 ${bytes}。`,
};
