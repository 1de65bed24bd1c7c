// Links that show a result: made by hand, read by somebody else, ended.
import { expectNoBarrier } from '../support/barriers.ts';
import { Misdeeds, expect, test } from '../support/test.ts';

const DOCKING_MS = 240_000;

test('a screen is shared by a link, read without script by somebody else, and shared no more', async ({
  page,
  hub,
  browser,
  baseURL,
}) => {
  test.setTimeout(DOCKING_MS);
  const screen = await hub.completedScreen();
  const [best] = await hub.children(screen.id);
  await page.goto(`/batches/${screen.id}`);
  await page.getByRole('link', { name: 'Share', exact: true }).click();
  await expect(page.getByText('Nobody sees your e-mail address')).toBeVisible();
  await expectNoBarrier(page);
  await page.getByLabel('The link holds for').selectOption('7 days');
  await page.getByLabel(/^Password/).fill('pose-box-ligand');
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = (await page.locator('#link').textContent()) ?? '';
  expect(link).toMatch(/\/s\/[\w-]{43}$/);
  await page.reload();
  await expect(page.locator('#link')).toHaveCount(0);

  const reader = await browser.newContext({ javaScriptEnabled: false, baseURL });
  const misdeeds = new Misdeeds(new URL(baseURL ?? '').origin);
  misdeeds.watch(reader);
  misdeeds.allow(/404 \(Not Found\)/);
  const shown = await reader.newPage();
  await shown.goto(link);
  await expect(shown.getByText(screen.name)).toHaveCount(0);
  await shown.getByLabel('Password').fill('pose-box-ligand');
  await shown.getByRole('button', { name: 'Open' }).click();
  await expect(shown).toHaveURL(link);
  await expect(shown.getByRole('heading', { level: 1 })).toHaveText(screen.name);
  await expect(shown.getByText('Shared by the owner of this hub until')).toBeVisible();
  await expect(shown.locator('tr[data-row]')).toHaveCount(4);
  await expect(shown.getByRole('button', { name: /rename|delete|retry|cancel/i })).toHaveCount(0);
  const image = await shown.locator('meta[property="og:image"]').getAttribute('content');
  expect((await reader.request.get(image ?? '')).headers()['content-type']).toBe('image/png');
  const table = await reader.request.get(`${link}/export?format=csv`);
  expect((await table.text()).split('\r\n')).toHaveLength(6);
  await shown.getByRole('link', { name: best?.name ?? '', exact: true }).click();
  await expect(shown.getByText('ABL1 (DOCKSTRING)')).toBeVisible();
  const files = shown.getByRole('link', { name: 'poses.sdf' });
  const poses = await reader.request.get((await files.getAttribute('href')) ?? '');
  expect(await poses.text()).toContain('M  END');

  // axe runs in the page and so needs script.
  const looking = await browser.newContext({ baseURL });
  misdeeds.watch(looking);
  const looked = await looking.newPage();
  await looked.goto(link);
  await expectNoBarrier(looked);
  await looked.getByLabel('Password').fill('pose-box-ligand');
  await looked.getByRole('button', { name: 'Open' }).click();
  await expect(looked.locator('tr[data-row]')).toHaveCount(4);
  await expectNoBarrier(looked);
  await looked.getByRole('link', { name: best?.name ?? '', exact: true }).click();
  await expect(looked.getByText('ABL1 (DOCKSTRING)')).toBeVisible();
  await expectNoBarrier(looked);
  await looked.getByRole('link', { name: 'Show in 3D' }).click();
  await expect(looked.getByLabel('3D view').locator('canvas').first()).toBeVisible({ timeout: 30_000 });

  await page.goto('/shares');
  const row = page.locator('tr[data-share]').first();
  await expect(row.locator('td.num')).toHaveText('2');
  await expectNoBarrier(page);
  await row.locator('summary').click();
  await row.getByRole('button', { name: 'Revoke the link' }).click();
  await expect(page.locator('tr[data-share]').first()).toContainText('Revoked');
  const gone = await shown.goto(link);
  expect(gone?.status()).toBe(404);
  await expect(shown.getByRole('heading', { level: 1 })).toHaveText('This link leads nowhere');
  expect(misdeeds.list()).toEqual([]);
  await reader.close();
  await looking.close();
});
