/**
 * The address that may be opened for what stands in a text, after the user has confirmed it; null for every other. The
 * browser's own parser decides: it drops the line breaks and tabs that hide a scheme, and writes foreign hosts in Punycode.
 */
export function openable(written: string): string | null {
  const url = URL.parse(written.trim());
  if (url === null || url.href.length > 2000) return null;
  if (url.protocol === 'mailto:') return url.href;
  // A user name before the host exists in links only to make another host look like the first one.
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return null;
  return url.href;
}

/** What to show behind the words of a link: whom it leads to. */
export function destination(address: string): string {
  const url = new URL(address);
  return url.protocol === 'mailto:' ? url.pathname : url.host;
}
