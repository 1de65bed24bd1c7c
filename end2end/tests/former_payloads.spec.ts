// What the former system held is text, wherever it is shown: in every field of its documents, and in its files.
import type { Page } from '@playwright/test';
import { signUp } from '../support/accounts.ts';
import { EMULATOR, type Fields, FormerSystem } from '../support/former.ts';
import { expectHarmless, expectInert, expectNotes, FORMULAS, PAYLOADS, readHarmless, refusals, times, walk } from '../support/payloads.ts';
import type { Stack } from '../support/stack.ts';
import { expect, test as base } from '../support/test.ts';

const TEXTS = [...PAYLOADS, ...FORMULAS];
/** An element, one behind the end of an attribute, and one behind the end of the title. */
const FEW = [9, 10, 2];
/** Files whose names say what a browser would do with them. */
const FILES = ['page.html', 'drawing.svg', 'feed.xml', 'page.xhtml', 'script.js', 'results.json', 'run.log', 'pose.sdf', 'fold.cif'];

const test = base.extend<{ former: FormerSystem }>({
  former: async ({}, use) => {
    const former = new FormerSystem();
    await use(former);
    former.end();
  },
});

test.skip(EMULATOR === '', 'The former system is a database of Firestore: without FIRESTORE_EMULATOR_HOST there is none to read.');
test.use({ ownStack: true, settings: { FIRESTORE_EMULATOR_HOST: EMULATOR } });

/** A document's id of a text: it is a part of a path there. */
const idOf = (text: string, kind: string) => `${text.replaceAll('/', '|')} ${kind}`;

/** What anything of the former system may say, in every field that is known, and in some that are not. */
function saying(text: string): Fields {
  const input = { ligand_name: text, ligand_smiles: text, protein_sequence: text, [text]: text, nested: { [text]: [text] }, list: [text] };
  return {
    name: text, model_name: text, user_id: text, user_email: text, organization_id: text, created_at: text, started_at: text,
    completed_at: text, execution_time: text, batch_index: text, parameters: text, use_msa: text, input_data: input,
    output_data: { affinity: text, confidence: text, [text]: text, results: { iptm: text, [text]: 0.5 } }, [text]: text,
  };
}

/** A traceback, whose first line is the message. */
const traceback = (text: string) => `${text}\nTraceback (most recent call last):\n  File "${text}", line 1\n${text}`;

const failed = (text: string): Fields => ({ ...saying(text), status: 'error', error_message: traceback(text) });
const bound = (text: string): Fields => ({
  ...saying(text), status: 'completed_reconstructed', type: 'protein_ligand_binding', affinity_pred_value: -2, confidence_score: 0.8,
});

/** A batch by its id, with a child for each text. */
function batch(id: string, parent: Fields, child: (text: string) => Fields): [string, Fields][] {
  const children = TEXTS.map((text, index): [string, Fields] => {
    const place = { job_type: 'batch_child', batch_parent_id: id, batch_index: index };
    return [idOf(text, `of ${id}`.replaceAll('/', '|')), { ...child(text), ...place }];
  });
  return [[id, { ...saying(TEXTS[9] ?? ''), job_type: 'batch_parent', status: 'completed', ...parent }], ...children];
}

const FAILURES = idOf(TEXTS[9] ?? '', 'failures');
const BINDINGS = idOf(TEXTS[10] ?? '', 'bindings');
/** A job with files; its id is one that a path may have. */
const FILED = 'with-files';

/** Jobs alone, those that nobody understands, two batches, and a job with files. */
async function fill(former: FormerSystem): Promise<void> {
  const alone = (text: string): [string, Fields] => [idOf(text, 'alone'), { ...failed(text), type: text, job_type: text, batch_parent_id: text }];
  const odd = (text: string): [string, Fields] => [idOf(text, 'odd'), { ...saying(text), status: text }];
  await former.store(
    new Map([
      ...TEXTS.map(alone),
      ...TEXTS.map(odd),
      ...batch(FAILURES, { type: TEXTS[9] ?? '' }, (text) => ({ ...failed(text), task_type: text })),
      ...batch(BINDINGS, { task_type: 'batch_protein_ligand_screening' }, bound),
      [FILED, { ...bound(TEXTS[9] ?? ''), job_type: 'single' }],
    ]),
  );
  const content = `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>${PAYLOADS.join('\n')}</body></html>`;
  for (const name of FILES) former.file(`jobs/${FILED}/${name}`, content);
  for (const text of TEXTS) former.file(`jobs/${FILED}/${text.replaceAll('/', '|')}`, text);
}

/** Has an admin give work without an owner to themselves; of one former owner, or all. */
async function take(page: Page, former_owner: string, to = 'root@example.org'): Promise<void> {
  await page.goto('/admin');
  await page.getByLabel('To (an e-mail address').fill(to);
  await page.getByLabel('Only what was of').fill(former_owner);
  await page.getByRole('button', { name: 'Give them' }).click();
}

