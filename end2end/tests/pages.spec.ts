// What every page owes its readers: no barrier that axe knows of, in light and dark, wide and narrow; all by keyboard.
import type { Page } from '@playwright/test';
import { expectNoBarrier } from '../support/barriers.ts';
import { check, fillScreen } from '../support/form.ts';
import { csvOf, type Hub, TINY } from '../support/hub.ts';
import { expect, test } from '../support/test.ts';

const DOCKING_MS = 240_000;

/** Every kind of page, and how one gets there. */
const PAGES: [string, (page: Page, hub: Hub) => Promise<unknown>][] = [
  ['My Results', async (page, hub) => (await hub.completedScreen(), page.goto('/'))],
  ['a list without a match', (page) => page.goto('/?search=nothingofthekind&status=failed')],
  ['tasks', (page) => page.goto('/new')],
  ['the docking form', (page) => page.goto('/new/docking')],
  ['a preflight', async (page) => {
    const broken = { name: 'broken', smiles: 'C1CC', shelf: '' };
    await fillScreen(page, 'Looked at only', csvOf([...TINY, broken]));
    await check(page);
  }],
  ['a refused form', async (page) => {
    await page.goto('/new/docking');
    await page.getByLabel('Gene name').fill('ABL99');
    await check(page);
  }],
  ['a task that is not available', (page) => page.goto('/new/protein_structure')],
  ['a batch', async (page, hub) => page.goto(`/batches/${(await hub.completedScreen()).id}`)],
  ['a job', async (page, hub) => page.goto(`/jobs/${(await hub.children((await hub.completedScreen()).id))[0]?.id}`)],
  ['a question before deletion', async (page, hub) => page.goto(`/jobs/${(await hub.completedScreen()).id}/delete`)],
  ['a retry', async (page, hub) => page.goto(`/batches/${(await hub.completedScreen()).id}/retry-failed`)],
];

for (const [name, go] of PAGES) {
  test(`${name}: no barrier, no sideways scrolling`, async ({ page, hub }) => {
    test.setTimeout(DOCKING_MS);
    await go(page, hub);
    await expectNoBarrier(page);
  });
}

test('an address that leads nowhere says so', async ({ page, misdeeds }) => {
  misdeeds.allow(/404/);
  const answer = await page.goto('/nowhere/at/all');
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is nothing here');
});

test('the list waits for at most 250 kB of our code', async ({ page }) => {
  await page.goto('/');
  const loaded = (ending: RegExp) =>
    page.evaluate((ending) => {
      const files = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
      const sizes = files.filter((file) => ending.test(file.name)).map((file) => file.encodedBodySize);
      return sizes.reduce((sum, size) => sum + size, 0);
    }, ending);
  await expect.poll(() => loaded(/\.wasm$/)).toBeGreaterThan(0);
  expect(await loaded(/\.(js|wasm)$/)).toBeLessThanOrEqual(250_000);
});

test('keys lead to search, rows, a new job and the list of keys', async ({ page, hub }) => {
  test.setTimeout(DOCKING_MS);
  await hub.completedScreen();
  await page.goto('/?search=tiny');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('/');
  await expect(page.getByLabel('Search My Results')).toBeFocused();
  await page.keyboard.press('Tab');
  await page.keyboard.press('j');
  await expect(page.locator('tr[data-row] a[data-open]').first()).toBeFocused();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/batches\//);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeHidden();
  await page.getByRole('button', { name: 'Keyboard' }).click();
  await page.getByLabel('Keys of one letter or sign work').uncheck();
  await page.keyboard.press('Escape');
  await page.reload();
  await page.getByRole('button', { name: 'Keyboard' }).click();
  await expect(page.getByLabel('Keys of one letter or sign work')).not.toBeChecked();
  await page.keyboard.press('Escape');
  for (const key of ['/', 'n', '?']) await page.keyboard.press(key);
  await expect(page.getByLabel('Search My Results')).not.toBeFocused();
  await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeHidden();
  await expect(page).toHaveURL(/\/batches\//);
  await page.getByRole('button', { name: 'Keyboard' }).click();
  await page.getByLabel('Keys of one letter or sign work').check();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  // A key at once after the dialog has closed, when its button still has the focus.
  await page.evaluate(() => {
    document.querySelector<HTMLDialogElement>('dialog#help')?.close();
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'n' }));
  });
  await page.waitForURL(/\/new$/);
});
