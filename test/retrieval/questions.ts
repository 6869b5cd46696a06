/** One of questions.json. */
export type Question = {
  language: 'en' | 'zh';
  /** The last two have no answer there: one is about something else, the other about what the books are about. */
  kind: 'literal' | 'paraphrase' | 'across' | 'unanswerable' | 'absent';
  /** Written to a passage that was drawn at chance, once the search was built, without seeing what it finds. */
  drawn?: boolean;
  question: string;
  /**
   * Words of the passages that answer it, as they stand there but for white space; one of them is enough. Where some way
   * missed, the first five of every way were read, and those that answer it were added.
   */
  evidence: string[];
};

const HAN = /\p{Script=Han}/gu;

export function hasAnswer({ kind }: Question): boolean {
  return kind !== 'unanswerable' && kind !== 'absent';
}

/** Whether a model that knows English alone reads it. */
export function isEnglish(text: string): boolean {
  return (text.match(HAN)?.length ?? 0) < text.length / 8;
}
