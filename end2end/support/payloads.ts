// Forty ways to make more of a text than a text, and what must not come of them.
import { expect, type Page } from '@playwright/test';

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
