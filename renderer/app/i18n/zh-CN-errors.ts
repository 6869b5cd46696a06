import type { ErrorCode } from '../../../main/contract/errors.ts';
import { UNKNOWN, WHY, type ErrorWords } from './en-errors.ts';

/** What a document took too much of, by the detail `limit`. */
const ZH_LIMITS: Record<string, string> = {
  seconds: '时间',
  parts: '页数或文件数',
  characters: '文字量',
  unpackedBytes: '解压后大小',
  pixels: '图片尺寸',
  fileBytes: '文件大小',
  memoryBytes: '内存',
};

/** 未获取网址的原因，按 `reason` 区分。 */
const ZH_ADDRESS: Record<string, ErrorWords> = {
  'not-an-address': () => '网址须以 http:// 或 https:// 开头，且不含用户名和密码',
  private: (value) => `${value('host')} 是本机或本地网络中的机器，不会向它们请求文档`,
  insecure: () => '该网址从加密连接转到了未加密的连接',
  redirects: () => '该网址不断跳转，没有终点',
  status: (value) => `${value('host')} 那里没有文档（状态 ${value('status')}）`,
  type: (value) => `那里的内容不是文档（${value('found')}）`,
  'too-large': (value) => `它超过了 ${value('limitBytes')}`,
  'too-slow': (value) => `${value('host')} 耗时过长`,
  unreachable: (value) => `无法连接 ${value('host')}。请检查网络后重试`,
};

