// The hub's API as a program uses it: what pages show is checked against it, and what a test needs is made by it.
import { type APIRequestContext, expect } from '@playwright/test';

/** Vina needs a second or two for one of the ligands below, on the two processors of a small machine. */
const RUN_MS = 180_000;

/** A row of the API; only what the tests look at. */
export interface Job {
  id: string;
  name: string;
  status: string;
  waiting: { reason: string } | null;
  best: { value: number; unit: string } | null;
  batch?: { total: number; completed: number };
  metrics: Record<string, { value: number | null }>;
}

/** A child of a batch. */
export interface Child {
  id: string;
  index: number;
  name: string;
  smiles: string;
  status: string;
  values: Record<string, number>;
}

/** A ligand as it comes in. */
export interface Ligand {
  name: string;
  smiles: string;
  [column: string]: string;
}

/** Ligands that are docked in a moment, with a column of their own and a cell that needs quotes. */
export const TINY: Ligand[] = [
  { name: 'ethanol', smiles: 'CCO', shelf: 'A1, top' },
  { name: 'pyridine', smiles: 'c1ccncc1', shelf: 'A2' },
  { name: 'acetamide', smiles: 'CC(N)=O', shelf: 'B1 "cold"' },
  { name: 'propane', smiles: 'CCC', shelf: '' },
];

/** The same as a CSV file. */
export function csvOf(ligands: Ligand[]): string {
  const columns = Object.keys(ligands[0] ?? {});
  const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = ligands.map((ligand) => columns.map((column) => cell(ligand[column] ?? '')).join(','));
  return [columns.join(','), ...rows, ''].join('\n');
}

/** Cells of a CSV file, by line. */
export function cellsOf(csv: string): string[][] {
  const lines = csv.split('\r\n').filter((line) => line !== '');
  const cell = /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;
  return lines.map((line) => [...line.matchAll(cell)].map((match) => match[1]?.replaceAll('""', '"') ?? match[2] ?? ''));
}

/** The API of one hub. */
export class Hub {
  constructor(private readonly request: APIRequestContext) {}

  /** Submits a screen in the fast setting; the accepted batch. */
  async submitScreen(name: string, ligands: Ligand[], target = 'ABL1'): Promise<Job> {
    const body = {
      task: 'docking',
      model: 'vina',
      name,
      target: { named: target },
      ligands,
      parameters: { exhaustiveness: 1, poses: 2, seed: 1 },
    };
    const answer = await this.request.post('/api/v1/batches', { data: body });
    expect(answer.status(), await answer.text()).toBe(201);
    return answer.json();
  }

  /** Submits a screen of predictions against a sequence, whose alignment is to be computed; the accepted batch. */
  async submitPredictions(name: string, sequence: string, ligands: Ligand[]): Promise<Job> {
    const body = { task: 'batch_protein_ligand_screening', model: 'boltz2', name, target: { name: 'CDK2', sequence }, ligands };
    const answer = await this.request.post('/api/v1/batches', { data: body });
    expect(answer.status(), await answer.text()).toBe(201);
    return answer.json();
  }

  /** A job or batch as it stands. */
  async job(id: string): Promise<Job> {
    return this.#get(`/api/v1/jobs/${id}`);
  }

  /** Gives a job or batch another name. */
  async rename(id: string, name: string): Promise<void> {
    const answer = await this.request.patch(`/api/v1/jobs/${id}`, { data: { name } });
    expect(answer.status(), await answer.text()).toBe(200);
  }

  /** Children of a batch, the best first. */
  async children(id: string): Promise<Child[]> {
    return (await this.#get<{ results: Child[] }>(`/api/v1/batches/${id}/children`)).results;
  }

  /** Jobs and batches that a query of the list finds. */
  async list(query: string): Promise<Job[]> {
    return (await this.#get<{ results: Job[] }>(`/api/v1/jobs?${query}`)).results;
  }

  /** Waits until a job or batch has ended; how it stands then. */
  async ended(id: string): Promise<Job> {
    const running = ['pending', 'running'];
    await expect.poll(async () => running.includes((await this.job(id)).status), { timeout: RUN_MS }).toBe(false);
    return this.job(id);
  }

  /** A screen of `TINY` that has completed, the same one for every test that only looks. */
  async completedScreen(): Promise<Job> {
    const name = 'Four tiny ligands';
    const [there] = await this.list(`search=${encodeURIComponent(name)}`);
    const screen = await this.ended((there ?? (await this.submitScreen(name, TINY))).id);
    expect(screen.status).toBe('completed');
    return screen;
  }

  /** An export of a batch, as text. */
  async exported(id: string, format: 'csv' | 'sdf'): Promise<string> {
    const answer = await this.request.get(`/api/v1/batches/${id}/export?format=${format}`);
    expect(answer.status()).toBe(200);
    return answer.text();
  }

  async #get<T>(path: string): Promise<T> {
    const answer = await this.request.get(path);
    expect(answer.status(), `${path}: ${await answer.text()}`).toBe(200);
    return answer.json();
  }
}
