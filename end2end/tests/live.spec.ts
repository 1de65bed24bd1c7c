// A page that is open is kept fresh while somebody looks at it, and stays when the hub says no.
import { TINY } from '../support/hub.ts';
import { expect, test } from '../support/test.ts';

/** Longer than between two looks again. */
const SETTLED_MS = 2_500;

test.use({ ownStack: true });

test('only what is looked at is read again, and what is refused changes nothing', async ({ page, hub, stack, misdeeds }) => {
  misdeeds.allow(/429/);
  // Without a gateway the batch waits, and what changes is its name.
  await stack?.killGateway();
  const { id } = await hub.submitScreen('First name', TINY.slice(0, 2));
  await page.goto(`/batches/${id}`);
  const heading = page.getByRole('heading', { level: 1 });
  await hub.rename(id, 'Second name');
  await expect(heading).toHaveText('Second name');
  await page.waitForTimeout(SETTLED_MS);

  let asked = 0;
  page.on('request', (request) => {
    asked += Number(request.url().endsWith('/api/pages/read'));
  });
  const hide = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, hidden);
  await hide(true);
  await hub.rename(id, 'Third name');
  await page.waitForTimeout(SETTLED_MS);
  expect(asked).toBe(0);
  await hide(false);
  await expect(heading).toHaveText('Third name');

  await page.waitForTimeout(SETTLED_MS);
  const before = asked;
  const body = JSON.stringify({ error: { conflict: 'too many requests' }, reference: 'r1' });
  await page.route('**/api/pages/read', (route) => route.fulfill({ status: 429, contentType: 'application/json', body }));
  await hub.rename(id, 'Fourth name');
  await expect.poll(() => asked).toBeGreaterThan(before);
  await page.waitForTimeout(SETTLED_MS);
  await expect(heading).toHaveText('Third name');
  await page.unroute('**/api/pages/read');
  await hub.rename(id, 'Fifth name');
  await expect(heading).toHaveText('Fifth name');
});
