// A marker in all that one organisation has; people of another one touch everything in their browsers, and never meet it.
import { signUp } from '../support/accounts.ts';
import { expect, test } from '../support/test.ts';
import { type Asked, Witness } from '../support/witness.ts';

const MARKER = 'zqtaintqz';
/** As much of it as a stranger types: the search would find it, and what a page repeats of their words is not it. */
const PART = MARKER.slice(0, 6);
/** In all that the stranger has. */
const ORDINARY = 'ordinary';
const TEST_MS = 180_000;
const DOCKING_MS = 60_000;

test.use({ ownStack: true, settings: { AUTH: 'accounts' } });

/** Ids of what somebody has. */
interface Things {
  user: string;
  organization: string;
  /** A batch whose ligands are docked, and one of them. */
  batch: string;
  child: string;
  /** A batch that cannot be docked. */
  failed: string;
  /** A job that was cancelled. */
  single: string;
  draft: string;
  share: string;
  key: string;
  session: string;
}

test('nothing of one organisation reaches the browsers of another', async ({ browser, context, baseURL, stack, misdeeds }) => {
  test.setTimeout(TEST_MS);
  misdeeds.allow(/status of 40[034]/);
  const marked = await Witness.of(await browser.newContext({ baseURL, userAgent: `${MARKER}/1.0` }));
  const stranger = await Witness.of(context);
  const [theirs, own] = await Promise.all([settle(marked, MARKER), settle(stranger, ORDINARY)]);
  await Promise.all([ended(marked, theirs), ended(stranger, own)]);

  await sendNonsense(marked);
  await Promise.all([expectMarked(marked, theirs), readOwn(stranger, own)]);
  for (const [what, id] of Object.entries(theirs)) {
    expect(stranger.sources(id), `not even an id: ${what}`).toEqual([]);
  }
  // Nobody may ask for so much in a minute as there is to ask for.
  const colleague = await join(stranger, await Witness.of(await browser.newContext({ baseURL })));
  const token = await pageToken(marked);
  await Promise.all([overhear(stranger, marked, own, theirs), readTheirs(colleague, theirs, token)]);
  await tryToChange(colleague, theirs);

  for (const [who, word] of [[marked, MARKER], [stranger, ORDINARY], [colleague, ORDINARY]] as const) {
    await who.visit('/the/last/of/all');
    expect(who.sources(word), 'what it heard is taken down').not.toEqual([]);
    expect(who.unread).toEqual([]);
  }
  expect(stranger.sources(MARKER)).toEqual([]);
  expect(colleague.sources(MARKER)).toEqual([]);
  await expect.poll(() => stack?.logged('hub').match(/the.last.of.all/g)).toHaveLength(3);
  for (const part of ['hub', 'gateway'] as const) {
    expect(stack?.logged(part).split('\n').filter((line) => line.toLowerCase().includes(MARKER)), part).toEqual([]);
  }
  await marked.context.close();
  await colleague.context.close();
});

/** A sheet of carbons, into which a ligand is docked in a moment, as a PDBQT file with a remark. */
function sheet(remark: string): string {
  const places = [-7, -3.5, 0, 3.5, 7];
  const atoms = places.flatMap((x) => places.map((y) => [x, y, 0]));
  const lines = atoms.map((atom, index) => {
    const serial = String(index + 1);
    const place = atom.map((value) => value.toFixed(3).padStart(8)).join('');
    return `ATOM  ${serial.padStart(5)}  C   ALA A${serial.padStart(4)}    ${place}  1.00  0.00     0.000 C `;
  });
  return [`REMARK ${remark}`, ...lines, ''].join('\n');
}

/** A screen of two ligands into a receptor of one's own, with a word in all that can be filled in. */
function screen(word: string, receptor: string): object {
  const box = { center: [0, 0, 4], size: [16, 16, 12] };
  return {
    task: 'docking',
    name: `${word} screen`,
    target: { receptor: { name: `${word}.pdbqt`, text: receptor }, box },
    ligands: ['CCO', 'CCC'].map((smiles, index) => ({ name: `${word} ${index}`, smiles, [`${word} column`]: `${word} cell` })),
    parameters: { exhaustiveness: 1, poses: 2, seed: 1 },
  };
}

