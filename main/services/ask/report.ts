import type { Citation } from '../../contract/citations.ts';
import type { Ask } from './ask.ts';
import { cite, type Passage } from './cite.ts';
import type { QuestionLanguage } from './instruction.ts';
import type { NoteTaker } from './notes.ts';
import type { Stretch } from './sentences.ts';

/** A document that a report is about. */
export type Subject = { id: string; name: string };

/** What a report is written from. */
export type Material = {
  documents: readonly Subject[];
  ask: Pick<Ask, 'paragraphsOf' | 'blocksOf'>;
  notes: NoteTaker;
  /** Of the documents, and so of the report. */
  language: QuestionLanguage;
  signal: AbortSignal;
};

/** What was written. `said` are the stretches that are the model's words; the rest is known, with the places it shows. */
export type Written = {
  text: string;
  said: readonly Stretch[];
  known: readonly Citation[];
  /** Becomes part of the job's result. */
  counts: Record<string, number>;
};

/** A text about whole documents that takes many answers of the model, and begins a conversation about them. */
export type ReportKind = {
  /** Of its jobs. */
  kind: string;
  /** Of its jobs, in English. */
  title: string;
  /** What of the documents the user asked for. */
  request: Readonly<Record<QuestionLanguage, string>>;
  write(material: Material): Promise<Written>;
};

/** Each statement of the model is held against the documents; what is known needs no proof. In the order of the text. */
export async function citationsOf(
  { text, said, known }: Pick<Written, 'text' | 'said' | 'known'>,
  passages: readonly Passage[],
  signal: AbortSignal,
): Promise<Citation[]> {
  let blanked = '';
  let from = 0;
  for (const { start, end } of said) {
    blanked += text.slice(from, start).replace(/[^\n]/g, ' ') + text.slice(start, end);
    from = end;
  }
  blanked += text.slice(from).replace(/[^\n]/g, ' ');
  return [...known, ...(await cite(blanked, passages, signal))].sort((a, b) => a.start - b.start);
}
