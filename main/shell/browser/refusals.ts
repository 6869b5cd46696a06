/** What somebody reads who is not given the page. */
const en = {
  address: 'Open the address that Longhand printed when it started.\n',
  method: 'Only GET and HEAD are answered here.\n',
  missing: 'There is no such page.\n',
};

type Refusals = typeof en;

const zhCN: Refusals = {
  address: '请打开 Longhand 启动时显示的地址。\n',
  method: '这里只应答 GET 和 HEAD 请求。\n',
  missing: '没有这个页面。\n',
};

/** The texts in the language that `Accept-Language` names first; its list is taken in the order that browsers send. */
export function refusalsIn(acceptLanguage: string | undefined): Refusals {
  const first = /\b(en|zh)\b/i.exec(acceptLanguage ?? '')?.[1];
  return first?.toLowerCase() === 'zh' ? zhCN : en;
}
