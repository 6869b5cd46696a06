import type { enReading } from './en-reading.ts';

export const zhCNReading: typeof enReading = {
  sentences: (parts) => parts.join(''),
  price: (duration, tokens) => `读取 ${tokens} 个新词元约需 ${duration}。`,
  followUp: (duration) => `之后的追问约 ${duration}后开始回答。`,
  memory: (bytes) => `占用内存 ${bytes}。`,
  noRoom: (bytes) => `占用内存 ${bytes}，超出可用内存：可能很慢，也可能失败。`,
  start: '在后台读取',
  label: '后台读取',
  reading: '正在后台读取此对话。',
  states: {
    queued: '等待开始',
    paused: '已暂停，已读部分会保留',
    interrupted: '已中断，已读部分会保留',
    failed: '已停止',
  },
  progress: '读取进度',
  pause: '暂停',
  resume: '继续',
  cancel: '放弃',
};
