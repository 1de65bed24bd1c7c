// The former system: its documents in a database of their own on the Firestore emulator, its files in a folder.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from '@playwright/test';

/** Where the emulator is; empty where there is none. */
export const EMULATOR = process.env.FIRESTORE_EMULATOR_HOST ?? '';

/** Documents that are stored at once. */
const CHUNK = 200;

type Value = string | number | boolean | null | Value[] | { [name: string]: Value };

/** The fields of a document. */
export type Fields = { [name: string]: Value };

/** What became of a document. */
export interface Brought {
  former_id: string;
  id?: string;
  came: 'mapped' | 'here' | 'left_alone';
  reason?: string;
  files_missing?: string;
}

/** A former system, empty at first. */
export class FormerSystem {
  #project = `former-${crypto.randomUUID()}`;
  #folder = mkdtempSync(join(tmpdir(), 'omtx-former-'));

  /** The options of a migration that reads it and writes a report. */
  get options(): string[] {
    return ['--from', `firestore://${this.#project}/(default)`, '--files', `file:${join(this.#folder, 'files')}`, '--report', this.#report];
  }

  /** Stores documents by their ids. */
  async store(documents: Map<string, Fields>): Promise<void> {
    const database = `projects/${this.#project}/databases/(default)`;
    const writes = [...documents].map(([id, fields]) => ({ update: { name: `${database}/documents/jobs/${id}`, fields: typedFields(fields) } }));
    for (let from = 0; from < writes.length; from += CHUNK) {
      const answer = await fetch(`http://${EMULATOR}/v1/${database}/documents:commit`, {
        method: 'POST',
        headers: { authorization: 'Bearer owner' },
        body: JSON.stringify({ writes: writes.slice(from, from + CHUNK) }),
      });
      expect(answer.status, await answer.text()).toBe(200);
    }
  }

  /** Stores a file. */
  file(path: string, content: string): void {
    const place = join(this.#folder, 'files', path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
  }

  /** What became of each document, by its id there. */
  report(): Map<string, Brought> {
    const lines = readFileSync(this.#report, 'utf8').trim().split('\n');
    return new Map(lines.map((line) => JSON.parse(line) as Brought).map((brought) => [brought.former_id, brought]));
  }

  /** Forgets its files; the emulator forgets its documents when it ends. */
  end(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #report(): string {
    return join(this.#folder, 'report.jsonl');
  }
}

function typedFields(fields: Fields): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typed(value)]));
}

/** A value in Firestore's own types. */
function typed(value: Value): object {
  if (value === null) return { nullValue: null };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { booleanValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { integerValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(typed) } };
  return { mapValue: { fields: typedFields(value) } };
}
