import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from '@playwright/test';
import { findChromium } from '../../../scripts/chromium.ts';
import { told } from './control.ts';

let profile: string | null = null;
let launching: Promise<BrowserContext> | null = null;

/** One Chromium for all windows; tests drive it over the address that 'devtools' tells. */
export function launchBrowser(): Promise<BrowserContext> {
  launching ??= launch();
  return launching;
}

export async function closeBrowser(): Promise<void> {
  const context = await launching?.catch(() => null);
  await context?.close();
  if (profile !== null) rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
}

async function launch(): Promise<BrowserContext> {
  profile = mkdtempSync(join(tmpdir(), 'stand-in-profile-'));
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findChromium(),
    headless: true,
    viewport: null,
    args: [...asRoot, '--remote-debugging-port=0', '--window-size=1280,800'],
    handleSIGTERM: false, // the app ends in order, and the browser with it
    handleSIGINT: false,
    handleSIGHUP: false,
  });
  const [port] = readFileSync(join(profile, 'DevToolsActivePort'), 'utf8').split('\n');
  told('devtools', `http://127.0.0.1:${port}`);
  return context;
}
