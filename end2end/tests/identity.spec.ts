// Who one is: addresses that are confirmed by mail, and signing in elsewhere. Mail server and provider are real ones.
import type { Page } from '@playwright/test';
import { askForAccount, PASSWORD, signIn } from '../support/accounts.ts';
import { expectNoBarrier } from '../support/barriers.ts';
import { linkIn, Mailbox } from '../support/mailbox.ts';
import { Provider } from '../support/provider.ts';
import { Stack } from '../support/stack.ts';
import { expect, test as base } from '../support/test.ts';

interface Fixtures {
  mailbox: Mailbox;
  provider: Provider;
}

const test = base.extend<Fixtures>({
  mailbox: async ({}, use) => {
    const mailbox = await Mailbox.start();
    await use(mailbox);
    await mailbox.end();
  },
  provider: async ({}, use) => {
    const provider = await Provider.start();
    await use(provider);
    await provider.end();
  },
  stack: async ({ mailbox, provider }, use, info) => {
    const settings = { AUTH: 'accounts', ...mailbox.settings, ...provider.settings };
    const stack = await Stack.start(info.title.replaceAll(/\W+/g, '-'), settings);
    provider.serve(stack.url);
    await use(stack);
    await stack.end();
  },
});

/** Makes an account, which is good once its address was confirmed. */
async function signUp(page: Page, email: string): Promise<void> {
  await askForAccount(page, email);
  await expect(page.getByText('Look in your mail')).toBeVisible();
}

/** Presses the button of the page that a link to confirm an address leads to. */
async function confirm(page: Page): Promise<void> {
  await page.getByLabel('Password of the account').fill(PASSWORD);
  await page.getByRole('button', { name: 'Confirm the address' }).click();
}

/** Signs up, and confirms the address by the link in the mail. */
async function enter(page: Page, mailbox: Mailbox, email: string): Promise<void> {
  await signUp(page, email);
  await page.goto(linkIn(await mailbox.next(email)));
  await confirm(page);
  await page.waitForURL(/\/$/);
}

async function signOut(page: Page): Promise<void> {
  await page.goto('/account');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/\/login$/);
}

/** Signs in elsewhere as somebody who is not signed in there. */
async function enterElsewhere(page: Page, who: string): Promise<void> {
  await page.goto('/login?next=%2Faccount');
  await page.getByRole('link', { name: 'Sign in with Test University' }).click();
  await page.getByLabel('Who').fill(who);
  await page.getByRole('button', { name: 'Enter' }).click();
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('an account begins in the mail, and a lost password ends there', async ({ page, mailbox, misdeeds }) => {
      misdeeds.allow(/403|409/);
      await signUp(page, 'ada@example.org');
      const first = await mailbox.next('ada@example.org');
      expect([first.from, first.subject]).toEqual(['hub@example.org', 'Confirm your address for OMTX-Hub']);
      await page.goto('/login');
      await signIn(page, 'ada@example.org');
      await expect(page.getByText('confirm your address first')).toBeVisible();
      await page.getByRole('button', { name: 'Send another link' }).click();
      await expect(page.getByText('a link is on its way')).toBeVisible();
      await page.goto(linkIn(await mailbox.next('ada@example.org')));
      await confirm(page);
      await page.waitForURL(/\/$/);
      await page.goto('/account');
      await expect(page.getByText('ada@example.org')).toBeVisible();
      await page.goto(linkIn(first));
      await confirm(page);
      await expect(page.getByText('this link is not good any more')).toBeVisible();
      await signOut(page);

      await page.getByRole('link', { name: 'I forgot my password' }).click();
      await page.getByLabel('E-mail').fill('ada@example.org');
      await page.getByRole('button', { name: 'Send the link' }).click();
      await expect(page.getByText('is on its way')).toBeVisible();
      await page.goto(linkIn(await mailbox.next('ada@example.org')));
      await page.getByLabel(/^New password/).fill('another-good-one');
      await page.getByRole('button', { name: 'Take this password' }).click();
      await expect(page.getByText('The password is changed')).toBeVisible();
      await page.goto('/login');
      await signIn(page, 'ada@example.org', 'another-good-one');
      await page.waitForURL(/\/$/);
    });

    test('one comes in from elsewhere, and again, to the same account', async ({ page, provider, misdeeds, stack }) => {
      misdeeds.allow(new RegExp(`asked ${provider.url}`));
      misdeeds.allow(/409|\/favicon\.ico/);
      provider.people.ada = { email: 'ada@example.org', email_verified: true, name: 'Ada Lovelace' };
      await page.goto('/login?next=%2Faccount');
      await page.getByRole('link', { name: 'Sign in with Test University' }).click();
      await page.getByLabel('Who').fill('ada');
      await page.getByRole('button', { name: 'Enter' }).click();
      await page.waitForURL(/\/account$/);
      await expect(page.getByText('ada@example.org')).toBeVisible();
      await expect(page.getByText('You sign in elsewhere')).toBeVisible();
      await page.getByLabel(/^Name,/).fill('Countess');
      await page.getByRole('button', { name: 'Change the name' }).click();
      await expect(page.getByText('Your name is changed')).toBeVisible();
      await signOut(page);
      // There one is signed in still.
      await page.getByRole('link', { name: 'Sign in with Test University' }).click();
      await page.waitForURL(`${stack?.url}/`);
      await page.goto('/account');
      await expect(page.getByText('Countess')).toBeVisible();
    });
  });
}