export const zhCNErrors: Record<ErrorCode, ErrorWords> = {
  'data-folder-in-use': () => '此数据文件夹正被另一个 Longhand 使用。请关闭它，或选择其他文件夹。',
  'data-folder-unusable': () => '数据文件夹无法写入，没有任何改动。请检查其权限。',
  'data-folder-away': (value) => `数据位于 ${value('path')}，但现在找不到该文件夹。未作改动。请连接所在磁盘后重试。`,
  'move-refused': (value) =>
    `数据无法移到 ${value('path')}，仍在原处。请选择一个可写入、且不在当前数据文件夹之内的空文件夹。`,
  'database-corrupt': () => '数据库已损坏，目前只能读取。请恢复最近的备份。',
  'database-newer': () => '数据由更新版本的 Longhand 写入，未作改动。请安装该版本。',
  'database-missing': () => '找不到数据库，也没有新建。请恢复备份。',
  'migration-failed': () => '数据升级失败并已撤销，正在使用升级前的副本。',
  'disk-full': (value) =>
    value('neededBytes') === UNKNOWN
      ? '磁盘已满，没有写入任何内容。请腾出空间后重试。'
      : `磁盘空闲 ${value('freeBytes')}，需要 ${value('neededBytes')}。没有写入任何内容。请腾出空间后重试。`,
  'not-found': (value) =>
    value('path') === UNKNOWN
      ? '此对话已不存在，可能已在另一窗口中删除。'
      : `文件 ${value('path')} 已不在原处。未作任何改动，请重新选择。`,
  'conversation-busy': () => '此处仍在回答。请等待，或将其停止。',
  'context-length-exceeded': (value) =>
    `这条消息共 ${value('promptTokens')} 个词元，模型最多接受 ${value('contextTokens')} 个。没有截断任何内容。请缩短，或开始新对话。`,
  'nothing-to-continue': () => '这条回答已完整。请发送新消息。',
  'document-not-ready': (value) => `尚未读完：${value('names')}。请等读完后再提问。`,
  'call-unreadable': () => '模型写出的调用无法执行，已告知模型。',
  'call-failing': (value) =>
    `模型两次发出同一调用，均告失败（${value('errors')}）。未作任何改动。请换种说法提问，或选择其他模型。`,
  'too-many-calls': (value) => `模型调用了 ${value('calls')} 次仍未得出答案。未作任何改动。请一次少问一些。`,
  'query-not-select': () => '只能用一条 SELECT 查询表格。未作任何改动。',
  'query-too-long': (value) => `查询在 ${value('seconds')} 秒后被停止。未作任何改动。`,
  'empty-message': () => '消息是空的，请先输入内容。',
  'no-model': () => '还没有模型。您的文字已保留，请先获取模型。',
  'model-not-found': () => '模型文件不见了。您的对话都在，请重新获取模型。',
  'model-in-use': (value) => {
    if (value('holder') === 'self-test') return '自测正在使用此模型。请先在“模型”页暂停测试，已有结果会保留。';
    if (value('wanted') !== UNKNOWN)
      return `现在由另一个模型回答。已完成的部分会保留：请先换回 ${value('wanted')}，再继续。`;
    return '模型正在回答，请先停止。';
  },
  'context-too-large': (value) =>
    `这么长的上下文需要 ${value('neededBytes')} 内存，而这里可用的只有 ${value('usableBytes')}。请选短一些，或把缓存改为 int8。`,
  'model-damaged': (value) =>
    value('missing') === UNKNOWN
      ? '模型文件已损坏。您的对话都在，请重新获取模型。'
      : `所选内容中没有 ${value('missing')}，不是可按含义查找的模型，未作任何改动。请选择 ONNX 模型的文件夹。`,
  'checkpoint-unreadable': () => '模型文件已损坏或不完整，文件未作改动。请从原处重新获取。',
  'not-a-checkpoint': () =>
    '这里读不出模型，未作改动。请选择一个 GGUF 文件（含其全部分卷），或 safetensors 文件夹中的全部文件。',
  'unsupported-checkpoint': (value) =>
    value('found') === UNKNOWN || value('supported') === UNKNOWN
      ? '尚不支持这种模型，文件未作改动。'
      : `文件内容为“${value('found')}”，目前支持 ${value('supported')}。文件未作改动，请选择其他文件。`,
  'adapter-needs-base': (value) => {
    const base = value('base') === UNKNOWN ? '其基础模型' : `基础模型“${value('base')}”`;
    return `这是一个适配器，需要${base}。未作改动。请先获取该模型，或将其文件夹放在适配器文件夹旁，然后重试。也可在终端中运行：longhand models import ADAPTER --base MODEL。`;
  },
  'download-failed': () => '下载中断，已下载的部分会保留。重试即可继续。',
  'checksum-mismatch': () => '下载的文件与发布的不一致，未予使用。请重试。',
  'license-not-acknowledged': (value) => `该模型采用其自有许可协议（${value('license')}），尚未下载。请先阅读并同意。`,
  'not-at-hub': () => '没有来源提供该模型，或需要登录才能获取。尚未下载任何内容。请核对名称，或选择其他模型。',
  offline: () => '无法连接任何模型来源。请检查网络后重试。',
  'bad-chat-template': () => '模型自带的消息格式有误，无法对话。请选择其他模型。',
  'document-unreadable': (value) => `无法读取该文档：${value('reason')}。文件未作改动。请用原来的程序打开并重新保存。`,
  'document-encrypted': (value) =>
    value('password') === 'unsupported'
      ? '该文档的加密方式暂不支持。文件未作改动。请另存一份不带密码的副本。'
      : value('password') === 'wrong'
        ? '密码不正确。文件未作改动，请重试。'
        : '该文档已加密。文件未作改动。请输入密码。',
  'document-too-large': (value) =>
    `已停止读取该文档：超出允许的限度（${ZH_LIMITS[value('limit')] ?? value('limit')}）。文件未作改动。请拆分文档，或选择较小的文件。`,
  'unsupported-document': (value) => `尚不支持这类文件（${value('found')}）。文件未作改动。请另存为 PDF、DOCX 或文本。`,
  'folder-too-large': (value) =>
    `该文件夹中的文件超过 ${value('limit')} 个，无法关注。未收下任何文件。请选择其中的子文件夹。`,
  'host-not-allowed': (value) => `未向 ${value('host')} 请求文档，因为您尚未同意。没有发送任何内容。`,
  'address-not-fetched': (value) =>
    `未从此网址获取任何内容：${ZH_ADDRESS[value('reason')]?.(value) ?? value('reason')}。`,
  'engine-stopped': (value) => `模型进程已停止${value(WHY)}。您的文字已保存。`,
  'engine-hung': () => '模型进程没有响应，已重新启动。您的文字已保存。',
  'reader-stopped': () => '读取文件的进程已停止，您的文件未作改动。请重试。',
  'embedder-stopped': () => '语义检索进程已停止。您的文档未作改动。请重试。',
  'assistant-stopped': () => '与 Longhand 的连接已断开。您的文字已保留，请重试。',
  'runtime-failed': () => '模型无法运行。您的文字已保存。请重试，或选择其他模型。',
  'port-in-use': () => '网络端口被其他程序占用。请选择其他端口。',
  unauthorised: () => 'Longhand 未接受此页面。请打开最近一次显示的地址。',
  'path-not-chosen': (value) => `未打开 ${value('path')}，因为您没有在此窗口中选择它。请选择该文件，或将它拖到这里。`,
  'app-damaged': (value) =>
    `Longhand 的组件被改动或已损坏（${value('file')}）。未启动任何进程，您的数据未受影响。请重新安装 Longhand。`,
  'invalid-input': () => 'Longhand 无法理解此请求。您的文字已保留，请重新载入页面。',
  cancelled: () => '已取消。',
  internal: () => 'Longhand 自身出现故障。您的文字已保存，请重试。',
};
