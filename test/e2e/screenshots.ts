// Pictures of every state of the page, for people to look at: node test/e2e/screenshots.ts OUT [scene...] [WIDTHxHEIGHT] [light|dark|contrast] [en|zh-CN]
import { mkdirSync } from 'node:fs';
import { chromium } from '@playwright/test';
import { buildRenderer } from '../../scripts/build-renderer.mjs';
import { findChromium } from '../../scripts/chromium.ts';
import { scenes } from '../support/e2e-scenes.ts';
import { ScriptedAssistant } from '../support/scripted-assistant.ts';

const [out = 'test-results/screenshots', ...choice] = process.argv.slice(2);
const chosen = <T extends string>(all: readonly T[]) => {
  const some = all.filter((one) => choice.includes(one));
  return some.length > 0 ? some : all;
};

await buildRenderer();
mkdirSync(out, { recursive: true });
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: findChromium(), args: asRoot });
const names = chosen(scenes.map(({ name }) => name));
const sizes = choice.filter((one) => /^\d+x\d+$/.test(one));

for (const scene of scenes.filter(({ name }) => names.includes(name))) {
  for (const size of sizes.length > 0 ? sizes : ['1280x800', '900x600']) {
    for (const theme of chosen(['light', 'dark'] as const)) {
      for (const language of chosen(['en', 'zh-CN'] as const)) {
        const assistant = await ScriptedAssistant.start();
        const [width = 0, height = 0] = size.split('x').map(Number);
        // Of the system as well: a page that was refused has no settings to read.
        const system = { colorScheme: theme, locale: language };
        const page = await browser.newPage({ viewport: { width, height }, ...system });
        assistant.setSettings({ theme: choice.includes('contrast') ? 'contrast' : theme, language });
        scene.arrange?.(assistant);
        await page.goto(assistant.url);
        await page.locator('main').waitFor();
        await page.waitForTimeout(300); // for the settings and the fonts
        await scene.act?.(page, assistant);
        await page.waitForTimeout(300);
        await page.screenshot({ path: `${out}/${scene.name}-${size}-${theme}-${language}.png` });
        await page.close();
        await assistant.die();
      }
    }
  }
}
await browser.close();
