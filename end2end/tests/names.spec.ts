// What people call themselves, their organisation, keys and programs is text, on every page that names them.
import { PASSWORD, signIn } from '../support/accounts.ts';
import { expectHarmless, PAYLOADS } from '../support/payloads.ts';
import { expect, test } from '../support/test.ts';

const ROOT = 'root@example.org';

test.use({ ownStack: true, settings: { AUTH: 'accounts' } });

test('what people are called stays text on every page', async ({ page, browser, request, stack, misdeeds, baseURL }) => {
  test.setTimeout(180_000);
  misdeeds.allow(/CONNECTION_REFUSED/);
  const enter = (agent: string) =>
    request.post('/api/v1/auth/login', { data: { email: ROOT, password: PASSWORD }, headers: { 'user-agent': agent } });
  const signedUp = await request.post('/api/v1/auth/signup', { data: { email: ROOT, password: PASSWORD } });
  expect(signedUp.status()).toBe(201);
  await stack?.appoint(ROOT);
  await page.goto('/login');
  await signIn(page, ROOT);
  await page.waitForURL(/\/$/);
  const send = async (method: string, path: string, data: object) => {
    const answer = await page.request.fetch(`/api/v1${path}`, { method, data });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
    return (await answer.text()) && answer.json();
  };
  const look = async (paths: string[]) => {
    for (const path of paths) {
      await page.goto(path);
      await expect(page.getByRole('heading', { level: 1 }), path).toHaveCount(1);
      await expectHarmless(page);
    }
  };

  for (const payload of PAYLOADS) {
    await send('POST', '/api-keys', { name: payload, scope: 'read' });
    expect((await enter(payload)).status()).toBe(200);
  }
  await send('POST', '/organizations', { name: PAYLOADS[2] });
  const input = { target: { named: 'ABL1' }, ligand: { name: 'ethanol', smiles: 'CCO' } };
  const { id } = await send('POST', '/jobs', { task: 'docking', name: PAYLOADS[9], input });
  await look(['/account', '/organization', '/organization/audit', '/admin/organizations']);
  await expect(page.getByRole('link', { name: PAYLOADS[2], exact: true })).toBeVisible();
  await page.getByRole('link', { name: PAYLOADS[2], exact: true }).click();
  await page.waitForURL(/\/admin\/organizations\/./);
  await expectHarmless(page);

  for (const payload of PAYLOADS.filter((_, place) => place % 5 === 2)) {
    await send('PATCH', '/me', { name: payload });
    await send('PUT', '/admin/models/vina', { maintenance: payload });
    const { url } = await send('POST', '/shares', { job_id: id });
    await look(['/account', '/organization', '/organization/links', '/admin', '/new/docking', `/jobs/${id}`, url]);
  }
  await look(['/admin/users', '/admin/audit', '/admin/audit?per_page=100', '/shares', '/usage']);

  const { url } = await send('POST', '/organizations/own/invitations', { role: 'viewer' });
  const other = await browser.newContext({ baseURL });
  const guest = await other.newPage();
  const bea = { email: 'bea@example.org', password: PASSWORD };
  expect((await other.request.post('/api/v1/auth/signup', { data: bea })).status()).toBe(201);
  await guest.goto(`/login?next=${encodeURIComponent(`"><script>window.canary=1</script>`)}`);
  await expectHarmless(guest);
  await signIn(guest, bea.email);
  await guest.waitForURL(/\/$/);
  await guest.goto(url);
  await expect(guest.getByRole('heading', { level: 1 })).toHaveText(`Join ${PAYLOADS[2]}?`);
  await expectHarmless(guest);
  await other.close();
});
