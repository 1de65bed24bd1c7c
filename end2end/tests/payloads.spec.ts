// What people type is text, wherever it is shown: forty ways to make it more than that, in every field.
import { CANARY, expectHarmless, PAYLOADS } from '../support/payloads.ts';
import { expect, test } from '../support/test.ts';

test('a script that got into a page all the same does not run', async ({ page, misdeeds }) => {
  misdeeds.allow(/Content Security Policy|404/);
  const refused: string[] = [];
  await page.exposeFunction('refused', (directive: string) => refused.push(directive));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      (window as unknown as { refused(directive: string): void }).refused(event.effectiveDirective);
    });
  });
  for (const path of ['/', '/new/docking', '/usage']) {
    refused.length = 0;
    await page.goto(path);
    await page.evaluate((canary) => {
      const place = document.createElement('div');
      place.innerHTML = `<img src="x" onerror="${canary}"><p style="color:red">x</p><iframe src="data:,x"></iframe>`;
      const script = document.createElement('script');
      script.setAttribute('nonce', 'guessed');
      script.textContent = canary;
      document.body.append(place);
      document.head.insertAdjacentHTML('beforeend', `<base href="//evil.example/">`);
      place.insertAdjacentHTML('beforeend', `<a href="javascript:${canary}" id="lure">x</a>`);
      document.getElementById('lure')?.click();
    }, CANARY);
    const directives = ['base-uri', 'frame-src', 'script-src-attr', 'script-src-elem', 'style-src-attr'];
    await expect.poll(() => [...new Set(refused)].sort(), { message: path }).toEqual(directives);
    expect(await page.evaluate(() => 'canary' in window), path).toBe(false);
  }
});

test('what is typed stays text on every page', async ({ page, request }) => {
  test.setTimeout(120_000);
  expect(PAYLOADS).toHaveLength(40);
  const ligands = PAYLOADS.map((payload) => ({ name: payload, smiles: 'CCO', [payload.slice(0, 40)]: payload }));
  const jobs: string[] = [];
  for (const name of PAYLOADS.slice(0, 20)) {
    const body = { task: 'docking', name, target: { named: 'ABL1' }, ligands: ligands.slice(0, 2), parameters: { exhaustiveness: 1 } };
    const made = await request.post('/api/v1/batches', { data: body });
    expect(made.status(), await made.text()).toBe(201);
    const { id } = await made.json();
    jobs.push(id);
    await request.post(`/api/v1/jobs/${id}/cancel`);
  }
  const all = { task: 'docking', name: PAYLOADS[3], target: { named: 'ABL1' }, ligands, parameters: { exhaustiveness: 1 } };
  const whole = await request.post('/api/v1/batches', { data: all });
  expect(whole.status(), await whole.text()).toBe(201);
  const { id } = await whole.json();
  await request.post(`/api/v1/jobs/${id}/cancel`);
  const links: string[] = [];
  for (const job_id of [id, jobs[PAYLOADS.findIndex((payload) => payload.startsWith('</title>'))]]) {
    const shared = await request.post('/api/v1/shares', { data: { job_id } });
    links.push((await shared.json()).url);
  }

  const pages = ['/?per_page=100', `/batches/${id}`, `/jobs/${id}/delete`, `/jobs/${id}/share`, `/jobs/${jobs[2]}/delete`, '/shares', ...links];
  for (const index of [0, 3, 9, 36, 37]) {
    pages.push(`/jobs/${id}-${String(index).padStart(5, '0')}`);
  }
  for (const path of pages) {
    await page.goto(path);
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
    await expectHarmless(page);
  }
  for (const payload of PAYLOADS) {
    await page.goto(`/?search=${encodeURIComponent(`"${payload.replaceAll('"', '')}"`)}`);
    await expectHarmless(page);
  }
});

test('what is sent by a form stays text when the form is shown again', async ({ page, request, misdeeds }) => {
  test.setTimeout(120_000);
  // What stands in a field for numbers is none.
  misdeeds.allow(/cannot be parsed/);
  for (const payload of PAYLOADS) {
    const sent = await request.post('/api/v1/drafts', {
      headers: { accept: 'text/html' },
      maxRedirects: 0,
      multipart: {
        name: payload, target_kind: 'named', named: payload, ligands: `CCO ${payload}\n${payload}`,
        smiles_column: payload, exhaustiveness: payload, seed: payload, poses: payload,
      },
    });
    expect(sent.status(), payload).toBe(303);
    await page.goto(sent.headers()['location'] ?? '');
    await expect(page.locator('textarea[name="ligands"]')).toHaveValue(`CCO ${payload}\n${payload}`);
    await expectHarmless(page);
  }
});

test('the names of uploaded files stay text', async ({ page, request, misdeeds }) => {
  test.setTimeout(120_000);
  misdeeds.allow(/cannot be parsed/);
  const pdb = 'ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00  0.00           C\nEND\n';
  let shown = 0;
  for (const payload of PAYLOADS) {
    const file = (text: string) => ({ name: payload, mimeType: 'text/plain', buffer: Buffer.from(text) });
    const sent = await request.post('/api/v1/drafts', {
      headers: { accept: 'text/html' },
      maxRedirects: 0,
      multipart: { target_kind: 'upload', receptor_file: file(pdb), ligands_file: file('CCO ethanol\n'), exhaustiveness: '1' },
    });
    expect(sent.status(), payload).toBe(303);
    await page.goto(sent.headers()['location'] ?? '');
    // The hub keeps what follows the last slash; what is sent as a name has no quotes.
    const name = payload.split(/[/\\]/).pop() ?? '';
    if (!/["\r\n%]/.test(payload) && name.trim() === name && name !== '') {
      expect(await page.locator('main').innerText(), payload).toContain(name);
      shown += 1;
    }
    await expectHarmless(page);
  }
  expect(shown).toBeGreaterThan(10);
});
