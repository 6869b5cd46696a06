import { locale, t } from './i18n/index.svelte.ts';

/** By language and form: to make one takes a hundred times as long as to use it. */
const numberFormats = new Map<string, Intl.NumberFormat>();

function numberFormat(form: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `${locale.language} ${JSON.stringify(form)}`;
  let format = numberFormats.get(key);
  if (format === undefined) numberFormats.set(key, (format = new Intl.NumberFormat(locale.language, form)));
  return format;
}

/** 41210 -> "41,210" */
export function formatCount(count: number): string {
  return numberFormat({ maximumFractionDigits: 0 }).format(count);
}

/** 41.27 -> "41", 4.27 -> "4.3": two digits say enough about a speed. */
export function formatRate(rate: number): string {
  const digits = rate < 9.95 ? 1 : 0;
  return numberFormat({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(rate);
}

/** Decimal units, as downloads and disks are sold: 145_000_000 -> "145 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  const digits = power > 0 && value < 10 ? 1 : 0;
  const text = numberFormat({ minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text.format(value)} ${units[power]}`;
}

/** An amount of work in the unit of its job: bytes get their prefix, everything else is counted. */
export function formatAmount(amount: number, unit: string): string {
  return unit === 'bytes' ? formatBytes(amount) : t().units.counted(formatCount(amount), unit);
}

/** 64_000 -> "1 min 4 s". Rounded up, so that work never shows "0 s left" while it goes on. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  const { units } = t();
  if (seconds < 60) return units.seconds(String(seconds));
  if (seconds < 3600) return units.minutes(String(Math.floor(seconds / 60)), String(seconds % 60));
  return units.hours(String(Math.floor(seconds / 3600)), String(Math.floor((seconds % 3600) / 60)));
}

/** How much of a job is done, rounded down: 0.427 -> "42 %". */
export function formatShare({ done, total }: { done: number; total: number | null }): string {
  return `${total === null || total === 0 ? 0 : Math.floor((done / total) * 100)} %`;
}

/** "14:02" in the language's habit. */
export function formatTime(ms: number): string {
  return new Intl.DateTimeFormat(locale.language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(ms);
}

/** "3 Mar 2026" in the language's habit. */
export function formatDay(ms: number): string {
  return new Intl.DateTimeFormat(locale.language, { dateStyle: 'medium' }).format(ms);
}

/** 4096 -> "4K": lengths of context are powers of two and are called so in every language. */
export function formatContext(tokens: number): string {
  return tokens % 1024 === 0 ? `${formatCount(tokens / 1024)}K` : formatCount(tokens);
}

/** 494_000_000 -> "490M", in Chinese "4.9亿". */
export function formatParameters(count: number): string {
  return numberFormat({ notation: 'compact', maximumSignificantDigits: 2 }).format(count);
}

/** Words of a text; in Chinese, which does not separate them, each character counts, as its readers do. */
export function countWords(text: string): number {
  const han = text.match(/\p{Script=Han}/gu)?.length ?? 0;
  let words = 0;
  for (const part of new Intl.Segmenter(locale.language, { granularity: 'word' }).segment(
    text.replace(/\p{Script=Han}/gu, ' '),
  )) {
    if (part.isWordLike) words += 1;
  }
  return han + words;
}
