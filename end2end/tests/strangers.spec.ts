// Another site, open in the same browser as the hub: whatever it sends in the visitor's name changes nothing.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signUp } from '../support/accounts.ts';
import { expect, test } from '../support/test.ts';

test.use({ ownStack: true, settings: { AUTH: 'accounts' } });

let site: Server;

/** A page of another origin, at the same address of this machine as the hub: its cookies go along. */
async function otherSite(): Promise<string> {
  site = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><title>x</title>'));
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}

test.afterEach(() => site.close());

test('what another site sends in the name of a visitor changes nothing', async ({ page, misdeeds, baseURL }) => {
  misdeeds.allow(/./);
  const other = await otherSite();
  await signUp(page, 'ada@example.org');
  const input = { target: { named: 'ABL1' }, ligand: { name: 'ethanol', smiles: 'CCO' } };
  const made = await page.request.post('/api/v1/jobs', { data: { task: 'docking', name: 'mine', input }, headers: { origin: baseURL ?? '' } });
  expect(made.status(), await made.text()).toBe(201);
  const { id } = await made.json();

  const state = async () => {
    const read = async (path: string) => (await page.request.get(path)).text();
    const job = JSON.parse(await read(`/api/v1/jobs/${id}`));
    return [job.name, job.cancelling, await read('/api/v1/api-keys'), await read('/api/v1/shares'), await read('/api/v1/organizations/own')].map(
      (part) => String(part).replace(/"reference":"\w+"/, ''),
    );
  };
  const before = await state();

  const forms: [string, Record<string, string>][] = [
    ['/api/jobs/cancel', { id, back: '/' }],
    ['/api/jobs/rename', { id, name: 'theirs' }],
    ['/api/shares/create', { id, expires: '30', password: '', best: '' }],
    ['/account', { act: 'key', name: 'theirs', scope: 'write', days: '' }],
    ['/organization', { act: 'found', name: 'theirs' }],
    ['/logout', {}],
  ];
  for (const [path, fields] of forms) {
    await page.goto(other);
    const answered = page.waitForResponse((response) => response.url().endsWith(path));
    await page.evaluate(
      ([action, values]) => {
        const form = document.createElement('form');
        form.method = 'post';
        form.action = action as string;
        for (const [name, value] of Object.entries(values as Record<string, string>)) {
          form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
        }
        document.body.append(form);
        form.submit();
      },
      [`${baseURL}${path}`, fields] as const,
    );
    expect((await answered).status(), path).toBe(403);
    await page.waitForURL(`${baseURL}${path}`);
  }

  await page.goto(other);
  const read = await page.evaluate(
    async ([hub, job]) => {
      const seen: string[] = [];
      const plain = { method: 'POST', credentials: 'include', mode: 'no-cors' } as const;
      const bodies = { 'text/plain': '{}', 'application/x-www-form-urlencoded': `id=${job}&name=theirs` };
      for (const path of [`/api/v1/jobs/${job}/cancel`, '/api/jobs/rename', '/api/v1/api-keys', '/api/v1/auth/logout', '/logout']) {
        for (const [type, body] of Object.entries(bodies)) {
          await fetch(hub + path, { ...plain, headers: { 'content-type': type }, body }).catch(() => {});
        }
        await fetch(hub + path, { method: 'DELETE', credentials: 'include' }).catch(() => {});
      }
      for (const path of [`/api/v1/jobs/${job}`, '/api/v1/me', '/']) {
        await fetch(hub + path, { credentials: 'include' }).then(
          async (answer) => seen.push(await answer.text()),
          () => {},
        );
      }
      for (const path of [`/jobs/${job}/cancel`, '/logout', `/api/v1/jobs/${job}/cancel`, '/favicon.svg']) {
        const image = Object.assign(new Image(), { src: hub + path });
        await new Promise((done) => Object.assign(image, { onload: () => done(seen.push(path)), onerror: done }));
      }
      const frame = Object.assign(document.createElement('iframe'), { src: hub });
      document.body.append(frame);
      await new Promise((done) => frame.addEventListener('load', done));
      return seen;
    },
    [baseURL ?? '', id] as const,
  );
  expect(read, 'nothing of the hub can be read or shown elsewhere').toEqual([]);
  await expect(page.frames()[1]?.locator('main') ?? page.locator('main')).toHaveCount(0);

  expect(await state()).toEqual(before);
  await page.goto('/account');
  await expect(page.getByText('ada@example.org')).toBeVisible();
});