/** Sends something that is accepted; what is answered. */
async function send(who: Witness, path: string, body: object, method = 'POST'): Promise<{ id: string; url: string }> {
  const [answer] = await who.ask([{ path: `/api/v1${path}`, method, body }]);
  expect(answer?.status, `${path}: ${answer?.text}`).toBeLessThan(300);
  return JSON.parse(answer?.text || '{}');
}

/** Reads something of one's own. */
async function read<T>(who: Witness, path: string): Promise<T> {
  const [answer] = await who.ask([{ path: `/api/v1${path}` }]);
  expect(answer?.status, `${path}: ${answer?.text}`).toBe(200);
  return JSON.parse(answer?.text ?? '');
}

/** The id of the only thing that a list holds. */
async function idIn(who: Witness, path: string): Promise<string> {
  const { results } = await read<{ results: { id: string }[] }>(who, path);
  expect(results, path).toHaveLength(1);
  return results[0]?.id ?? '';
}

/** Makes an account and an organisation, with a word in each of their fields and in all that they have. */
async function settle(who: Witness, word: string): Promise<Things> {
  await signUp(who.page, `${word}@example.org`);
  await send(who, '/me', { name: `${word} Doe` }, 'PATCH');
  const { user_id: user } = await read<{ user_id: string }>(who, '/me');
  const { id: organization } = await send(who, '/organizations', { name: `${word} laboratory` });
  const { id: batch } = await send(who, '/batches', screen(word, sheet(word)));
  const { id: failed } = await send(who, '/batches', screen(word, `ROOT\n${sheet(word)}`));
  const input = { target: { named: 'ABL1' }, ligand: { name: `${word} ligand`, smiles: 'c1ccncc1' } };
  const { id: single } = await send(who, '/jobs', { task: 'docking', name: `${word} single`, input });
  await send(who, `/jobs/${single}/cancel`, {});
  await send(who, `/jobs/${single}`, { name: `${word} once more` }, 'PATCH');
  for (const id of [batch, failed]) {
    await send(who, `/jobs/${id}/organization-share`, { shared: true }, 'PUT');
  }
  await send(who, '/shares', { job_id: batch, password: 'a long password' });
  await send(who, '/api-keys', { name: `${word} key`, scope: 'read' });
  await send(who, '/organizations/own/invitations', { role: 'member' });
  const [share, key, session] = [await idIn(who, '/shares'), await idIn(who, '/api-keys'), await idIn(who, '/sessions')];
  return { user, organization, batch, child: `${batch}-00000`, failed, single, draft: await draft(who, word), share, key, session };
}

/** Sends the docking form with files, to be looked at only; the draft's id. */
async function draft(who: Witness, word: string): Promise<string> {
  const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  const files = { receptor_file: file(`${word}.pdbqt`, sheet(word)), ligands_file: file(`${word}.smi`, `CCO ${word}-a\nCCC ${word}-b\n`) };
  return (await sendForm(who, { name: `${word} draft`, target_kind: 'upload', exhaustiveness: '1', ...files })).id;
}

/** What a field of a form holds. */
type Field = string | { name: string; mimeType: string; buffer: Buffer };

async function sendForm(who: Witness, multipart: Record<string, Field>): Promise<{ id: string }> {
  const made = await who.page.request.post('/api/v1/drafts', { headers: { accept: 'application/json' }, multipart });
  who.hear('a draft', await made.text());
  expect(made.status(), await made.text()).toBe(201);
  return made.json();
}

/** Waits until what can be docked is docked, and what cannot be has failed. */
async function ended(who: Witness, things: Things): Promise<void> {
  for (const [id, status] of [[things.batch, 'completed'], [things.failed, 'failed']] as const) {
    const stands = async () => (await read<{ status: string }>(who, `/jobs/${id}`)).status;
    await expect.poll(stands, { timeout: DOCKING_MS, intervals: [500] }).toBe(status);
  }
}

