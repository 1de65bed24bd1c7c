// Forty ways to make more of a text than a text, and what must not come of them.
import { type APIRequestContext, type BrowserContext, expect, type Page } from '@playwright/test';
import { cellsOf, type Hub } from './hub.ts';

declare global {
  interface Window {
    /** Tells the test what the policy of a page refused. */
    refused(what: string): void;
  }
}

/** Runs when any of it does. */
export const CANARY = 'window.canary=1';

export const PAYLOADS = [
  `<script>${CANARY}</script>`,
  `</script><script>${CANARY}</script>`,
  `</title><script>${CANARY}</script>`,
  `</textarea><script>${CANARY}</script>`,
  `</style><script>${CANARY}</script>`,
  `--><script>${CANARY}</script>`,
  `]]><script>${CANARY}</script>`,
  `<SCRIPT SRC=data:,${CANARY}></SCRIPT>`,
  `<scr<script>ipt>${CANARY}</script>`,
  `<img src=x onerror=${CANARY}>`,
  `"><img src=x onerror=${CANARY}>`,
  `'><img src=x onerror=${CANARY}>`,
  `<img/src=x/onerror=${CANARY}>`,
  `<image src=x onerror=${CANARY}>`,
  `<svg onload=${CANARY}>`,
  `<svg/onload=${CANARY}>`,
  `<svg><script>${CANARY}</script></svg>`,
  `<svg><animate onbegin=${CANARY} attributeName=x>`,
  `<math><mtext><img src=x onerror=${CANARY}>`,
  `<body onload=${CANARY}>`,
  `<iframe src=javascript:${CANARY}>`,
  `<iframe srcdoc="<script>parent.${CANARY}</script>">`,
  `<object data=javascript:${CANARY}>`,
  `<embed src=javascript:${CANARY}>`,
  `<a href=javascript:${CANARY}>x</a>`,
  `<form action=javascript:${CANARY}><button>x`,
  `<input autofocus onfocus=${CANARY}>`,
  `<select autofocus onfocus=${CANARY}>`,
  `<details open ontoggle=${CANARY}>`,
  `<video><source onerror=${CANARY}>`,
  `<audio src=x onerror=${CANARY}>`,
  `<marquee onstart=${CANARY}>`,
  `<link rel=stylesheet href=data:,x>`,
  `<meta http-equiv=refresh content="0;url=data:,x">`,
  `<base href=//evil.example/>`,
  `<template><script>${CANARY}</script></template>`,
  `" autofocus onfocus=${CANARY} x="`,
  `' autofocus onfocus=${CANARY} x='`,
  `javascript:${CANARY}`,
  `&lt;script&gt;${CANARY}&lt;/script&gt;`,
];

/** What a spreadsheet takes for a formula. */
export const FORMULAS = ['=1+1', '+1+1', '-1+1', '@SUM(1,1)', '=HYPERLINK("//evil.example")', '\t=1+1'];

/** Elements and attributes that none of our pages has. */
const FOREIGN = [
  'iframe', 'object', 'embed', 'base', 'marquee', 'audio', 'video', 'math', 'image', 'animate', 'img[src="x"]',
  'meta[http-equiv="refresh"]', '[onerror]', '[onload]', '[onfocus]', '[ontoggle]', '[onbegin]', '[onstart]',
  'a[href^="javascript"]', 'form[action^="javascript"]', 'link[href^="data"]',
].join(',');

/** None of it became an element, and none of it ran. */
export async function expectHarmless(page: Page): Promise<void> {
  expect(await page.locator(FOREIGN).count(), page.url()).toBe(0);
  expect(await page.evaluate(() => 'canary' in window), page.url()).toBe(false);
}

/** Opens a page that is harmless; what somebody reads there. */
export async function readHarmless(page: Page, path: string): Promise<string> {
  await page.goto(path);
  await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
  await expectHarmless(page);
  return page.locator('main').innerText();
}

/** All that the policies of a browser's pages refuse from now on. */
export async function refusals(context: BrowserContext): Promise<string[]> {
  const refused: string[] = [];
  await context.exposeFunction('refused', (what: string) => refused.push(what));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.refused(`${event.effectiveDirective} at ${event.documentURI}`);
    });
  });
  return refused;
}

/** The cells of a table that a spreadsheet would run. */
export function formulasIn(csv: string): string[] {
  const isRun = (cell: string) => /^[=+\-@\t\r]/.test(cell) && !/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(cell);
  return cellsOf(csv).flat().filter(isRun);
}

/** How often a text stands in another one. */
export const times = (shown: string, wanted: string) => shown.split(wanted).length - 1;

/** Goes through the children of a batch from page to page, as people do; each shows its text so often at least. */
export async function walk(page: Page, batch: string, names: string[], texts: string[], least: number): Promise<void> {
  await readHarmless(page, `/jobs/${batch}-00000`);
  for (const [place, name] of names.entries()) {
    if (place > 0) await page.getByRole('link', { name: 'Next →' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    await expectHarmless(page);
    const shown = await page.locator('main').innerText();
    expect(times(shown, (texts[place] ?? '').trim()), shown).toBeGreaterThanOrEqual(least);
  }
}

/** A browser that gets a file of a result neither takes it for a page nor lets it do anything. */
export async function expectInert(request: APIRequestContext, address: string): Promise<void> {
  for (const query of ['', '?save=true', '?content=true']) {
    const answer = await request.get(address + query);
    expect(answer.status(), address).toBe(200);
    const headers = answer.headers();
    expect(headers['content-type'], address).not.toMatch(/html|xml|svg|javascript/);
    expect(headers['x-content-type-options'], address).toBe('nosniff');
    expect(headers['content-security-policy'], address).toMatch(/^sandbox$|^default-src 'none'/);
  }
}

/** Looks at the notes of a batch, in its table, its tooltips and its table for spreadsheets. */
export async function expectNotes(page: Page, hub: Hub, batch: string, notes: string[]): Promise<void> {
  await readHarmless(page, `/batches/${batch}`);
  const cells = page.locator('td.note');
  expect(await cells.allTextContents()).toEqual(notes);
  expect(await cells.evaluateAll((all) => all.map((cell) => cell.getAttribute('title')))).toEqual(notes);
  const table = await hub.exported(batch, 'csv');
  expect(formulasIn(table)).toEqual([]);
  expect(table).toContain(PAYLOADS[0]);
}
