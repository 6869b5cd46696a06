import type { enHub } from './en-hub.ts';

/** 查找模型、从模型站获取模型的用语。 */
export const zhCNHub: typeof enHub = {
  search: '查找模型',
  placeholder: '名称、大小或用途；或模型站的“所有者/名称”',
  ask: (name) => `到模型站查询 ${name}`,
  asking: '正在查询模型站。',
  none: (query) => `目录中没有“${query}”。要查询模型站，请输入“所有者/名称”。`,
  at: (host) => `来自 ${host}`,
  nothing: '其中没有可以读取的模型文件。',
  parts: (count) => `${count} 个文件`,
  licence: (name) => `许可协议：${name}`,
  licenceUnknown: '未说明',
  licenceTitle: (name) => `${name} 的许可协议`,
  licenceText: (licence) => `该协议（${licence}）对模型的用途有限制。请先到发布页面阅读。目前尚未下载任何内容。`,
  agree: '我已阅读并同意',
  nearestContext: (tokens) => `上下文为 ${tokens} 时可以运行。`,
  nearestRecipe: (recipe) => `以“${recipe}”方式编译时可以运行。`,
  nearestModel: (name) => `${name} 可以运行。`,
  queue: '排队中',
  leaveQueue: (title) => `移出队列：${title}`,
  leave: '移出',
};