/** Pages and calls that tell somebody of what they have, without naming it. */
const LISTS = [
  '/',
  `/?search=${PART}`,
  `/?search=${PART}&status=completed,failed,cancelled&task=docking&model=vina&date_from=2026-01-01`,
  '/?scope=organization',
  '/?sort=created_at&per_page=1',
  '/?per_page=1&page=2',
  ...['/account', '/organization', '/organization/audit', '/organization/links', '/shares'],
];
const LIST_CALLS = [
  ...['jobs', `jobs?search=${PART}`, 'jobs?scope=organization', 'jobs?per_page=1&page=2', 'shares', 'me', 'sessions', 'api-keys'],
  ...['own', 'own/audit', 'own/shares'].map((path) => `organizations/${path}`),
].map((path) => `/api/v1/${path}`);

/** What there is beside: for everybody alike, for those who look after the hub, and what is wrong. */
const OTHERS = ['/?scope=all', '/usage', '/new', '/new/docking', '/admin', '/docs/api', '/login'];
const OTHER_CALLS = [
  ...['/?status=nothing&sort=nothing', '/signup', '/reset', '/verify', '/join', '/join?token=nobody', '/jobs/NO', '/batches/NO'],
  ...['/admin/users', '/admin/organizations', '/admin/audit', '/admin/errors', '/new/docking?example=kinases', '/new/nothing'],
  ...['/metrics', '/healthz', '/readyz', '/health', '/api/nothing', '/s/nothing', '/files/nothing'],
  ...['usage', 'models', 'tasks', 'targets', 'nothing', 'jobs?sort=nothing', 'invitation?token=nobody'].map((path) => `/api/v1/${path}`),
  ...['users', 'organizations', 'models', 'assignments', 'errors', 'audit'].map((path) => `/api/v1/admin/${path}`),
];

/** Pages of these very things, each of which names them to whoever has them. */
function pagesOf({ batch, child, failed, single, draft }: Things): string[] {
  return [
    ...[`/batches/${batch}`, `/batches/${batch}?sort=-name&search=${PART}`, `/batches/${failed}/retry-failed`],
    ...[child, single, `${failed}-00000`].map((id) => `/jobs/${id}`),
    ...['share', 'delete', 'cancel'].map((act) => `/jobs/${batch}/${act}`),
    `/new/docking?draft=${draft}`,
  ];
}

/** Calls that read these very things, likewise. */
function callsOf({ batch, child, failed, single, draft }: Things): string[] {
  const ends = ['', '/export?format=csv', '/export?format=json'];
  return [
    ...[batch, child, `${failed}-00000`, single].flatMap((id) => ends.map((end) => `/api/v1/jobs/${id}${end}`)),
    ...['', '/children', '/export?format=csv', '/export?format=sdf'].map((end) => `/api/v1/batches/${batch}${end}`),
    ...['poses.sdf', 'poses.sdf?content=true', 'receptor.pdbqt'].map((file) => `/api/v1/jobs/${child}/files/${file}`),
    `/api/v1/drafts/${draft}`,
  ];
}

/** The call by which a page that is open already reads what stands at an address. */
function turnedTo(address: string): Asked {
  const [path = '', query = ''] = address.split('?');
  const [name, body] = path === '/' ? ['jobs/list', { query }] : ['pages/read', { path, query }];
  return { path: `/api/${name}`, method: 'POST', body };
}

/** Whoever has these things meets the marker wherever a stranger is to look: else the stranger's look would prove nothing. */
async function expectMarked(marked: Witness, theirs: Things): Promise<void> {
  for (const path of [...LISTS, ...pagesOf(theirs)]) {
    const before = marked.count;
    expect(await marked.visit(path), path).toBe(200);
    expect(marked.sources(MARKER, before).map((source) => source.split(' ')[1]), path).toContain('page');
  }
  const reads = [...LIST_CALLS, ...callsOf(theirs)].map((path): Asked => ({ path }));
  const calls = [...reads, ...[...LISTS, ...pagesOf(theirs)].map(turnedTo)];
  for (const [index, answer] of (await marked.ask(calls)).entries()) {
    expect(answer.status, JSON.stringify(calls[index])).toBe(200);
    expect(answer.text, JSON.stringify(calls[index])).toContain(MARKER);
  }
}