/** Fills a former system and brings it to a hub that nobody looks at; the ids that everything has here. */
async function bring(former: FormerSystem, stack: Stack | undefined): Promise<(id: string) => string> {
  await fill(former);
  const said = await stack?.migrate(...former.options);
  expect(said).toContain(`${TEXTS.length * 4 + 3} documents of the former system: ${TEXTS.length * 3 + 3} were brought`);
  const report = former.report();
  expect(report.get(idOf(TEXTS[9] ?? '', 'odd'))?.reason).toContain(TEXTS[9]);
  expect(report.get(FILED)?.files_missing).toContain(TEXTS[9]);
  return (id) => report.get(id)?.id ?? '';
}

test('what the former system held stays text on every page and in every file', async ({ page, stack, former, hub, context, request }) => {
  test.setTimeout(120_000);
  const refused = await refusals(context);
  const here = await bring(former, stack);
  const names = TEXTS.map((one) => one.trim());
  await readHarmless(page, '/?scope=all&per_page=100');
  for (const [number, name] of names.entries()) {
    const row = page.locator(`tr[data-row="${here(idOf(TEXTS[number] ?? '', 'alone'))}"]`);
    expect(await row.innerText()).toContain(`formerly of ${name}`);
    await expect(row.locator('.status')).toHaveAttribute('title', name);
    await expect(row.locator('td.name')).toContainText(name);
  }
  const [failures, bindings] = [here(FAILURES), here(BINDINGS)];
  await expectNotes(page, hub, failures, names);
  // Their own names, what was asked and how it ended; what is in a list or an object is quoted.
  for (const [id, least] of [[failures, 14], [bindings, 10]] as const) {
    const shown = await readHarmless(page, `/batches/${id}`);
    for (const name of names) expect(times(shown, name), name).toBeGreaterThanOrEqual(2);
    await walk(page, id, names, TEXTS, least);
  }
  const alone = FEW.map((number) => here(idOf(TEXTS[number] ?? '', 'alone')));
  for (const id of [failures, here(FILED), ...alone]) {
    for (const act of ['delete', 'share']) await readHarmless(page, `/jobs/${id}/${act}`);
  }
  for (const id of [here(FILED), ...alone]) await readHarmless(page, `/jobs/${id}`);
  for (const name of ['former.json', ...FILES]) await expectInert(request, `/api/v1/jobs/${here(FILED)}/files/${name}`);
  for (const format of ['csv', 'json', 'zip', 'sdf']) {
    const saved = await request.get(`/api/v1/batches/${bindings}/export?format=${format}`);
    expect(saved.headers()['content-disposition'], format).toMatch(/^attachment/);
  }
  expect(refused).toEqual([]);
});

test.describe('with accounts', () => {
  test.use({ settings: { AUTH: 'accounts', FIRESTORE_EMULATOR_HOST: EMULATOR } });

  test('what the former system held stays text when it is given to somebody, and shown to others', async ({
    page,
    stack,
    former,
    context,
    baseURL,
    misdeeds,
  }) => {
    test.setTimeout(120_000);
    // Of what cannot be done.
    misdeeds.allow(/422/);
    const refused = await refusals(context);
    await signUp(page, 'root@example.org');
    await page.goto('about:blank');
    const here = await bring(former, stack);
    await stack?.appoint('root@example.org');
    const owner = TEXTS[10] ?? '';
    await take(page, owner, 'nobody@example.org');
    await expect(page.getByLabel('Only what was of')).toHaveValue(owner);
    await expectHarmless(page);
    await take(page, owner);
    await expect(page.getByText(`${TEXTS.length + 2} jobs came from the former system`)).toBeVisible();
    await take(page, '');
    await expect(page.getByText('came from the former system')).toHaveCount(0);
    const log = await readHarmless(page, '/admin/audit?per_page=100');
    for (const one of TEXTS) expect(log).toContain(one.trim());

    const [failures, bindings] = [here(FAILURES), here(BINDINGS)];
    const alone = FEW.map((number) => here(idOf(TEXTS[number] ?? '', 'alone')));
    const links: string[] = [];
    for (const job_id of [failures, bindings, here(FILED), ...alone]) {
      const made = await page.request.post('/api/v1/shares', { data: { job_id }, headers: { origin: baseURL ?? '' } });
      expect(made.status(), await made.text()).toBe(201);
      links.push((await made.json()).url);
    }
    for (const link of links) await readHarmless(page, link);
    const child = await readHarmless(page, `${links[0]}/jobs/${failures}-00009`);
    expect(times(child, TEXTS[9] ?? '')).toBeGreaterThanOrEqual(14);
    const list = await readHarmless(page, '/?per_page=100');
    for (const one of TEXTS) expect(list).toContain(one.trim());
    for (const path of ['/shares', '/account', '/usage', '/admin', `/?open=${failures}&per_page=100`]) await readHarmless(page, path);
    await expect(page.locator('.opened li').first()).toContainText(TEXTS[0] ?? '');
    for (const number of FEW) {
      const id = idOf(TEXTS[number] ?? '', 'alone').replaceAll('"', '');
      await readHarmless(page, `/?search=${encodeURIComponent(`"${id}"`)}`);
      await expect(page.locator('tr[data-row]')).not.toHaveCount(0);
    }
    expect(refused).toEqual([]);
  });
});
