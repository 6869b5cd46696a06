export const SCHEME = 'app';
export const ORIGIN = `${SCHEME}://longhand`;
export const PAGE = `${ORIGIN}/index.html`;

/** True for a file of our own page, which is all that a window of ours shows. */
export const isOurs = (address: string): boolean => address.startsWith(`${ORIGIN}/`);

/** The address that may be opened outside, in the form that shows a disguised host; null for every other kind. */
export function externalAddress(address: string): string | null {
  try {
    const { protocol, href } = new URL(address);
    return protocol === 'https:' || protocol === 'mailto:' ? href : null;
  } catch {
    return null;
  }
}
