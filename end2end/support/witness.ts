// All that one browser is given by a hub, whatever way it comes: answers and their heads, streams of events, what stands
// on pages, what the browser keeps, what it says in its console.
import type { BrowserContext, Page } from '@playwright/test';

/** What a script asks for; a body that is text is that of a form. */
export interface Asked {
  path: string;
  method?: string;
  body?: object | string;
}

/** What is answered. */
export interface Answer {
  status: number;
  text: string;
}

/** Bytes of answers that are kept at most. */
const KEPT = 200_000_000;

/** A browser whose every word is taken down. */
export class Witness {
  /** Answers that could not be read: of these nothing is known. */
  readonly unread: string[] = [];
  /** Addresses of the hub that its pages link to. */
  readonly links = new Set<string>();
  readonly #heard: { from: string; text: string }[] = [];
  #reading: Promise<void>[] = [];

  private constructor(
    readonly context: BrowserContext,
    /** Its first tab. */
    readonly page: Page,
  ) {}

  /** Takes down all from now on. */
  static async of(context: BrowserContext): Promise<Witness> {
    const witness = new Witness(context, await context.newPage());
    context.on('console', (message) => witness.hear('the console', message.text()));
    context.on('weberror', (error) => witness.hear('an error', String(error.error().stack)));
    await witness.#listen(witness.page);
    return witness;
  }

  /** Another tab. */
  async tab(): Promise<Page> {
    const page = await this.context.newPage();
    await this.#listen(page);
    return page;
  }

  /** Opens an address, waits until its page lives, and takes down what is there; the status of the answer. */
  async visit(path: string, page = this.page): Promise<number> {
    const answer = await page.goto(path);
    // A page that lives shows its keys when it is asked to.
    await page.waitForFunction(() => {
      (document.activeElement as HTMLElement | null)?.blur();
      window.dispatchEvent(new KeyboardEvent('keydown', { key: '?' }));
      return document.querySelector('dialog#help[open]') !== null;
    });
    await this.look(page);
    return answer?.status() ?? 0;
  }

  /** Takes down what stands in a page, what its reader sees, and what the browser keeps. */
  async look(page = this.page): Promise<void> {
    const { links, said } = await page.evaluate(() => {
      const fields = [...document.querySelectorAll<HTMLInputElement>('input, textarea, select')].map((field) => field.value);
      const all = [...document.querySelectorAll<HTMLAnchorElement>('a[href]')].map((link) => new URL(link.href));
      return {
        links: all.filter((link) => link.origin === location.origin).map((link) => link.pathname + link.search),
        said: [document.body.innerText, ...fields, JSON.stringify({ ...localStorage, ...sessionStorage })].join('\n'),
      };
    });
    links.forEach((link) => this.links.add(link));
    this.hear(`the page ${page.url()}`, `${await page.content()}\n${said}`);
    this.hear('the cookies', JSON.stringify(await this.context.cookies()));
    await this.settled();
  }

  /** Asks from within the page, all at once, as its scripts do and with the browser's session. A stream is not read. */
  async ask(asked: Asked[]): Promise<Answer[]> {
    const answers = await this.page.evaluate(
      (all) =>
        Promise.all(
          all.map(async ({ path, method = 'GET', body }) => {
            const isForm = typeof body === 'string';
            const kind = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
            const headers = { accept: 'application/json', 'content-type': kind };
            const answer = await fetch(path, { method, headers, body: isForm ? body : body ? JSON.stringify(body) : null });
            const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream');
            await (isStream && answer.body?.cancel());
            return { status: answer.status, text: isStream ? '' : await answer.text() };
          }),
        ),
      asked,
    );
    await this.settled();
    return answers;
  }

  /** Waits until every answer that has come is read. */
  async settled(): Promise<void> {
    await Promise.all(this.#reading.splice(0));
  }

  /** Takes something down. */
  hear(from: string, text: string): void {
    this.#heard.push({ from, text: text.toLowerCase() });
  }

  /** How much has been heard. */
  get count(): number {
    return this.#heard.length;
  }

  /** Where a text came from, with what stood around it; nothing when it never came since so much had been heard. */
  sources(text: string, since = 0): string[] {
    const found = this.#heard.slice(since).map(({ from, text: heard }) => ({ from, heard, at: heard.indexOf(text.toLowerCase()) }));
    return found.filter(({ at }) => at >= 0).map(({ from, heard, at }) => `${from}: ${heard.slice(Math.max(0, at - 80), at + 80)}`);
  }

  /** Hears all that a tab is sent. An answer is kept until it is read, though its page was left meanwhile. */
  async #listen(page: Page): Promise<void> {
    const wire = await this.context.newCDPSession(page);
    // A browser that does not know this may lose what it was sent for a page that is left at once, which is then unread.
    await wire.send('Network.configureDurableMessages', { maxTotalBufferSize: KEPT, maxResourceBufferSize: KEPT }).catch(() => {});
    await wire.send('Network.enable');
    const addresses = new Map<string, string>();
    wire.on('Network.requestWillBeSent', ({ requestId, request }) => addresses.set(requestId, `${request.method} ${request.url}`));
    wire.on('Network.responseReceivedExtraInfo', ({ requestId, headers }) => {
      this.hear(`the head of ${addresses.get(requestId)}`, JSON.stringify(headers));
    });
    wire.on('Network.eventSourceMessageReceived', ({ requestId, eventName, data }) => {
      this.hear(`the stream ${addresses.get(requestId)}`, `${eventName} ${data}`);
    });
    wire.on('Network.loadingFinished', ({ requestId }) => {
      const from = addresses.get(requestId) ?? '';
      const read = wire.send('Network.getResponseBody', { requestId }).then(
        ({ body, base64Encoded }) => this.hear(from, base64Encoded ? Buffer.from(body, 'base64').toString('utf8') : body),
        (error: Error) => this.unread.push(`${from}: ${error.message}`),
      );
      this.#reading.push(read.then(() => {}));
    });
  }
}