/** Sends what is wrong, with the marker in it: what the hub has to say of that is for the sender alone. */
async function sendNonsense(marked: Witness): Promise<void> {
  const body = { task: MARKER, name: MARKER.repeat(50), [MARKER]: MARKER, input: { target: { named: MARKER }, ligand: MARKER } };
  const wrong = await marked.ask([
    ...['/jobs', '/batches', '/preflight', '/organizations/join'].map((path) => ({ path: `/api/v1${path}`, method: 'POST', body })),
    { path: '/api/v1/jobs', method: 'POST', body: MARKER },
    { path: '/api/v1/organizations/own', method: 'DELETE', body: { name: MARKER } },
    { path: '/api/v1/auth/login', method: 'POST', body: { email: `${MARKER}@example.org`, password: MARKER } },
    { path: `/api/v1/jobs?status=${MARKER}&sort=${MARKER}` },
  ]);
  for (const { status, text } of wrong) {
    expect(Math.floor(status / 100), `${status} ${text}`).toBe(4);
  }
}

/** Reads all that there is for somebody, and follows every link that they meet. */
async function readOwn(who: Witness, own: Things): Promise<void> {
  const visited = [...LISTS, ...OTHERS, ...pagesOf(own)];
  for (const path of visited) {
    expect([200, 400, 404], path).toContain(await who.visit(path));
  }
  // Filters can be put together without end: each is tried by itself.
  const further = [...who.links].filter((link) => !visited.includes(link) && !/^\/.*\?.*&/.test(link));
  expect(further.length).toBeGreaterThan(40);
  const reads = [...further, ...LIST_CALLS, ...OTHER_CALLS].map((path): Asked => ({ path }));
  const calls = [...reads, ...LISTS.map(turnedTo)];
  for (const [index, { status, text }] of (await who.ask(calls)).entries()) {
    expect([200, 400, 403, 404], `${JSON.stringify(calls[index])}: ${text}`).toContain(status);
  }
  const { pagination } = await read<{ pagination: { total_results: number } }>(who, '/jobs');
  expect(pagination.total_results, 'two batches and a job').toBe(3);
}

/** Listens at a list and at a batch while others change what they have. */
async function overhear(stranger: Witness, marked: Witness, own: Things, theirs: Things): Promise<void> {
  const other = await stranger.tab();
  await stranger.visit(`/batches/${own.batch}`, other);
  await stranger.visit('/');
  const streams = [`/api/v1/jobs/${theirs.child}/events`, `/api/v1/batches/${theirs.batch}/events`];
  await stranger.page.evaluate((all) => all.forEach((path) => new EventSource(path)), streams);
  await marked.visit('/');
  const told = (who: Witness, text: string, since: number) =>
    who.sources(text, since).some((source) => /^the stream GET \S+\/api\/v1\/events:/.test(source));
  const [before, since] = [marked.count, stranger.count];

  await send(marked, `/jobs/${theirs.batch}`, { name: `${MARKER} renamed` }, 'PATCH');
  const { id } = await send(marked, '/batches', screen(`${MARKER} new`, sheet(MARKER)));
  await send(marked, `/jobs/${id}/cancel`, {});
  await expect.poll(() => told(marked, `${MARKER} renamed`, before) && told(marked, id, before)).toBe(true);
  await expect(marked.page.locator('button.fresh')).toHaveText('1 new');

  // What is heard of one's own comes after all that was to be heard of others.
  await send(stranger, `/jobs/${own.batch}`, { name: `${ORDINARY} renamed` }, 'PATCH');
  await expect.poll(() => told(stranger, `${ORDINARY} renamed`, since)).toBe(true);
  await expect(other.getByRole('heading', { level: 1 })).toHaveText(`${ORDINARY} renamed`);
  await expect(stranger.page.locator('button.fresh')).toHaveCount(0);
  for (const page of [stranger.page, other]) {
    await stranger.look(page);
  }
  expect(stranger.sources(id)).toEqual([]);
  await other.close();
}

/** Lets somebody into one's organisation. */
async function join(who: Witness, guest: Witness): Promise<Witness> {
  const { url } = await send(who, '/organizations/own/invitations', { role: 'admin' });
  await signUp(guest.page, `${ORDINARY}-too@example.org`);
  await send(guest, '/organizations/join', { token: new URL(url).searchParams.get('token') });
  for (const path of ['/organization', '/?scope=organization']) {
    expect(await guest.visit(path), path).toBe(200);
  }
  return guest;
}

