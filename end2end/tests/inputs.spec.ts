// Input that cannot be used: said at its field in words that help, and nothing is stored.
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Locator, Page } from '@playwright/test';
import { expect, test } from '../support/test.ts';

interface Case {
  what: string;
  /** Puts it into the form. */
  put: (page: Page) => Promise<void>;
  /** Where it is said. */
  field: (page: Page) => Locator;
  says: RegExp;
}

const target = (page: Page) => page.getByLabel('Gene name');
const typed = (page: Page) => page.getByLabel('SMILES, one a line');
const file = (page: Page) => page.getByLabel('or a file');

function upload(name: string, content: Buffer): Case['put'] {
  return (page) => file(page).setInputFiles({ name, mimeType: 'application/octet-stream', buffer: content });
}

async function fillBox(page: Page, edge: string): Promise<void> {
  await page.getByRole('radio', { name: 'My own receptor' }).check();
  const atom = 'ATOM      1  CA  ALA A   1      11.104   6.134  -6.504  1.00  0.00           C\n';
  await page.getByLabel('Receptor file').setInputFiles({ name: 'r.pdb', mimeType: 'text/plain', buffer: Buffer.from(`${atom}END\n`) });
  for (const [label, value] of [['Centre x', '0'], ['Centre y', '0'], ['Centre z', '0'], ['Edge x', edge], ['Edge y', '20'], ['Edge z', '20']] as const) {
    await page.getByLabel(label).fill(value);
  }
  await typed(page).fill('CCO ethanol');
}

const CASES: Case[] = [
  { what: 'no ligand at all', put: async () => {}, field: typed, says: /ligand/i },
  { what: 'an empty file', put: upload('empty.csv', Buffer.alloc(0)), field: file, says: /empty/i },
  { what: 'a binary file', put: upload('binary.csv', Buffer.concat([Buffer.from([0, 255, 254]), randomBytes(2_000)])), field: file, says: /text|UTF-8|binary/i },
  { what: 'a table without SMILES', put: upload('prices.csv', Buffer.from('name,price\nethanol,3\npyridine,4\n')), field: (page) => page.getByLabel('Column with the SMILES'), says: /SMILES/ },
  {
    what: 'a target that does not exist',
    put: async (page) => {
      await target(page).fill('ABL99');
      await typed(page).fill('CCO ethanol');
    },
    field: target,
    says: /no target "ABL99"/,
  },
  { what: 'a box that is too long', put: (page) => fillBox(page, '41'), field: (page) => page.getByRole('group', { name: 'Box in Å' }), says: /41 Å; it must be 5 to 40 Å/ },
];

for (const script of [true, false]) {
  test.describe(script ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled: script });

    for (const { what, put, field, says } of CASES) {
      test(`${what} is refused at its field`, async ({ page, hub }) => {
        const before = await hub.list('per_page=100');
        await page.goto('/new/docking');
        await target(page).fill('ABL1');
        await put(page);
        await page.getByRole('button', { name: 'Check' }).click();
        await page.waitForURL(/draft=/);
        await expect(page.getByRole('alert')).toContainText(says);
        await expect(field(page)).toHaveAccessibleDescription(says);
        await expect(page.getByRole('button', { name: /^Dock/ })).toHaveCount(0);
        expect(await hub.list('per_page=100')).toHaveLength(before.length);
      });
    }
  });
}

test('a SMILES beyond all bounds is named with its line', async ({ page }) => {
  await page.goto('/new/docking');
  await target(page).fill('ABL1');
  await typed(page).fill(`CCO ethanol\n${'C'.repeat(501)} worm`);
  await page.getByRole('button', { name: 'Check' }).click();
  await page.waitForURL(/draft=/);
  await expect(page.getByRole('row', { name: /worm/ })).toContainText(/2\s*FAIL/i);
  await expect(page.getByRole('row', { name: /worm/ })).toContainText('500');
});

test('a file of 100 MB is refused at its field', async ({ page }, info) => {
  const path = info.outputPath('large.csv');
  const large = await open(path, 'w');
  await large.write('smiles,name\nCCO,ethanol\n');
  await large.truncate(100_000_000);
  await large.close();
  await page.goto('/new/docking');
  await target(page).fill('ABL1');
  await file(page).setInputFiles(path);
  await page.getByRole('button', { name: 'Check' }).click();
  await page.waitForURL(/draft=/);
  await expect(file(page)).toHaveAccessibleDescription(/10 MB/);
});
