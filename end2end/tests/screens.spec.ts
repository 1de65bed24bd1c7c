// A screen as a person does it: from a file of ligands to ranked poses in their hands.
import { readFile } from 'node:fs/promises';
import type { Download, Page } from '@playwright/test';
import { check, fillScreen } from '../support/form.ts';
import { cellsOf, csvOf, type Hub, TINY } from '../support/hub.ts';
import { expect, test } from '../support/test.ts';

/** Four dockings, a start, and what else the machine does. */
const SCREEN_MS = 300_000;

test('a screen is submitted, watched, looked at in 3D, taken home and found again', async ({ page, hub }) => {
  test.setTimeout(SCREEN_MS);
  await page.goto('/');
  await page.getByRole('link', { name: 'New', exact: true }).click();
  await page.getByRole('main').getByRole('link', { name: 'Docking', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Screen ligands by docking');
  await fillScreen(page, 'The main job', csvOf(TINY));
  await check(page);
  await expect(page.getByText('4 pass', { exact: true })).toBeVisible();
  await expect(page.getByText('Expected time')).toBeVisible();

  await page.getByRole('button', { name: 'Dock 4 ligands' }).click();
  await page.waitForURL(/\/batches\/\w+/);
  const id = page.url().split('/').pop() ?? '';
  await page.evaluate(() => document.body.setAttribute('data-not-reloaded', ''));
  await expect(page).toHaveTitle(/^✓ 4\/4 The main job/, { timeout: SCREEN_MS });
  await expect(page.getByText('4 completed', { exact: true }).last()).toBeVisible();
  await expect(page.locator('body[data-not-reloaded]')).toHaveCount(1);

  const children = await hub.children(id);
  const scores = children.map((child) => child.values.docking_score ?? Number.NaN);
  expect(scores).toEqual(scores.toSorted((a, b) => a - b));
  await expectRows(page, children.map((child, place) => [`${place + 1}`, child.name]));

  await page.getByRole('link', { name: 'View pose' }).first().click();
  const view = page.getByLabel('3D view');
  await expect(view.locator('canvas').first()).toBeVisible();
  await expect(view.getByText(/pose 1 of \d/)).toBeVisible({ timeout: 30_000 });
  await page.keyboard.press('ArrowRight');
  await expect(view.getByText(/pose 2 of \d/)).toBeVisible();
  await view.getByRole('button', { name: 'Close' }).click();
  await expect(view).toHaveCount(0);

  const csv = await saved(page, 'CSV');
  expect(csv).toBe(await hub.exported(id, 'csv'));
  expectTable(csv, children);
  const sdf = await saved(page, 'SDF');
  expect(sdf).toBe(await hub.exported(id, 'sdf'));
  expect(sdf.split('$$$$\n').filter((record) => record.trim())).toHaveLength(4);

  await page.getByRole('link', { name: 'OMTX-Hub' }).click();
  await page.getByLabel('Search My Results').fill('main job task:docking');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('row', { name: /The main job/ })).toContainText('4 of 4');
  await expect(page).toHaveURL(/task=docking/);
});

test('a click that is doubled submits once', async ({ page, hub }) => {
  await fillScreen(page, 'Doubled click', csvOf(TINY.slice(0, 1)));
  await check(page);
  await page.getByRole('button', { name: 'Dock 1 ligand' }).dblclick();
  await page.waitForURL(/\/(jobs|batches)\/\w+/);
  expect(await hub.list('search=doubled')).toHaveLength(1);
});

test('going back and submitting again leads to the same screen', async ({ page, hub }) => {
  await fillScreen(page, 'Sent twice', csvOf(TINY.slice(0, 2)));
  await check(page);
  const draft = page.url();
  await page.getByRole('button', { name: 'Dock 2 ligands' }).click();
  await page.waitForURL(/\/batches\/\w+/);
  const first = page.url();
  await page.goto(draft);
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Sent twice');
  await page.getByRole('button', { name: 'Dock 2 ligands' }).click();
  await page.waitForURL(/\/batches\/\w+/);
  expect(page.url()).toBe(first);
  expect(await hub.list('search=twice')).toHaveLength(1);
});

test('rows that cannot be docked are named, and left out only when asked', async ({ page, hub }) => {
  const ligands = [...TINY.slice(0, 2), { name: 'broken', smiles: 'C1CC', shelf: '' }, { name: 'again', smiles: 'OCC', shelf: '' }];
  await fillScreen(page, 'With bad rows', csvOf(ligands));
  await check(page);
  await expect(page.getByRole('row', { name: /broken/ })).toContainText(/4\s*FAIL/i);
  await expect(page.getByRole('row', { name: /again/ })).toContainText(/5\s*WARN/i);
  expect(await hub.list('search=bad+rows')).toHaveLength(0);
  await page.getByRole('button', { name: 'Dock the 3 passing ligands' }).click();
  await page.waitForURL(/\/batches\/\w+/);
  const children = await hub.children(page.url().split('/').pop() ?? '');
  expect(children.map((child) => child.name).toSorted()).toEqual(['again', 'ethanol', 'pyridine']);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a screen is submitted, read and taken home', async ({ page, hub }) => {
    test.setTimeout(SCREEN_MS);
    await fillScreen(page, 'No script', csvOf(TINY));
    await check(page);
    await page.getByRole('button', { name: 'Dock 4 ligands' }).click();
    await page.waitForURL(/\/batches\/\w+/);
    const id = page.url().split('/').pop() ?? '';
    expect((await hub.ended(id)).status).toBe('completed');
    await page.reload();
    await expect(page).toHaveTitle(/^✓ 4\/4 No script/);
    const children = await hub.children(id);
    await expectRows(page, children.map((child, place) => [`${place + 1}`, child.name]));
    expectTable(await saved(page, 'CSV'), children);

    await page.getByRole('link', { name: children[0]?.name ?? '', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(children[0]?.name ?? '');
    await expect(page.getByText('kcal/mol').first()).toBeVisible();
    await expect(page.getByRole('link', { name: 'poses.sdf' })).toBeVisible();

    await page.goto('/');
    await page.getByLabel('Search My Results').fill('script');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('row', { name: /No script/ })).toContainText('Completed');
  });
});

/** The table's first cells, row by row. */
async function expectRows(page: Page, rows: string[][]): Promise<void> {
  const shown = page.locator('table.children tbody tr');
  await expect(shown).toHaveCount(rows.length);
  for (const [place, cells] of rows.entries()) {
    await expect(shown.nth(place).getByRole('cell').nth(0)).toHaveText(cells[0] ?? '');
    await expect(shown.nth(place).getByRole('cell').nth(1)).toHaveText(cells[1] ?? '');
  }
}

/** A CSV export holds every child with its value and the columns it came with. */
function expectTable(csv: string, children: Awaited<ReturnType<Hub['children']>>): void {
  const [head = [], ...rows] = cellsOf(csv);
  const column = (name: string) => rows.map((row) => row[head.indexOf(name)]);
  expect(column('name')).toEqual(children.map((child) => child.name));
  expect(column('docking_score (kcal/mol)').map(Number)).toEqual(children.map((child) => child.values.docking_score));
  const shelves = children.map((child) => TINY.find((ligand) => ligand.name === child.name)?.shelf);
  expect(column('shelf')).toEqual(shelves);
}

/** What a link saves. */
async function saved(page: Page, link: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: link, exact: true }).click()]);
  return readFile(await (download satisfies Download).path(), 'utf8');
}