/** A token of a page of somebody's list. */
async function pageToken(who: Witness): Promise<string> {
  const { next_page_token } = await read<{ next_page_token: string }>(who, '/jobs?per_page=1');
  expect(next_page_token).toBeTruthy();
  return next_page_token;
}

/** Asks for what is another one's: there is no such thing. */
async function readTheirs(who: Witness, theirs: Things, token: string): Promise<void> {
  const { user, organization, batch, child, share } = theirs;
  const administered = [`/admin/users/${user}`, `/admin/organizations/${organization}`];
  const pages = [...pagesOf(theirs), ...administered, `/jobs/${batch}/compare`];
  for (const path of pages) {
    expect(await who.visit(path), path).toBe(404);
  }
  const reads = [
    ...callsOf(theirs),
    ...[`/s/${share}`, `/s/${share}/jobs/${child}`, ...administered.map((path) => `/api/v1${path}`)],
    ...['/files', '/events', '/export?format=zip'].flatMap((end) => [`/api/v1/jobs/${batch}${end}`, `/api/v1/jobs/${child}${end}`]),
    ...['/status', '/events'].map((end) => `/api/v1/batches/${batch}${end}`),
  ].map((path): Asked => ({ path }));
  const calls = [...reads, ...pages.map(turnedTo)];
  for (const [index, { status, text }] of (await who.ask(calls)).entries()) {
    expect(status, `${JSON.stringify(calls[index])}: ${text}`).toBe(404);
  }
  // These are one's own, whatever they name.
  for (const path of [`/?open=${batch}`, `/?per_page=1&page_token=${encodeURIComponent(token)}`, `/login?next=/batches/${batch}`]) {
    expect(await who.visit(path), path).toBe(200);
  }
  await sendForm(who, { target_kind: 'upload', exhaustiveness: '1', previous: theirs.draft });
}

/** Tries to change, to repeat and to go on with what is another one's, by calls and by forms. */
async function tryToChange(who: Witness, { user, batch, child, failed, draft, share, key, session }: Things): Promise<void> {
  const input = { target: { named: 'ABL1' }, ligand: { name: 'ethanol', smiles: 'CCO' } };
  const calls: [string, string, object?][] = [
    ['POST', '/jobs', { task: 'docking', input, source_id: child }],
    ['PATCH', `/jobs/${batch}`, { name: 'taken' }],
    ['POST', `/jobs/${failed}/cancel`],
    ['POST', `/jobs/${failed}-00000/retry`],
    ['POST', `/batches/${failed}/retry-failed`],
    ['PUT', `/jobs/${batch}/organization-share`, { shared: true }],
    ['POST', '/shares', { job_id: batch }],
    ['DELETE', `/jobs/${batch}`],
    ['DELETE', `/shares/${share}`],
    ['DELETE', `/api-keys/${key}`],
    ['DELETE', `/sessions/${session}`],
    ['DELETE', `/organizations/own/members/${user}`],
    ['PUT', `/admin/users/${user}/roles`, { roles: [] }],
  ];
  const forms = {
    'jobs/rename': { id: batch, name: 'taken' },
    'jobs/cancel': { id: batch, back: '/' },
    'jobs/retry': { id: child },
    'jobs/delete': { id: batch, back: '/' },
    'batches/retry-failed': { id: failed },
    'shares/organization': { id: batch, shared: 'true' },
    'shares/revoke': { id: share, back: '/' },
    'shares/create': { id: batch, expires: '30', best: '', password: '' },
    'drafts/submit': { draft, key: 'once', on_failed_rows: 'refuse' },
  };
  const asked: Asked[] = [
    ...calls.map(([method, path, body = {}]) => ({ method, path: `/api/v1${path}`, body })),
    ...Object.entries(forms).map(([path, fields]) => ({ method: 'POST', path: `/api/${path}`, body: `${new URLSearchParams(fields)}` })),
  ];
  for (const [index, { status, text }] of (await who.ask(asked)).entries()) {
    expect(status, `${JSON.stringify(asked[index])}: ${text}`).toBe(404);
  }
}
