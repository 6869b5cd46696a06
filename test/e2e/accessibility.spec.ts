import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { scenes } from '../support/e2e-scenes.ts';
import { answers, expect, field, open, test } from '../support/e2e-page.ts';

const themes = ['light', 'dark', 'contrast'] as const;

for (const [index, scene] of scenes.entries()) {
  // Words do not depend on the state, so each state is met in one language; colours are looked at in all themes.
  const language = index % 2 === 0 ? 'en' : 'zh-CN';
  test(`the page in state "${scene.name}" has no accessibility violation (${language})`, async ({
    page,
    assistant,
  }) => {
    assistant.setSettings({ theme: themes[index % themes.length] ?? 'light', language });
    scene.arrange?.(assistant);
    await open(page, assistant);
    await scene.act?.(page, assistant);
    expect(await violations(page)).toEqual([]);
    for (const theme of themes) {
      await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme);
      expect(await violations(page, 'color-contrast'), theme).toEqual([]);
    }
    // At 320 px and with letters twice as large, nothing may be cut off at the side.
    await page.setViewportSize({ width: 320, height: 640 });
    await expect.poll(() => widthBeyondWindow(page)).toBe(0);
    await page.setViewportSize({ width: 640, height: 640 });
    await page.evaluate(() => (document.documentElement.style.fontSize = '200%'));
    await expect.poll(() => widthBeyondWindow(page)).toBe(0);
  });
}

test('at 320 px the list is a drawer that opens, takes the focus, and closes with Escape', async ({
  ui,
  assistant,
}) => {
  assistant.addConversation('Bread', ['How long?', 'An hour.']);
  await ui.setViewportSize({ width: 320, height: 640 });
  await ui.reload();
  await expect(ui.getByRole('navigation')).toBeHidden();
  await ui.getByRole('button', { name: 'Show conversations' }).click();
  await expect(ui.getByRole('button', { name: 'Hide conversations' })).toBeFocused();
  expect(await violations(ui)).toEqual([]);
  await ui.keyboard.press('Escape');
  await expect(ui.getByRole('navigation')).toBeHidden();
  await expect(ui.getByRole('button', { name: 'Show conversations' })).toBeFocused();
  await ui.keyboard.press('Enter');
  await ui.getByRole('link', { name: 'Bread' }).click();
  await expect(ui.getByText('An hour.')).toBeVisible();
  await expect(ui.getByRole('navigation')).toBeHidden();
});

test('the focus is visible wherever Tab leads, and every control can be hit', async ({ ui, assistant }) => {
  assistant.addConversation('Bread', ['How long?', 'An hour.']);
  await ui.reload();
  await ui.getByRole('link', { name: 'Bread' }).click();
  await expect(ui.getByText('An hour.')).toBeVisible();
  await field(ui).fill('More');
  await ui.getByRole('button', { name: 'Skip to the message field' }).focus();
  const names = new Set<string>();
  for (let step = 0; step < 60; step += 1) {
    await ui.keyboard.press('Tab');
    const focused = await ui.evaluate(describeFocus);
    if (focused === null || focused.name.includes('Skip to')) break;
    names.add(focused.name);
    expect.soft(focused.outlinePx, `${focused.name} shows its focus`).toBeGreaterThanOrEqual(2);
    expect.soft(Math.min(focused.width, focused.height), `${focused.name} is large enough`).toBeGreaterThanOrEqual(24);
  }
  expect([...names].join(' | ')).toContain('Send');
  expect(names.size).toBeGreaterThan(9);
});

test('the main tasks are done by keyboard alone', async ({ ui, assistant }) => {
  const press = async (...keys: string[]) => {
    for (const key of keys) await ui.keyboard.press(key);
  };
  assistant.addConversation('Bread', ['How long?', 'An hour.'], { ageMs: 1000 });
  await ui.reload();
  await expect(field(ui)).toBeFocused();
  await ui.keyboard.type('What is a longhand?'); // ask
  await press('Enter');
  await expect(answers(ui)).toContainText('You said: What is a longhand?');
  await press('Control+K'); // pin it
  await ui.keyboard.type('pin');
  await press('Enter');
  await expect(ui.getByRole('heading', { name: 'Pinned' })).toBeVisible();
  await press('Control+Shift+F'); // find and open another
  await ui.keyboard.type('hour');
  await expect(ui.getByText('1 result')).toBeVisible();
  await press('ArrowDown', 'Enter');
  await expect(answers(ui)).toContainText('An hour.');
  await press('Escape', 'Escape');
  await press('Control+K'); // delete it and bring it back
  await ui.keyboard.type('delete');
  await press('Enter');
  await expect(ui.getByText('“Bread” deleted.').first()).toBeVisible();
  await press('F6', 'Control+Z');
  await expect(answers(ui)).toContainText('An hour.');
  await press('Control+,'); // another look
  await expect(ui.getByRole('heading', { level: 1, name: 'Settings' })).toBeFocused();
  await press('Tab', 'Tab');
  await expect(ui.getByRole('combobox', { name: 'Appearance' })).toBeFocused();
  await ui.keyboard.type('Dark');
  await expect(ui.locator('html')).toHaveAttribute('data-theme', 'dark');
  await press('Escape');
  await expect(answers(ui)).toContainText('An hour.');
});

test('with reduced motion nothing moves', async ({ ui }) => {
  await ui.emulateMedia({ reducedMotion: 'reduce' });
  const moving = await ui.evaluate(
    () =>
      [...document.querySelectorAll('*')].filter((element) => {
        const { transitionDuration, animationDuration } = getComputedStyle(element);
        return [transitionDuration, animationDuration]
          .join()
          .split(',')
          .some((time) => parseFloat(time) > 0);
      }).length,
  );
  expect(moving).toBe(0);
});

async function violations(page: Page, rule?: string) {
  await page.waitForTimeout(150); // a colour that is still changing is none of either theme
  const axe = new AxeBuilder({ page });
  const { violations } = await (rule === undefined ? axe : axe.withRules(rule)).analyze();
  return violations.map(({ id, nodes }) => ({
    id,
    nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]),
  }));
}

function widthBeyondWindow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const boxes = [...document.querySelectorAll('main *, nav *, aside *, .tools *, [role=dialog] *, .toast *')].filter(
      (element) => {
        // Code may be wider than its own scrolling box; what is hidden until it is needed takes no room.
        return (
          element.checkVisibility({ visibilityProperty: true }) && !element.closest('pre, .visually-hidden, .scroll')
        );
      },
    );
    const right = Math.max(...boxes.map((element) => element.getBoundingClientRect().right));
    return Math.max(0, Math.round(right - innerWidth), document.documentElement.scrollWidth - innerWidth);
  });
}

/** Runs in the page: what has the focus, and how wide the outline is that shows it; a frame may show its field's. */
function describeFocus() {
  const element = document.activeElement;
  if (element === null || element === document.body) return null;
  const { width, height } = element.getBoundingClientRect();
  const outlines = [element, element.parentElement ?? element].map((one) => {
    const { outlineStyle, outlineWidth, borderTopWidth, borderTopColor, outlineColor } = getComputedStyle(one);
    const border = borderTopColor === outlineColor ? parseFloat(borderTopWidth) : 0;
    return outlineStyle === 'none' ? 0 : parseFloat(outlineWidth) + border;
  });
  const name = element.getAttribute('aria-label') ?? element.textContent?.trim() ?? element.tagName;
  return { name: `${element.tagName} ${name.slice(0, 40)}`, outlinePx: Math.max(...outlines), width, height };
}
