import { defineConfig } from '@playwright/test';
import { findChromium } from './scripts/chromium.ts';
import { findElectron } from './scripts/electron.ts';
import type { ShellOptions } from './test/support/e2e-app.ts';

// The same tests of a user's in every shell; those of Electron's own safety where its bundles run.
const EVERY_SHELL = 'shells.spec.ts';
const ELECTRON_ONLY = 'electron.spec.ts';
const STAND_IN_ONLY = 'electron-stand-in.spec.ts';

export default defineConfig<object, ShellOptions>({
  testDir: 'test/e2e',
  outputDir: 'test-results',
  timeout: 60_000,
  workers: 1, // each test starts the whole app with a model of its own
  forbidOnly: Boolean(process.env.CI),
  reporter: [['list'], ['./test/support/where-reporter.ts']],
  use: {
    headless: true,
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: findChromium(),
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [], // Chromium refuses its sandbox to root
    },
  },
  projects: [
    { name: 'browser', use: { shell: 'browser' }, testIgnore: [ELECTRON_ONLY, STAND_IN_ONLY] },
    { name: 'stand-in', use: { shell: 'stand-in' }, testMatch: [EVERY_SHELL, ELECTRON_ONLY, STAND_IN_ONLY] },
    ...('path' in findElectron()
      ? [{ name: 'electron', use: { shell: 'electron' as const }, testMatch: [EVERY_SHELL, ELECTRON_ONLY] }]
      : []),
  ],
});
