// What a worker says is text, wherever it is shown: of models, ligands and runs, and in the files that runs write.
import type { APIRequestContext, JSHandle, Page } from '@playwright/test';
import type { Job } from '../support/hub.ts';
import {
  expectHarmless,
  expectInert,
  expectNotes,
  FORMULAS,
  formulasIn,
  PAYLOADS,
  readHarmless,
  refusals,
  times,
  walk,
} from '../support/payloads.ts';
import { expect, test } from '../support/test.ts';

/** What the gateway says: see `worker/tests/gateway_of_payloads.py`, which knows them by their numbers. */
const TEXTS = [...PAYLOADS, ...FORMULAS];
const GATEWAY = ['-m', 'tests.gateway_of_payloads', JSON.stringify(TEXTS)];
const ALL = TEXTS.map((_, number) => number);
/** An element, one behind the end of an attribute, and one behind the end of the title. */
const FEW = [9, 10, 2];

const DOCKING = { task: 'docking', target: { named: 'ABL1' }, parameters: { exhaustiveness: 1 } };
const BINDING = { task: 'batch_protein_ligand_screening', target: { name: 'peptide', sequence: 'MENFQKVEKIGEGTYGVVYK' } };
const FOLD = { task: 'protein_structure', model: 'chai1', input: { target: BINDING.target } };

async function sent(request: APIRequestContext, path: string, data: object): Promise<Job & { url: string }> {
  const made = await request.post(path, { data });
  expect(made.status(), await made.text()).toBe(201);
  return made.json();
}

/** Ligands with which the gateway does something, by these texts. */
const named = (act: string, numbers = ALL) => numbers.map((number) => `${act} ${number}`);

/** Has the gateway do something once for each text; the batch. */
async function screen(request: APIRequestContext, act: string, asked: object, numbers = ALL): Promise<string> {
  const ligands = named(act, numbers).map((name) => ({ name, smiles: 'C' }));
  return (await sent(request, '/api/v1/batches', { ...asked, name: act, ligands })).id;
}

/** Has the gateway do something once, by a job alone. */
async function single(request: APIRequestContext, act: string, number: number): Promise<string> {
  const { target, ...asked } = DOCKING;
  const name = `${act} ${number}`;
  return (await sent(request, '/api/v1/jobs', { ...asked, name, input: { target, ligand: { name, smiles: 'C' } } })).id;
}

/** The text of a number, as somebody reads it. */
const text = (number: number) => (TEXTS[number] ?? '').trim();

/** Every text that stands at a place of an open page from now on. */
function overheard(page: Page, place: string): Promise<JSHandle<Set<string>>> {
  return page.evaluateHandle((selector) => {
    const heard = new Set<string>();
    const listen = () => document.querySelectorAll(selector).forEach((one) => heard.add(one.textContent ?? ''));
    new MutationObserver(listen).observe(document.body, { subtree: true, childList: true, characterData: true });
    listen();
    return heard;
  }, place);
}

/** Waits until an open page has come to the last text; so many of the others it must have shown before. */
async function expectToldTo(page: Page, heard: JSHandle<Set<string>>, least: number): Promise<void> {
  const words = async () => (await heard.evaluate((set) => [...set])).join('\n');
  await expect.poll(words, { timeout: 40_000 }).toContain(text(TEXTS.length - 1));
  const all = await words();
  expect(PAYLOADS.filter((payload) => all.includes(payload)).length).toBeGreaterThan(least);
  await expectHarmless(page);
}

/** Sends a table of ligands by the form, and opens the form with what is said of each. */
async function preflight(page: Page, request: APIRequestContext, name: string, ligands: string): Promise<string> {
  const answer = await request.post('/api/v1/drafts', {
    headers: { accept: 'text/html' },
    maxRedirects: 0,
    multipart: {
      target_kind: 'named',
      named: 'ABL1',
      ligands_file: { name, mimeType: 'text/plain', buffer: Buffer.from(ligands) },
      exhaustiveness: '1',
    },
  });
  expect(answer.status()).toBe(303);
  return readHarmless(page, answer.headers().location ?? '');
}

