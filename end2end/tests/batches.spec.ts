// The page of a batch: its table in every order, filtered, with chosen columns, all of it in the address.
import { expect, test } from '../support/test.ts';

test.beforeEach(async ({ hub, page }) => {
  test.setTimeout(240_000);
  const screen = await hub.completedScreen();
  await page.goto(`/batches/${screen.id}`);
});

test('the table is turned by its heads and keeps that in its address', async ({ page, hub }) => {
  const names = page.locator('table.children tbody td.name');
  const best = (await hub.children(page.url().split('/').pop() ?? '')).map((child) => child.name);
  await expect(names).toHaveText(best);
  await page.getByRole('columnheader', { name: /^Docking score/ }).getByRole('link').click();
  await expect(page).toHaveURL(/sort=-docking_score/);
  await expect(names).toHaveText(best.toReversed());
  await page.getByRole('columnheader', { name: 'Name' }).getByRole('link').click();
  await expect(names).toHaveText(best.toSorted());
  await page.reload();
  await expect(names).toHaveText(best.toSorted());
  await page.goBack();
  await expect(names).toHaveText(best.toReversed());
});

test('the table is filtered by text and value', async ({ page, hub }) => {
  const names = page.locator('table.children tbody td.name');
  await page.getByLabel('Name or SMILES').fill('pyri');
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect(names).toHaveText(['pyridine']);
  await page.getByRole('link', { name: 'Clear', exact: true }).click();
  await expect(names).toHaveCount(4);

  const children = await hub.children(new URL(page.url()).pathname.split('/').pop() ?? '');
  const bound = children[1]?.values.docking_score ?? Number.NaN;
  await page.getByLabel('Docking score (kcal/mol), to').fill(String(bound));
  await page.getByRole('button', { name: 'Filter' }).click();
  const passing = children.filter((child) => (child.values.docking_score ?? 0) <= bound);
  await expect(names).toHaveText(passing.map((child) => child.name));
});

test('columns are chosen', async ({ page }) => {
  const heads = page.locator('table.children thead th');
  await page.getByText('Columns', { exact: true }).click();
  await page.getByRole('checkbox', { name: 'SMILES' }).uncheck();
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(heads.filter({ hasText: 'SMILES' })).toHaveCount(0);
  await expect(heads.filter({ hasText: 'Docking score' })).toHaveCount(1);
});

test('what does not exist says so, with its status', async ({ page, misdeeds }) => {
  misdeeds.allow(/404/);
  const answer = await page.goto('/batches/aaaaaaaaaaaaaaaaaaaaaaaaaa');
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is nothing here');
});
