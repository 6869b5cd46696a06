import type { ReportKind } from './report.ts';

export const SUMMARY_TOKENS = 1000;

export const SUMMARY_WORDS = {
  en: {
    section:
      'Sum up this section in two to five sentences. Keep names, numbers and dates as they stand. Say nothing that is not in it.',
    notes:
      'These are notes on the sections of one document, in their order. Write one summary of the document from them: a paragraph about the whole, then its main points as a list. Keep names, numbers and dates as they stand. Say nothing that is not in the notes.',
  },
  zh: {
    section: '用两到五句话概括这一节。人名、数字和日期保持原样，不要添加文中没有的内容。',
    notes:
      '以下是同一份文件各节的笔记，按顺序排列。请据此写出整份文件的摘要：先用一段话概括全文，再用列表列出要点。人名、数字和日期保持原样，不要添加笔记中没有的内容。',
  },
} as const;

/** Each section of a document by itself, then the notes on them, until one summary is left: however long it is. */
export const summary: ReportKind = {
  kind: 'summary',
  title: 'Sum up a document',
  request: { en: 'Sum up the document.', zh: '概括这份文件。' },
  async write({ documents, ask, notes, language }) {
    const words = SUMMARY_WORDS[language];
    const paragraphs = ask.paragraphsOf(documents).map(({ text }) => text);
    const { texts, sections } = await notes.condense(paragraphs, words);
    const text = await notes.say(texts, words.notes, SUMMARY_TOKENS);
    return { text, said: [{ start: 0, end: text.length }], known: [], counts: { sections } };
  },
};
