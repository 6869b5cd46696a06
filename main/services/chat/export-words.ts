import type { Language } from '../../contract/common.ts';

type Words = {
  conversation: string;
  roles: Record<'system' | 'user' | 'assistant' | 'tool', string>;
  states: Record<'failed' | 'stopped' | 'interrupted', string>;
  leftOut: string;
  omitted(count: number): string;
  queries: string;
  /** Of a sentence and between two. */
  end: string;
  between: string;
};

/** What an exported conversation says in words of ours. */
export const exportWords: Record<Language, Words> = {
  en: {
    conversation: 'Conversation',
    roles: { system: 'System', user: 'User', assistant: 'Assistant', tool: 'Tool' },
    states: { failed: 'Failed', stopped: 'Stopped', interrupted: 'Interrupted' },
    leftOut: 'Left out of what the model reads',
    omitted: (count) => `Made without ${count} of the messages above`,
    queries: 'Asked the tables:',
    end: '.',
    between: '. ',
  },
  'zh-CN': {
    conversation: '对话',
    roles: { system: '系统', user: '用户', assistant: '助手', tool: '工具' },
    states: { failed: '失败', stopped: '已停止', interrupted: '已中断' },
    leftOut: '未供模型阅读',
    omitted: (count) => `回答时未读上文中的 ${count} 条消息`,
    queries: '已查询表格：',
    end: '。',
    between: '。',
  },
};
