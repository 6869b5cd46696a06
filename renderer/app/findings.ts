import type { Finding } from '../../main/contract/system.ts';
import { locale } from './i18n/index.svelte.ts';

/** PLACEHOLDER */
export function findingWords({ summary, action }: Finding): { summary: string; action: string | null } {
  void locale;
  return { summary, action };
}
