import { protocol } from 'electron';
import { openAssets, securityHeaders } from '../assets.ts';
import { ORIGIN, SCHEME } from './address.ts';

/** Has to be said before the app is ready: addresses of this scheme have an origin, and rank with https. */
export function registerScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true, codeCache: true };
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges }]);
}

/**
 * Serves the built page, with the policy that the browser shell sends too. It connects to nothing: ports need no address.
 * @param folder with index.html
 */
export function serveScheme(folder: string): void {
  const assets = openAssets(folder);
  protocol.handle(SCHEME, async ({ url, method }) => {
    const { origin, protocol: scheme, host, pathname } = new URL(url);
    const headers = securityHeaders("'self'", pathname);
    const isHere = origin === ORIGIN || `${scheme}//${host}` === ORIGIN;
    const asset = isHere && method === 'GET' ? await assets.read(pathname) : null;
    if (asset === null) return new Response(null, { status: 404, headers });
    return new Response(Uint8Array.from(asset.body), { headers: { ...headers, 'content-type': asset.contentType } });
  });
}
