import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { scenes } from '../support/e2e-scenes.ts';
import { expect, field, open, send, test } from '../support/e2e-page.ts';

const looks = [
  { theme: 'light', language: 'en' },
  { theme: 'dark', language: 'zh-CN' },
] as const;

for (const [index, scene] of scenes.entries()) {
  // Colours do not depend on the state, so each state is looked at once, in the two looks by turns.
  const look = looks[index % looks.length];
  test(`the page in state "${scene.name}" has no accessibility violation (${look?.theme})`, async ({
    page,
    assistant,
  }) => {
    assistant.setSettings(look ?? {});
    scene.arrange?.(assistant);
    await open(page, assistant);
    await scene.act?.(page, assistant);
    expect(await violations(page)).toEqual([]);
    // At 320 px and with letters twice as large, nothing may be cut off at the side.
    await page.setViewportSize({ width: 320, height: 640 });
    await expect.poll(() => widthBeyondWindow(page)).toBe(0);
    await page.setViewportSize({ width: 640, height: 640 });
    await page.evaluate(() => (document.documentElement.style.fontSize = '200%'));
    await expect.poll(() => widthBeyondWindow(page)).toBe(0);
  });
}

test('high contrast has no accessibility violation', async ({ page, assistant }) => {
  assistant.setSettings({ theme: 'contrast' });
  await open(page, assistant);
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'contrast');
  await send(page, 'Hello');
  await expect(page.locator('article.answer')).toContainText('tokens/s');
  expect(await violations(page)).toEqual([]);
});

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
  for (let step = 0; step < 40; step += 1) {
    await ui.keyboard.press('Tab');
    const focused = await ui.evaluate(describeFocus);
    if (focused === null || names.has(focused.name)) break;
    names.add(focused.name);
    expect.soft(focused.outlinePx, `${focused.name} shows its focus`).toBeGreaterThanOrEqual(2);
    expect.soft(Math.min(focused.width, focused.height), `${focused.name} is large enough`).toBeGreaterThanOrEqual(24);
  }
  expect([...names].join(' | ')).toContain('Send');
  expect(names.size).toBeGreaterThan(9);
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

async function violations(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, nodes }) => ({
    id,
    nodes: nodes.map(({ html, failureSummary }) => [html, failureSummary]),
  }));
}

function widthBeyondWindow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const boxes = [...document.querySelectorAll('main *, nav *')].filter((element) => {
      // Code may be wider than its own scrolling box; what is hidden until it is needed takes no room.
      return (
        element.checkVisibility({ visibilityProperty: true }) && !element.closest('pre, .visually-hidden, .actions')
      );
    });
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
