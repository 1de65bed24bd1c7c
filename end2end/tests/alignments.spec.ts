// The alignment of a target is computed once for all its ligands, and whoever waits for it says so.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { TINY } from '../support/hub.ts';
import { expect, test } from '../support/test.ts';

const TARGET = 'MENFQKVEKIGEGTYGVVYK';
const OTHER_TARGET = 'GTFHKEDLVARLKSEGVSFV';
const WAITS = 'waiting for the alignment';
const IS_BUSY = 'waiting for the alignment: the server for alignments is busy';
/** A run has a few seconds of patience with a server, and tells what it does every five. */
const RUN_MS = 30_000;

// A place for each ligand, however few processors there are: without one it would wait for that.
test.use({ ownStack: true, gateway: ['tests/modal_with_slow_alignments.py', '--slots', '3'] });
test.skip(!process.env.OMTX_REFERENCE_DATA, 'OMTX_REFERENCE_DATA does not say where results of Boltz-2 lie');

test('a busy server makes a job wait, and a target is aligned once while its ligands wait', async ({ page, context, hub, stack }) => {
  test.setTimeout(3 * RUN_MS);
  const kept = (name: string) => join(stack?.gatewayFolder ?? '', name);
  const child = await context.newPage();

  writeFileSync(kept('busy'), '');
  const late = await hub.submitPredictions('Late', OTHER_TARGET, TINY.slice(0, 1));
  await open(page, `/batches/${late.id}`);
  await open(child, `/jobs/${(await hub.children(late.id))[0]?.id}`);
  await expectBusy(page, child);
  rmSync(kept('busy'));

  writeFileSync(kept('held'), '');
  const { id } = await hub.submitPredictions('Aligned', TARGET, TINY.slice(0, 3));
  await open(page, `/batches/${id}`);
  await expectAwaited(page, child);
  rmSync(kept('held'));

  await expect(page).toHaveTitle(/^✓ 3\/3 Aligned/, { timeout: RUN_MS });
  await expect(child.locator('header.head .status')).toHaveText('Completed');
  for (const shown of [page, child]) {
    await expect(shown.getByText(/waiting/i)).toHaveCount(0);
    await expectNotReloaded(shown);
  }
  const questions = readFileSync(kept('questions'), 'utf8').split('\n');
  expect(questions.filter((question) => question.includes(TARGET))).toHaveLength(1);
  // The other one is tried again only a minute after it began to wait.
  expect((await hub.job(late.id)).batch).toMatchObject({ failed: 0 });
});

/** Opens a page that tells whether it is loaded again. */
async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.evaluate(() => document.body.setAttribute('data-not-reloaded', ''));
}

async function expectNotReloaded(page: Page): Promise<void> {
  await expect(page.locator('body[data-not-reloaded]')).toHaveCount(1);
}

/** The pages of a batch of one ligand and of that ligand come to say that it waits for a server that is busy. */
async function expectBusy(page: Page, child: Page): Promise<void> {
  const why = /^Waiting for the alignment: the server for alignments is busy\./;
  const notice = child.getByRole('status').filter({ hasText: why });
  await expect(notice).toContainText('it is tried again at', { timeout: RUN_MS });
  await expect(page.getByRole('status').filter({ hasText: why })).toBeVisible();
  for (const shown of [page, child]) {
    await expect(shown.locator('header.head .status')).toHaveText('Waiting');
  }
  await expect(page.getByRole('cell', { name: IS_BUSY, exact: true })).toBeVisible();
  await expect(page.getByRole('cell', { name: 'Waiting', exact: true })).toBeVisible();
  await expect(page.locator('.progress').getByText('1 pending', { exact: true })).toBeVisible();
  await expectNotReloaded(page);
  await expectNotReloaded(child);
}

/** The page of a batch comes to say that all but one of three ligands wait; one of them and the other are opened. */
async function expectAwaited(page: Page, child: Page): Promise<void> {
  const note = page.getByRole('cell', { name: WAITS, exact: true });
  await expect(note).toHaveCount(2, { timeout: RUN_MS });
  await expect(page.getByRole('cell', { name: 'Waiting', exact: true })).toHaveCount(2);
  await expect(page.locator('header.head .status')).toHaveText('Running');
  const rows = page.locator('table.children tbody tr');
  const address = (row: typeof rows) => row.getByRole('link').first().getAttribute('href');
  await child.goto((await address(rows.filter({ hasNotText: WAITS }))) ?? '');
  await expect(child.getByText('computing the alignment')).toBeVisible({ timeout: RUN_MS });
  await open(child, (await address(rows.filter({ has: note }).first())) ?? '');
  await expect(child.locator('header.head .status')).toHaveText('Waiting for the alignment');
  await expect(child.locator('.stage')).toContainText(WAITS);
  await expectNotReloaded(page);
}
