// A page that is open is kept fresh while somebody looks at it, and stays when the hub says no.
import type { Page } from '@playwright/test';
import { TINY } from '../support/hub.ts';
import { expect, test } from '../support/test.ts';

/** Longer than a page waits between two looks again. */
const PAUSE_MS = 2_500;

test.use({ ownStack: true });

declare global {
  interface Window {
    /** The events that the page was told. */
    told: string[];
    /** How often it has read again. */
    reads: number;
  }
}

/** Has pages write down, as it happens, what they are told and when they read again. */
async function observe(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.told = [];
    window.reads = 0;
    const ask = window.fetch;
    window.fetch = (what, how) => {
      window.reads += Number(String(what instanceof Request ? what.url : what).endsWith('/api/pages/read'));
      return ask(what, how);
    };
    window.EventSource = class extends EventSource {
      constructor(url: string | URL, how?: EventSourceInit) {
        super(url, how);
        // Our listener is the first, so that whoever reads `told` comes after all the others.
        this.addEventListener('job', (event) => window.told.push(event.data));
      }
    };
  });
}

/** Waits until the page was told of a name. */
async function isTold(page: Page, name: string): Promise<void> {
  await page.waitForFunction((wanted) => window.told.some((event) => event.includes(wanted)), name);
}

test('only what is looked at is read again, and what is refused changes nothing', async ({ page, hub, stack, misdeeds }) => {
  misdeeds.allow(/429/);
  // Without a gateway the batch waits, and what changes is its name.
  await stack?.killGateway();
  const { id } = await hub.submitScreen('First name', TINY.slice(0, 2));
  await observe(page);
  await page.clock.install();
  await page.goto(`/batches/${id}`);
  const heading = page.getByRole('heading', { level: 1 });
  await hub.rename(id, 'Second name');
  await expect(heading).toHaveText('Second name');

  const hide = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, hidden);
  const reads = () => page.evaluate(() => window.reads);
  await hide(true);
  // What was put off before is done now.
  await page.clock.runFor(PAUSE_MS);
  const before = await reads();
  expect(before).toBeGreaterThan(0);
  await hub.rename(id, 'Third name');
  await isTold(page, 'Third name');
  await page.clock.runFor(PAUSE_MS);
  expect(await reads()).toBe(before);
  await hide(false);
  await expect(heading).toHaveText('Third name');

  const body = JSON.stringify({ error: { conflict: 'too many requests' }, reference: 'r1' });
  await page.route('**/api/pages/read', (route) => route.fulfill({ status: 429, contentType: 'application/json', body }));
  const refused = page.waitForResponse((answer) => answer.url().endsWith('/api/pages/read') && answer.status() === 429);
  await hub.rename(id, 'Fourth name');
  await isTold(page, 'Fourth name');
  await page.clock.runFor(PAUSE_MS);
  await (await refused).finished();
  await page.clock.runFor(PAUSE_MS);
  await expect(heading).toHaveText('Third name');
  await page.unroute('**/api/pages/read');
  await hub.rename(id, 'Fifth name');
  await isTold(page, 'Fifth name');
  await page.clock.runFor(PAUSE_MS);
  await expect(heading).toHaveText('Fifth name');
});
