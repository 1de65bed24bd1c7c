// A hub that one enters with an account.
import { PASSWORD, signIn, signUp } from '../support/accounts.ts';
import { expectNoBarrier } from '../support/barriers.ts';
import { expect, test } from '../support/test.ts';

test.use({ ownStack: true, settings: { AUTH: 'accounts' } });

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('one makes an account, leaves, is led back, and sees nothing of others', async ({ page, browser, misdeeds, baseURL }) => {
      misdeeds.allow(/422/);
      await page.goto('/new/docking');
      await page.waitForURL(/\/login\?next=/);
      await signUp(page, 'ada@example.org');
      await page.getByRole('link', { name: 'Account' }).click();
      await expect(page.getByText('ada@example.org')).toBeVisible();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.waitForURL(/\/login$/);
      await page.goto('/account');
      await page.waitForURL(/\/login\?next=/);
      await signIn(page, 'ada@example.org', 'not the password');
      await expect(page.getByText('address or password is wrong')).toBeVisible();
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL(/\/account$/);

      const other = await browser.newContext({ baseURL, javaScriptEnabled });
      const stranger = await other.newPage();
      await stranger.goto('/account');
      await expect(stranger.getByRole('heading', { level: 1 })).toHaveText('Sign in');
      await other.close();
    });
  });
}

test('whoever is signed out meanwhile signs in again and goes on', async ({ page, misdeeds }) => {
  misdeeds.allow(/401/);
  await signUp(page, 'ada@example.org');
  await page.goto('/account');
  await page.request.post('/api/v1/auth/logout');
  await page.getByRole('link', { name: 'Usage' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('You are not signed in any more');
  await page.getByRole('alert').getByRole('link', { name: 'Sign in' }).click();
  await page.waitForURL(/\/login\?next=%2Fusage$/);
  await signIn(page, 'ada@example.org');
  await page.waitForURL(/\/usage$/);
});

test('an organisation is founded, joined by a link, and sees what is shown to it', async ({ page, browser, baseURL }) => {
  await signUp(page, 'ada@example.org');
  await page.goto('/organization');
  await page.getByLabel('Name of the organisation').fill('Structural biology');
  await page.getByRole('button', { name: 'Found it' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Structural biology');
  await page.getByLabel('As').selectOption('viewer');
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = await page.locator('.notice code').innerText();
  await expectNoBarrier(page);

  const other = await browser.newContext({ baseURL, javaScriptEnabled: false });
  const guest = await other.newPage();
  await signUp(guest, 'bea@example.org');
  await guest.goto(link);
  await expect(guest.getByRole('heading', { level: 1 })).toHaveText('Join Structural biology?');
  await guest.getByRole('button', { name: 'Join' }).click();
  await expect(guest.getByRole('cell', { name: 'bea@example.org' })).toBeVisible();
  await guest.getByRole('link', { name: 'What is shown to all' }).click();
  await expect(guest.getByRole('link', { name: 'shown to my organisation', exact: true })).toBeVisible();
  await page.goto('/organization');
  await page.getByLabel('Role of Ada').selectOption('member');
  await page.getByRole('button', { name: 'Give' }).click();
  await expect(page.getByLabel('Role of Ada')).toHaveValue('member');
  await page.getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByRole('cell', { name: 'bea@example.org' })).toHaveCount(0);
  await expect(async () => {
    await guest.goto('/organization');
    await expect(guest.getByLabel('Name of the organisation')).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 10_000 });
  await other.close();
});

test('an owner finds and ends the link of a member', async ({ page, browser, baseURL, misdeeds }) => {
  misdeeds.allow(/404/);
  await signUp(page, 'ada@example.org');
  await page.request.post('/api/v1/organizations', { data: { name: 'Structural biology' } });
  const invited = await page.request.post('/api/v1/organizations/own/invitations', { data: { role: 'member' } });
  const other = await browser.newContext({ baseURL });
  const bea = await other.newPage();
  await signUp(bea, 'bea@example.org');
  await bea.goto((await invited.json()).url);
  await bea.getByRole('button', { name: 'Join' }).click();
  await expect(bea.getByRole('heading', { level: 1 })).toHaveText('Structural biology');
  await expect(bea.getByRole('link', { name: 'Audit log' })).toHaveCount(0);
  const input = { target: { named: 'ABL1' }, ligand: { name: 'ethanol', smiles: 'CCO' } };
  const job = await bea.request.post('/api/v1/jobs', { data: { task: 'docking', name: 'kinase', input } });
  const link = await bea.request.post('/api/v1/shares', { data: { job_id: (await job.json()).id } });
  const { url } = await link.json();

  await page.goto('/organization');
  await page.locator('main').getByRole('link', { name: 'Links', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Links of the organisation');
  const row = page.locator('tr[data-share]');
  await expect(row).toHaveCount(1);
  await expect(row).toContainText('kinase');
  await expectNoBarrier(page);
  await row.locator('summary').click();
  await row.getByRole('button', { name: 'Revoke the link' }).click();
  await expect(page.locator('tr[data-share]')).toContainText('Revoked');
  await expect(page).toHaveURL(/\/organization\/links$/);
  expect((await bea.goto(url))?.status()).toBe(404);
  await other.close();
});

test('the pages of accounts have no barrier', async ({ page, misdeeds }) => {
  test.setTimeout(180_000);
  misdeeds.allow(/422/);
  for (const path of ['/login', '/reset', '/signup']) {
    await page.goto(path);
    await expectNoBarrier(page);
  }
  await page.getByLabel('E-mail').fill('ada@example.org');
  await page.getByLabel(/^Name/).fill('Ada');
  await page.getByLabel(/^Password/).fill('weak');
  await page.getByRole('button', { name: 'Make the account' }).click();
  await expect(page.getByText('a password has at least 10 characters')).toBeVisible();
  await expectNoBarrier(page);
  await signUp(page, 'ada@example.org');
  await page.goto('/account');
  await page.getByLabel('Name of a new key').fill('cluster');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await expect(page.getByText('This key is shown this once')).toBeVisible();
  await expectNoBarrier(page);
});