test.describe('a gateway', () => {
  test.use({ ownStack: true, gateway: GATEWAY });

  test('what a run says while it goes on, waits and fails stays text', async ({ page, request, hub, context }) => {
    test.setTimeout(120_000);
    const refused = await refusals(context);
    const telling = await single(request, 'tells', 0);
    const [list, job] = [await context.newPage(), await context.newPage()];
    await Promise.all([list.goto('/'), job.goto(`/jobs/${telling}`)]);
    const heard = [await overheard(list, `tr[data-row="${telling}"] .status`), await overheard(job, '.stage')] as const;

    const failing = await screen(request, 'fails', DOCKING);
    const waiting = await screen(request, 'waits', DOCKING);
    const running = await screen(request, 'runs', DOCKING, FEW);
    const refusing = await screen(request, 'refused', DOCKING);
    const stalling = await screen(request, 'stalls', DOCKING);
    const alone: string[] = [];
    for (const number of ALL) alone.push(await single(request, 'fails', number));

    await hub.ended(failing);
    // Message, stage, log and attempt.
    await walk(page, failing, named('fails'), TEXTS, 5);
    await walk(page, running, named('runs', FEW), FEW.map(text), 1);
    const stages = TEXTS.map((one) => `waiting for ${one}`);
    await expectNotes(page, hub, waiting, stages);
    for (const batch of [failing, refusing]) await expectNotes(page, hub, batch, TEXTS);
    await readHarmless(page, '/?per_page=100');
    for (const [number, id] of alone.entries()) {
      await expect(page.locator(`tr[data-row="${id}"] .status`)).toHaveAttribute('title', TEXTS[number] ?? '');
    }
    await hub.ended(stalling);
    await expectNotes(page, hub, stalling, TEXTS);
    const errors = await readHarmless(page, '/admin/errors');
    // Code and stage.
    for (const number of ALL) expect(times(errors, text(number)), text(number)).toBeGreaterThanOrEqual(2);
    await expectToldTo(list, heard[0], 20);
    await expectToldTo(job, heard[1], 5);
    expect(refused).toEqual([]);
  });

  test('what a run writes stays text on every page and in every file', async ({ page, request, hub, context, misdeeds }) => {
    test.setTimeout(120_000);
    const refused = await refusals(context);
    const predicted = await screen(request, 'ends', BINDING);
    const docked = await screen(request, 'ends', DOCKING, FEW);
    const lying = await screen(request, 'names', BINDING);
    const links: string[] = [];
    for (const id of [predicted, docked]) {
      expect((await hub.ended(id)).status).toBe('completed');
      links.push((await sent(request, '/api/v1/shares', { job_id: id })).url);
    }
    await walk(page, predicted, named('ends'), TEXTS, 20);
    await expect(page.locator('dd.missing').filter({ hasNotText: 'no value' }).first()).toHaveAttribute('title', /=1\+1/);
    await walk(page, docked, named('ends', FEW), FEW.map(text), 20);
    for (const [link, id, number] of [[links[0], predicted, 0], [links[1], docked, 9]] as const) {
      await readHarmless(page, link ?? '');
      expect(times(await readHarmless(page, `${link}/jobs/${id}-00000`), text(number))).toBeGreaterThanOrEqual(20);
      await readHarmless(page, `/batches/${id}`);
    }
    // What no model writes is quoted.
    const quoted = PAYLOADS.map((one) => one.replaceAll('"', '\\"'));
    const fates = () => hub.children(lying);
    await expect.poll(async () => (await fates()).filter(({ status }) => status === 'pending').length).toBe(TEXTS.length);
    const notes = await readHarmless(page, `/batches/${lying}`);
    for (const name of quoted) expect(notes).toContain(`a file "${name}"`);
    for (const path of ['/shares', '/usage', '/admin', '/admin/audit', `/?open=${docked}`]) await readHarmless(page, path);
    await expect(page.locator('.opened li')).toHaveCount(FEW.length);

    for (const id of [predicted, docked]) {
      const { results } = await (await request.get(`/api/v1/jobs/${id}-00000/files`)).json();
      expect(results.length).toBeGreaterThan(4);
      for (const { name } of results as { name: string }[]) await expectInert(request, `/api/v1/jobs/${id}-00000/files/${name}`);
      for (const format of ['csv', 'json', 'zip']) {
        const saved = await request.get(`/api/v1/jobs/${id}-00000/export?format=${format}`);
        expect(saved.headers()['content-disposition'], format).toMatch(/^attachment/);
      }
      expect(formulasIn(await hub.exported(id, 'csv'))).toEqual([]);
    }
    // No script runs beside a file, those of the test among them.
    misdeeds.allow(/'allow-scripts' permission is not set|favicon\.ico/);
    await page.goto(`/api/v1/jobs/${docked}-00000/files/log.txt`);
    expect(await page.locator('body').innerText()).toContain(text(9));
    await expectHarmless(page);
    expect(refused).toEqual([]);
  });

  test('what stands in a pose stays text in the 3D view', async ({ page, request, hub, context }) => {
    test.setTimeout(120_000);
    const refused = await refusals(context);
    const id = await screen(request, 'ends', DOCKING, [9]);
    await hub.ended(id);
    await page.setViewportSize({ width: 700, height: 500 });
    await page.goto(`/jobs/${id}-00000`);
    await page.getByRole('link', { name: 'Show in 3D' }).click();
    await expect(page.getByText('pose 1 of 2')).toBeVisible({ timeout: 30_000 });
    const canvas = page.getByLabel('3D view').locator('canvas').first();
    const label = page.locator('.msp-highlight-info');
    // In the middle is its carbon, of which the view says what it is, once it is drawn and the pointer moves.
    let step = 0;
    await expect(async () => {
      const { width, height } = (await canvas.boundingBox()) ?? { width: 0, height: 0 };
      step = 1 - step;
      await canvas.hover({ position: { x: width / 2 + step, y: height / 2 } });
      await expect(label).toContainText('‹img', { timeout: 5_000 });
    }).toPass({ timeout: 60_000 });
    await expectHarmless(page);
    expect(refused).toEqual([]);
  });
});

