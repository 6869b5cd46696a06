import { describe, expect, it } from 'vitest';
import { parseQuestion } from '../../main/services/store/question.ts';

const grams = (question: string) =>
  parseQuestion(question).terms.flatMap((term) => /^grams : "(.+)"( \*)?$/u.exec(term)?.slice(1, 3).join('') ?? []);

describe('a question in Chinese', () => {
  it('is looked up by its pairs, without what it is asked with', () => {
    expect(grams('日志文件怎么轮转？')).toEqual(['日志', '志文', '文件', '轮转']);
  });

  it('keeps names that have such characters within them', () => {
    expect(grams('哪条河流经维也纳')).toContain('也纳');
    expect(grams('维也纳')).toEqual(['维也', '也纳', '维 *', '纳 *']);
  });

  it('looks for one character where there is nothing else, and only there', () => {
    expect(grams('茶')).toEqual(['茶 *']);
    expect(grams('茶的产地')).not.toContain('茶 *');
  });
});
