/** Said to the model between documents and question, in the question's language, which is the answer's. */
const WORDS = {
  en: 'Answer from the documents alone. After each statement name the paragraph it rests on, as in [3]. If they do not hold the answer, say: The documents do not say.',
  zh: '只根据以上文件回答。每句话之后注明所依据段落的编号，例如[3]。如果文件中没有答案，就回答：文件中没有提到。',
} as const;
/** Said after it where a search came back with nothing that seems to be about the question. */
const NOTHING_CLOSE = {
  en: 'A search of the documents found nothing close to the question below. Unless the paragraphs above hold the answer all the same, say only: The documents do not say.',
  zh: '在文件中没有搜索到与下面的问题相近的内容。除非以上段落确实包含答案，否则只回答：文件中没有提到。',
} as const;
export type QuestionLanguage = keyof typeof WORDS;

/** Said besides where tables can be queried. */
const TABLE_WORDS: Record<QuestionLanguage, string> = {
  en: 'For anything that is counted, added up, averaged, ranked or looked up in the tables, call query_tables and take the numbers from its result.',
  zh: '凡需对表格计数、求和、求平均、排序或查找的，请调用 query_tables，并以其结果中的数字为准。',
};

export function languageOf(question: string): QuestionLanguage {
  const han = question.match(/\p{Script=Han}/gu)?.length ?? 0;
  const latin = question.match(/[\p{Script=Latin}]+/gu)?.length ?? 0;
  return han > latin ? 'zh' : 'en';
}

/** `tables`: null where none can be queried. */
type Over = { documents: string; tables: string | null; nothingClose: boolean };

/** A question as it goes into the prompt. */
export function questionOver(
  { documents, tables, nothingClose }: Over,
  question: string,
  language: QuestionLanguage,
): string {
  const words = [
    WORDS[language],
    ...(tables === null ? [] : [TABLE_WORDS[language]]),
    ...(nothingClose ? [NOTHING_CLOSE[language]] : []),
  ];
  return [documents, tables ?? '', words.join(' '), question].filter((part) => part !== '').join('\n\n');
}