test.describe('a gateway that takes no dockings', () => {
  test.use({ ownStack: true, gateway: [...GATEWAY, '--in-maintenance'] });

  test('what is said of models and ligands stays text', async ({ page, request, context, misdeeds }) => {
    test.setTimeout(120_000);
    const refused = await refusals(context);
    const all = TEXTS.join(' ').replace(/\s+/g, ' ');
    const docking = await screen(request, 'runs', DOCKING, FEW);
    const folding = (await sent(request, '/api/v1/jobs', { ...FOLD, name: 'fold' })).id;
    for (const path of ['/new', '/new/docking', '/admin', `/batches/${docking}`, `/jobs/${docking}-00000`, `/jobs/${folding}`]) {
      expect(await readHarmless(page, path), path).toContain(all);
    }
    await readHarmless(page, '/');
    for (const id of [docking, folding]) {
      expect(await page.locator(`tr[data-row="${id}"] .status`).getAttribute('title')).toContain(TEXTS.join(' '));
    }
    // A problem, a metal and a fragment: the gateway knows the text by the number of carbons.
    const smiles = ['N', 'O', 'S'].flatMap((atom) => ALL.map((number) => `${atom}${'C'.repeat(number + 1)}`));
    const said = await preflight(page, request, 'ligands.smi', smiles.join('\n'));
    expect(said).toContain(`It would wait: AutoDock Vina is in maintenance: ${all}`);
    for (const number of ALL) {
      const reasons = [text(number), `it holds ${TEXTS[number]}, and metals`, `only the largest is docked: ${text(number)}`];
      for (const reason of reasons) expect(said).toContain(reason.replace(/\s+/g, ' '));
    }
    misdeeds.allow(/404/);
    const records = ALL.map((number) => `${number}\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\nM  END\n$$$$\n`);
    await preflight(page, request, 'ligands.sdf', records.join(''));
    const read = page.locator('.verdict-rows .smiles code');
    expect((await read.allTextContents()).sort()).toEqual([...TEXTS].sort());
    expect((await read.evaluateAll((cells) => cells.map((cell) => cell.getAttribute('title')))).sort()).toEqual([...TEXTS].sort());
    expect(refused).toEqual([]);
  });
});
