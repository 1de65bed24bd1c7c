// Accounts as people make them, and come in by them.
import type { Page } from '@playwright/test';

/** The password of every account. */
export const PASSWORD = 'ligand-pose-box';

/** Fills the form for an account, and sends it. */
export async function askForAccount(page: Page, email: string): Promise<void> {
  await page.goto('/signup');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel(/^Name/).fill('Ada');
  await page.getByLabel(/^Password/).fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the account' }).click();
}

/** Makes an account, which on a hub that sends no mail is good at once. */
export async function signUp(page: Page, email: string): Promise<void> {
  await askForAccount(page, email);
  await page.waitForURL(/\/$/);
}

/** Fills the form of the page to sign in, and sends it. */
export async function signIn(page: Page, email: string, password = PASSWORD): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}
