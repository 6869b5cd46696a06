import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

export type Asset = { body: Uint8Array; contentType: string; isHashed: boolean };
export type Assets = { read(path: string): Promise<Asset | null> };

/**
 * The built page. What can be read is what was in the folder at the time of the call, asked for by the exact path: no
 * spelling of a path leads out of it, and neither does a symbolic link.
 * @param folder with index.html, which is also '/'
 */
export function openAssets(folder: string): Assets {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('.')) continue;
    const file = join(entry.parentPath, entry.name);
    files.set(file.slice(folder.length).split(sep).join('/'), file);
  }
  return {
    async read(path) {
      const file = files.get(path === '/' ? '/index.html' : path);
      const body = file === undefined ? null : await readFile(file).catch(() => null);
      if (file === undefined || body === null) return null;
      const contentType = TYPES[extname(file)] ?? 'application/octet-stream';
      return { body, contentType, isHashed: path.startsWith('/assets/') };
    },
  };
}

const DIAGRAM_FRAME = '/diagram/frame.html';

/** True of the scripts of the frame for diagrams: public code, asked for by a document whose origin is opaque. */
export function isFrameScript(path: string): boolean {
  return /^\/diagram\/\w+\.js$/.test(path);
}

/**
 * The headers of the file at `path`. The page loads its own files, speaks to `connect` alone, and is framed by nobody.
 * The frame that draws diagrams is framed by the page, runs its own two scripts and reaches nothing at all.
 */
export function securityHeaders(connect: string, path = ''): Record<string, string> {
  const isFrame = path === DIAGRAM_FRAME;
  return {
    'content-security-policy': (isFrame ? framePolicy() : pagePolicy(connect)).join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': isFrameScript(path) ? 'cross-origin' : 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=()',
  };
}

function framePolicy(): string[] {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'unsafe-inline'", // Mermaid measures text with the styles that it draws with
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    'sandbox allow-scripts', // opaque wherever it is opened
  ];
}

function pagePolicy(connect: string): string[] {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'", // formulas are laid out with style attributes
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "frame-src 'self'", // nothing of ours but the frame for diagrams lets itself be framed
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
}
