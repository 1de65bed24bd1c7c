// The docking form as a person fills it.
import { expect, type Page } from '@playwright/test';

/** Fills the form: a named target, a file of ligands, the fast setting. */
export async function fillScreen(page: Page, name: string, ligands: string, target = 'ABL1'): Promise<void> {
  await page.goto('/new/docking');
  await page.getByLabel('Gene name').fill(target);
  await page.getByLabel('or a file').setInputFiles({ name: 'ligands.csv', mimeType: 'text/csv', buffer: Buffer.from(ligands) });
  await page.getByRole('radio', { name: 'Fast' }).check();
  await page.getByLabel('Name', { exact: true }).fill(name);
}

/** Has every row looked at, and waits for the verdicts. */
export async function check(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Check/ }).click();
  await page.waitForURL(/draft=/);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
}
