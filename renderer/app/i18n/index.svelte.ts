import type { Language } from '../../../main/contract/common.ts';
import type { Settings } from '../../../main/contract/system.ts';
import { en, type Dictionary } from './en.ts';
import { zhCN } from './zh-CN.ts';

export type { Language };

export const dictionaries: Record<Language, Dictionary> = { en, 'zh-CN': zhCN };

class Locale {
  /** What the user chose; `system` follows the browser. */
  setting = $state<Settings['language']>('system');
  readonly language: Language = $derived(this.setting === 'system' ? preferred(navigator.languages) : this.setting);
  readonly words = $derived(dictionaries[this.language]);
}

export const locale = new Locale();

/** The words of the current language; reactive where it is called inside a component. */
export function t(): Dictionary {
  return locale.words;
}

/** The first language of the list that has a dictionary. Every Chinese is served the Simplified one, which beats English. */
export function preferred(languages: readonly string[]): Language {
  for (const language of languages) {
    if (/^zh\b/i.test(language)) return 'zh-CN';
    if (/^en\b/i.test(language)) return 'en';
  }
  return 'en';
}
