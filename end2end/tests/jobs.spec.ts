// My Results and the page of one job.
import { csvOf, TINY } from '../support/hub.ts';
import { check, fillScreen } from '../support/form.ts';
import { expect, test } from '../support/test.ts';

const DOCKING_MS = 240_000;

test('the list is filtered by chips and words, and back and reload keep what is shown', async ({ page, hub }) => {
  test.setTimeout(DOCKING_MS);
  const screen = await hub.completedScreen();
  await page.goto('/');
  const row = page.getByRole('row', { name: new RegExp(screen.name) });
  await expect(row).toBeVisible();
  await page.getByRole('group', { name: 'Status' }).getByRole('link', { name: 'Failed' }).click();
  await expect(page).toHaveURL(/status=failed/);
  await expect(row).toHaveCount(0);
  await page.reload();
  await expect(row).toHaveCount(0);
  await page.goBack();
  await expect(row).toBeVisible();
  await page.getByLabel('Search My Results').fill('tiny status:completed -imatinib');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/status=completed/);
  await expect(page.locator('tr[data-row]')).toHaveCount(1);
  await expect(row).toBeVisible();
});

test('a batch opens in place', async ({ page, hub }) => {
  test.setTimeout(DOCKING_MS);
  const screen = await hub.completedScreen();
  await page.goto('/?search=tiny');
  await page.getByRole('link', { name: 'Show the first ligands' }).click();
  await expect(page.getByRole('link', { name: 'pyridine', exact: true })).toBeVisible();
  await expect(page.getByRole('link', { name: 'All 4 ligands' })).toHaveAttribute('href', `/batches/${screen.id}`);
  await page.getByRole('link', { name: 'Close the batch' }).click();
  await expect(page.getByRole('link', { name: 'pyridine', exact: true })).toHaveCount(0);
});

test('what is read while a row moves is shown with what the row has become', async ({ page, hub }) => {
  test.setTimeout(DOCKING_MS);
  const { id } = await hub.submitScreen('Moving', TINY);
  await hub.ended(id);
  await page.goto('/?search=moving');
  let read = () => {};
  const mayBeRead = new Promise<void>((resolve) => {
    read = resolve;
  });
  await page.route('**/api/jobs/list', async (route) => {
    await mayBeRead;
    await route.continue();
  });
  await page.getByRole('link', { name: 'Show the first ligands' }).click();
  await expect(page.locator('.list.stale')).toBeVisible();
  await hub.rename(id, 'Moving on');
  await expect(page.getByRole('link', { name: 'Moving on', exact: true })).toBeVisible();
  read();
  await expect(page.locator('.list.stale')).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'pyridine', exact: true })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Moving on', exact: true })).toBeVisible();
});

test('a job shows its score, its input, how it was done, and its files', async ({ page, hub }) => {
  test.setTimeout(DOCKING_MS);
  const [best] = await hub.children((await hub.completedScreen()).id);
  const answer = await page.goto(`/jobs/${best?.id}`);
  expect(answer?.status()).toBe(200);
  const shown = (best?.values.docking_score ?? Number.NaN).toPrecision(3).replace('-', '−');
  await expect(page.locator('.answer')).toContainText(shown);
  await expect(page.getByText('ABL1 (DOCKSTRING)')).toBeVisible();
  await expect(page.getByText('AutoDock Vina').first()).toBeVisible();
  for (const file of ['poses.sdf', 'receptor.pdbqt', 'metrics.json']) {
    await expect(page.getByRole('link', { name: file })).toBeVisible();
  }
  await page.getByRole('link', { name: 'Show in 3D' }).click();
  await expect(page.getByLabel('3D view').locator('canvas').first()).toBeVisible({ timeout: 30_000 });
});

test('a screen is renamed, cancelled and deleted, each after it was asked', async ({ page, hub }) => {
  test.setTimeout(DOCKING_MS);
  const { id } = await hub.submitScreen('To be thrown away', [...TINY, ...TINY, ...TINY]);
  await page.goto(`/batches/${id}`);
  await page.getByText('Rename', { exact: true }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Thrown away <soon> & "well"');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Thrown away <soon> & "well"');

  await page.getByRole('link', { name: 'Cancel', exact: true }).click();
  await expect(page.getByText('batch with its 12 ligands')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel it' }).click();
  await page.waitForURL(`**/batches/${id}`);
  expect(['cancelled', 'partially_completed']).toContain((await hub.ended(id)).status);
  await page.reload();

  await page.getByRole('link', { name: 'Delete', exact: true }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.waitForURL((url) => url.pathname === '/');
  expect(await hub.list('search=thrown')).toHaveLength(0);
});

test('a job that comes in announces itself', async ({ page, hub }) => {
  test.setTimeout(DOCKING_MS);
  await hub.completedScreen();
  await page.goto('/');
  await expect(page.locator('tr[data-row]').first()).toBeVisible();
  const { id } = await hub.submitScreen('Late arrival', TINY.slice(0, 2));
  await page.getByRole('button', { name: /^\d+ new$/ }).click();
  const row = page.locator(`tr[data-row="${id}"]`);
  await expect(row).toBeVisible();
  await expect(row).toContainText('2 of 2', { timeout: DOCKING_MS });
});

test.describe('a hub of its own', () => {
  test.use({ ownStack: true });

  test('shows what it is and examples that fill the form, as long as it is empty', async ({ page }) => {
    await page.goto('/');
    await expect(page.getByRole('heading', { level: 2 })).toHaveText('Nothing here yet');
    await page.getByRole('link', { name: 'Screen kinase inhibitors' }).click();
    await expect(page.getByLabel('Gene name')).toHaveValue('ABL1');
    await expect(page.getByLabel('SMILES, one a line')).toHaveValue(/imatinib/);
  });

  test('lets jobs wait, and says so, while the gateway is away', async ({ page, hub, stack }) => {
    test.setTimeout(DOCKING_MS);
    await stack?.killGateway();
    await fillScreen(page, 'Patient', csvOf(TINY.slice(0, 1)));
    await check(page);
    await expect(page.getByText('Chemistry was not checked')).toBeVisible();
    await page.getByRole('button', { name: 'Dock 1 ligand' }).click();
    await page.waitForURL(/\/(jobs|batches)\/\w+/);
    const id = page.url().split('/').pop() ?? '';
    await expect.poll(async () => (await hub.job(id)).waiting?.reason ?? '', { timeout: 60_000 }).not.toBe('');
    await page.reload();
    await expect(page.getByRole('status').filter({ hasText: 'Waiting:' })).toBeVisible();
    await stack?.startGateway();
    expect((await hub.ended(id)).status).toBe('completed');
  });
});
