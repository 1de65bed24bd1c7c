// The real thing: a gateway and a hub as processes of this machine, on free ports, with a folder of their own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const ROOT = resolve(import.meta.dirname, '../..');
const LOGS = join(ROOT, 'end2end/results/logs');
const SECRET = 'a secret of the browser tests alone';
const START_MS = 60_000;
/** The hub may take 10 s to end. */
const END_MS = 15_000;

/** A hub and its gateway. */
export class Stack {
  /** Where the hub is. */
  url = '';
  #folder = mkdtempSync(join(tmpdir(), 'omtx-hub-'));
  #gatewayPort = 0;
  #hubPort = 0;
  #gateway?: ChildProcess;
  #hub?: ChildProcess;

  private constructor(
    private readonly name: string,
    private readonly settings: Record<string, string>,
    private readonly program: string[],
  ) {}

  /**
   * Starts both and waits until they answer. `name` is that of their logs, `settings` are the hub's; `gateway` is what
   * Python runs in the worker's folder, with the arguments of the gateway.
   */
  static async start(name: string, settings: Record<string, string> = {}, gateway = ['-m', 'omtx_worker.gateway']): Promise<Stack> {
    const stack = new Stack(name, settings, gateway);
    try {
      stack.#gatewayPort = await freePort();
      await stack.startGateway();
      await stack.#startHub();
    } catch (error) {
      await stack.end();
      throw error;
    }
    return stack;
  }

  /** Starts the gateway, at the same port and with the same folder as before. */
  async startGateway(): Promise<void> {
    const worker = join(ROOT, 'worker');
    const options = ['--host', '127.0.0.1', '--port', String(this.#gatewayPort), '--state-dir', this.gatewayFolder];
    const settings = { PYTHONPATH: '.', OMTX_REFERENCE_DATA: process.env.OMTX_REFERENCE_DATA ?? '' };
    const program = join(worker, '.venv/bin/python');
    this.#gateway = this.#spawn('gateway', program, [...this.program, ...options], worker, settings);
    await until(async () => (await fetch(`${this.#gatewayUrl}/v1/healthz`)).ok, this.#gateway, 'the gateway');
  }

  /** Where the gateway keeps what it knows. */
  get gatewayFolder(): string {
    return join(this.#folder, 'gateway');
  }

  /** Ends the gateway, as a crash would. */
  async killGateway(): Promise<void> {
    await end(this.#gateway, 'SIGKILL');
    this.#gateway = undefined;
  }

  /** Makes somebody with an account an admin, as whoever runs the hub does at its machine while it rests. */
  async appoint(email: string): Promise<void> {
    await this.#operate('admin', email);
  }

  /** Brings what the former system held, with these options; what the program says of it. */
  async migrate(...options: string[]): Promise<string> {
    return this.#operate('migrate', ...options);
  }

  /** Runs the hub's program with a command while the hub rests; what it says. */
  async #operate(...command: string[]): Promise<string> {
    await end(this.#hub, 'SIGTERM');
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...this.#hubSettings() };
    const { status, stderr } = spawnSync(hubProgram(), command, { cwd: ROOT, env, encoding: 'utf8' });
    if (status !== 0) {
      throw new Error(`omtx-hub ${command[0]} ended with ${status}: ${stderr}`);
    }
    await this.#startHub();
    return stderr;
  }

  /** What one of them has logged. */
  logged(part: 'hub' | 'gateway'): string {
    return readFileSync(this.#log(part), 'utf8');
  }

  /** Ends both and forgets all that they kept. */
  async end(): Promise<void> {
    await Promise.all([end(this.#hub, 'SIGTERM'), end(this.#gateway, 'SIGTERM')]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startHub(): Promise<void> {
    this.#hubPort ||= await freePort();
    this.url = `http://127.0.0.1:${this.#hubPort}`;
    this.#hub = this.#spawn('hub', hubProgram(), [], ROOT, this.#hubSettings());
    await until(async () => (await fetch(`${this.url}/healthz`)).ok, this.#hub, 'the hub');
  }

  #hubSettings(): Record<string, string> {
    return {
      PORT: String(this.#hubPort),
      DATA_DIR: join(this.#folder, 'data'),
      GATEWAY_URL: this.#gatewayUrl,
      GATEWAY_SECRET: SECRET,
      ...this.settings,
    };
  }

  get #gatewayUrl(): string {
    return `http://127.0.0.1:${this.#gatewayPort}`;
  }

  #log(part: string): string {
    return join(LOGS, `${this.name}-${part}.log`);
  }

  #spawn(part: string, program: string, options: string[], folder: string, settings: Record<string, string> = {}): ChildProcess {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, GATEWAY_SECRET: SECRET, ...settings };
    const child = spawn(program, options, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    mkdirSync(LOGS, { recursive: true });
    const log = createWriteStream(this.#log(part), { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    return child;
  }
}

/** The hub as it was built last. */
function hubProgram(): string {
  const program = join(resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target'), 'debug/omtx-hub');
  if (!existsSync(program)) {
    throw new Error(`${program} is not built: cargo xtask build --server dev`);
  }
  return program;
}

/** Ends a process by its id and waits until it is gone. */
async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const gone = new Promise((done) => child.once('exit', done));
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await gone;
  clearTimeout(late);
}

/** Asks again and again until it is so, or the process has ended. */
async function until(isSo: () => Promise<boolean>, child: ChildProcess, what: string): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!(await isSo().catch(() => false))) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${what} ended at once; see ${LOGS}`);
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} does not answer; see ${LOGS}`);
    }
    await pause(50);
  }
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? found(address.port) : failed(new Error('no port'))));
    });
  });
}