test('an address with an account is told so in the mail alone, and moves by one', async ({ page, mailbox }) => {
  await enter(page, mailbox, 'ada@example.org');
  await signOut(page);
  await signUp(page, 'ada@example.org');
  const taken = await mailbox.next('ada@example.org');
  expect(taken.subject).toBe('You have an account at OMTX-Hub');
  expect(taken.text).toContain('/reset');
  expect(taken.text).not.toContain('token=');

  await page.goto('/login');
  await signIn(page, 'ada@example.org');
  await page.waitForURL(/\/$/);
  await page.goto('/account');
  await page.getByLabel('Mail me when a batch ends').check();
  await page.getByRole('button', { name: 'Keep this' }).click();
  await expect(page.getByText('That is noted.')).toBeVisible();
  await expect(page.getByLabel('Mail me when a batch ends')).toBeChecked();
  await page.getByLabel('E-mail').fill('lovelace@example.org');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Send a link there' }).click();
  await expect(page.getByText('on its way to the new address')).toBeVisible();
  await expectNoBarrier(page);
  await page.goto(linkIn(await mailbox.next('lovelace@example.org')));
  await expectNoBarrier(page);
  await confirm(page);
  await page.waitForURL(/\/account$/);
  await expect(page.locator('dd', { hasText: 'lovelace@example.org' })).toBeVisible();
  expect((await mailbox.next('ada@example.org')).subject).toContain('has another address now');
});

test('whoever comes from elsewhere is linked when both sides know the address', async ({ page, context, browser, baseURL, mailbox, provider, misdeeds }) => {
  misdeeds.allow(new RegExp(`asked ${provider.url}`));
  misdeeds.allow(/409|503|\/favicon\.ico/);
  await enter(page, mailbox, 'ada@example.org');
  await page.goto('/account');
  await page.getByLabel(/^Name,/).fill('The one with a password');
  await page.getByRole('button', { name: 'Change the name' }).click();
  await signOut(page);

  provider.people.ada = { email: 'ada@example.org', email_verified: false, name: 'Ada' };
  await enterElsewhere(page, 'ada');
  await expect(page.getByText('does not say that your e-mail address was confirmed')).toBeVisible();
  await expect(page.getByText('Reference')).toBeVisible();
  provider.people.ada.email_verified = true;
  await page.goto('/login?next=%2Faccount');
  await page.getByRole('link', { name: 'Sign in with Test University' }).click();
  await page.waitForURL(/\/account$/);
  await expect(page.getByText('The one with a password')).toBeVisible();

  // What one browser began, another cannot end, and nobody twice.
  await context.clearCookies();
  let back = '';
  page.on('request', (request) => {
    back = request.url().includes('/openid/callback') ? request.url() : back;
  });
  await enterElsewhere(page, 'ada');
  await page.waitForURL(/\/account$/);
  await page.goto(back);
  await expect(page.getByText('no sign-in was begun in this browser')).toBeVisible();
  await page.request.get('/openid/start', { maxRedirects: 0 });
  await page.goto(back);
  await expect(page.getByText('belongs to no sign-in that was begun here')).toBeVisible();
  const other = await browser.newContext({ baseURL });
  const stranger = await other.newPage();
  await stranger.goto(back);
  await expect(stranger.getByText('no sign-in was begun in this browser')).toBeVisible();

  await enterElsewhere(stranger, 'nobody');
  await expect(stranger.getByText('you did not agree')).toBeVisible();
  provider.isIll = true;
  await enterElsewhere(stranger, 'ada');
  await expect(stranger.getByText(/answer as it should/)).toBeVisible();
  await stranger.goto('/account');
  await expect(stranger.getByRole('heading', { level: 1 })).toHaveText('Sign in');
  await expectNoBarrier(stranger);
  await other.close();
});
