import type { Job } from '../../main/contract/jobs.ts';
import { documentOwner } from '../../main/contract/owner.ts';
import { t } from './i18n/index.svelte.ts';
import { modelTitle } from './model-title.ts';

/** What a job is about, in the language of the page. Work that only a newer assistant knows reads as it says itself. */
export function jobTitle({ kind, subject, title }: Job): string {
  const words = t().job.titles;
  if (kind === 'pull') return subject === null ? words.pullStarter : words.pull(modelTitle(subject));
  if (kind === 'import' && subject !== null)
    return words.import(/\.gguf$/i.test(subject) ? subject : modelTitle(subject));
  if (kind === 'verify' && subject !== null) return t().context.job(modelTitle(subject));
  if (kind === 'document') return subject === null ? words.document : words.documentOf(subject);
  if (kind === 'index') return words.index;
  if (kind === 'embedder') return words.embedder;
  if (kind === 'summary') return t().documents.summing;
  if (kind === 'comparison') return t().documents.comparing;
  if (kind === 'prefill')
    return documentOwner.idOf(subject ?? '') === null ? t().reading.reading : t().documents.reading;
  return title;
}
