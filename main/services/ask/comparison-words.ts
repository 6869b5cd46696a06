import type { Change } from './align.ts';
import type { QuestionLanguage } from './instruction.ts';

type Kind = Change['kind'];
type Total = { same: number; of: number };

/** What a comparison says by itself, and what it asks the model. */
export type ComparisonWords = {
  colon: string;
  quoted(text: string): string;
  more(paragraphs: number): string;
  kinds: Record<Kind, string>;
  /** Before the words of the earlier document, and of the later. */
  sides: Record<Kind, readonly [string, string]>;
  intro(names: readonly [string, string], totals: readonly [Total, Total], counts: Record<Kind, number>): string;
  /** Which changes are shown, and explained, where that is not all. */
  leftOut(counts: { shown: number; all: number; explained: number }): string;
  apart(names: readonly [string, string]): string;
  /** To the model. */
  before: string;
  after: string;
  documents: readonly [string, string];
  sections: { section: string; notes: string };
  explain: Record<'changed' | 'added' | 'removed', string>;
  gather: string;
  overview: string;
  compare: string;
};

const KEEP = 'Keep names, numbers and dates as they stand. Say nothing that is not in the text.';
const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

const en: ComparisonWords = {
  colon: ': ',
  quoted: (text) => `“${text}”`,
  more: (paragraphs) => `(${paragraphs} paragraphs)`,
  kinds: { changed: 'Changed', added: 'Added', removed: 'Removed', moved: 'Moved' },
  sides: {
    changed: ['Before', 'After'],
    added: ['Before', 'Added'],
    removed: ['Removed', 'After'],
    moved: ['From', 'To'],
  },
  intro([first, second], [before, after], counts) {
    const documents = `“${first}” (before) and “${second}” (after)`;
    if (before.same === before.of && after.same === after.of) return `${documents} say the same.`;
    const figures = [
      counts.changed > 0 ? counted(counts.changed, 'change', 'changes') : '',
      counts.added > 0 ? counted(counts.added, 'addition', 'additions') : '',
      counts.removed > 0 ? counted(counts.removed, 'removal', 'removals') : '',
      counts.moved > 0 ? counted(counts.moved, 'move', 'moves') : '',
    ].filter((figure) => figure !== '');
    return `${documents}: ${before.same} of ${before.of} and ${after.same} of ${after.of} paragraphs are the same. ${figures.join(', ')}.`;
  },
  leftOut: ({ shown, all, explained }) =>
    [
      shown < all ? `Only the ${shown} longest of all ${all} differences are shown.` : '',
      `What a difference means was asked of the ${explained} longest only.`,
    ]
      .join(' ')
      .trim(),
  apart: ([first, second]) =>
    `“${first}” and “${second}” have hardly a paragraph in common, so notes on their sections are compared.`,
  before: 'Before:',
  after: 'After:',
  documents: ['Notes on the first document:', 'Notes on the second document:'],
  sections: {
    section: `Sum up this section in two or three sentences. ${KEEP}`,
    notes: `Sum up these notes in two or three sentences. ${KEEP}`,
  },
  explain: {
    changed: `Say in one or two sentences what is different after than before, and what that means. ${KEEP}`,
    added: `This was added to a document. Say in one or two sentences what it adds. ${KEEP}`,
    removed: `This was removed from a document. Say in one or two sentences what is missing now. ${KEEP}`,
  },
  gather: `These are changes of a document. Sum them up in two or three sentences, the most important first. ${KEEP}`,
  overview: `These are the changes of a document. Say in one short paragraph what has changed, the most important first. ${KEEP}`,
  compare: `Compare the two documents: say in a paragraph what each is about, then as a list what both say, where they differ, and what only one of them says. ${KEEP}`,
};

const KEEP_ZH = '人名、数字和日期保持原样，不要添加文中没有的内容。';

const zh: ComparisonWords = {
  colon: '：',
  quoted: (text) => `“${text}”`,
  more: (paragraphs) => `（共 ${paragraphs} 段）`,
  kinds: { changed: '修改', added: '新增', removed: '删除', moved: '移动' },
  sides: {
    changed: ['之前', '之后'],
    added: ['之前', '新增'],
    removed: ['删除', '之后'],
    moved: ['原位置', '新位置'],
  },
  intro([first, second], [before, after], counts) {
    const documents = `“${first}”（之前）与“${second}”（之后）`;
    if (before.same === before.of && after.same === after.of) return `${documents}内容相同。`;
    const figures = [
      counts.changed > 0 ? `修改 ${counts.changed} 处` : '',
      counts.added > 0 ? `新增 ${counts.added} 处` : '',
      counts.removed > 0 ? `删除 ${counts.removed} 处` : '',
      counts.moved > 0 ? `移动 ${counts.moved} 处` : '',
    ].filter((figure) => figure !== '');
    return `${documents}：分别有 ${before.same}/${before.of} 段和 ${after.same}/${after.of} 段相同。${figures.join('，')}。`;
  },
  leftOut: ({ shown, all, explained }) =>
    `${shown < all ? `全部 ${all} 处差异中，只显示最长的 ${shown} 处。` : ''}只说明了其中最长的 ${explained} 处差异的含义。`,
  apart: ([first, second]) => `“${first}”与“${second}”几乎没有相同的段落，因此比较各节的笔记。`,
  before: '之前：',
  after: '之后：',
  documents: ['第一份文件的笔记：', '第二份文件的笔记：'],
  sections: {
    section: `用两三句话概括这一节。${KEEP_ZH}`,
    notes: `用两三句话概括这些笔记。${KEEP_ZH}`,
  },
  explain: {
    changed: `用一两句话说明之后与之前有何不同，以及这意味着什么。${KEEP_ZH}`,
    added: `以上内容是文件中新增的。用一两句话说明增加了什么。${KEEP_ZH}`,
    removed: `以上内容已从文件中删除。用一两句话说明现在缺少了什么。${KEEP_ZH}`,
  },
  gather: `以上是一份文件的修改。用两三句话概括，最重要的放在前面。${KEEP_ZH}`,
  overview: `以上是一份文件的全部修改。用一小段话说明有哪些变化，最重要的放在前面。${KEEP_ZH}`,
  compare: `比较这两份文件：先用一段话说明各自的内容，再用列表列出两者都提到的、有分歧的以及只有其中一份提到的内容。${KEEP_ZH}`,
};

export const COMPARISON_WORDS: Record<QuestionLanguage, ComparisonWords> = { en, zh };
