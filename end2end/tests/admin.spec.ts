// Those who look after a hub: what they see and set, and that it is written down.
import { signUp } from '../support/accounts.ts';
import { expectNoBarrier } from '../support/barriers.ts';
import { expect, test } from '../support/test.ts';

test.use({ ownStack: true, settings: { AUTH: 'accounts' } });

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('an admin is appointed, sets limits and maintenance, and reads what was done', async ({ page, stack, browser, misdeeds, baseURL }) => {
      test.setTimeout(180_000);
      misdeeds.allow(/422|404|CONNECTION_REFUSED/);
      const other = await browser.newContext({ baseURL, javaScriptEnabled });
      const ada = await other.newPage();
      await signUp(ada, 'ada@example.org');
      await ada.goto('/admin');
      await expect(ada.getByRole('heading', { level: 1 })).toHaveText('There is nothing here');

      await signUp(page, 'root@example.org');
      await stack?.appoint('root@example.org');
      await expect(async () => {
        await page.goto('/account');
        await expect(page.getByRole('link', { name: 'Hub', exact: true })).toBeVisible({ timeout: 500 });
      }).toPass({ timeout: 10_000 });
      await page.getByRole('link', { name: 'Hub', exact: true }).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Hub');
      if (javaScriptEnabled) await expectNoBarrier(page);
      const vina = page.locator('section').filter({ has: page.getByRole('heading', { name: 'AutoDock Vina' }) });
      await vina.getByLabel(/In maintenance/).fill('new receptors');
      await vina.getByRole('button', { name: 'Set AutoDock Vina' }).click();
      await expect(vina.getByText('AutoDock Vina is in maintenance: new receptors')).toBeVisible();
      await ada.goto('/new/docking');
      await expect(ada.getByText('AutoDock Vina is in maintenance: new receptors').first()).toBeVisible();

      await page.getByRole('link', { name: 'People' }).click();
      await expect(page.locator('tbody tr')).toHaveCount(2);
      await page.getByLabel('E-mail').fill('ada@example.org');
      await page.getByRole('button', { name: 'Find' }).click();
      await expect(page.locator('tbody tr')).toHaveCount(1);
      await page.getByRole('link', { name: 'ada@example.org' }).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('ada@example.org');
      if (javaScriptEnabled) await expectNoBarrier(page);
      await page.getByLabel('Units a day').fill('7');
      await page.getByRole('button', { name: 'Set limits' }).click();
      await expect(page.getByText('give a whole number from 0, or leave all four empty').first()).toBeVisible();
      await page.getByLabel('Units a month').fill('70');
      await page.getByLabel('At once').fill('1');
      await page.getByLabel('Ligands in a batch').fill('5');
      await page.getByRole('button', { name: 'Set limits' }).click();
      await expect(page.getByText('0 of 70')).toBeVisible();
      await ada.goto('/usage');
      await expect(ada.getByText('0 of 7 units; 7 left').last()).toBeVisible();

      await page.goto('/admin/audit');
      await expect(page.getByRole('cell', { name: 'ada@example.org: 7 a day, 70 a month, 1 at once, 5 in a batch' })).toBeVisible();
      await expect(page.getByRole('cell', { name: 'AutoDock Vina: in maintenance: new receptors' })).toBeVisible();
      if (javaScriptEnabled) await expectNoBarrier(page);

      await page.goto('/admin');
      await page.getByRole('link', { name: 'System errors' }).click();
      await expect(page.getByText('Nothing has failed that way.')).toBeVisible();
      if (javaScriptEnabled) await expectNoBarrier(page);
      await other.close();
    });
  });
}
