// `test` and `expect` of every spec. A page of any test must not complain in the console, must not break, and must not
// ask anybody but the hub for anything.
import { test as base, type BrowserContext, expect, type Page } from '@playwright/test';
import { Hub } from './hub.ts';
import { Stack } from './stack.ts';

interface Options {
  /** Whether the test has a hub and a gateway of its own, with nothing in it. */
  ownStack: boolean;
  /** Settings of that hub. */
  settings: Record<string, string>;
  /** What Python runs as that gateway; the worker's own when it is not said. */
  gateway: string[] | undefined;
}

interface Fixtures {
  /** The hub and gateway of this test alone, when it asked for them. */
  stack: Stack | undefined;
  /** The hub's API, as a program uses it. */
  hub: Hub;
  /** What a page did that no page may do. */
  misdeeds: Misdeeds;
}

/** What pages complained of, and whom they asked. */
export class Misdeeds {
  #found: string[] = [];
  #allowed: RegExp[] = [];
  #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Lets this test provoke complaints of this kind. */
  allow(kind: RegExp): void {
    this.#allowed.push(kind);
  }

  /** Writes down what the pages of a browser do from now on. */
  watch(context: BrowserContext): void {
    context.on('page', (page) => this.#watchPage(page));
  }

  #watchPage(page: Page): void {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.#found.push(`console: ${message.text()} (${message.location().url})`);
      }
    });
    page.on('pageerror', (error) => this.#found.push(`error: ${error.message}`));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== this.#origin) {
        this.#found.push(`asked ${url.origin}`);
      }
    });
  }

  /** All that was not allowed. */
  list(): string[] {
    return this.#found.filter((one) => !this.#allowed.some((kind) => kind.test(one)));
  }
}

export const test = base.extend<Fixtures & Options>({
  ownStack: [false, { option: true }],
  settings: [{}, { option: true }],
  gateway: [undefined, { option: true }],
  stack: async ({ ownStack, settings, gateway }, use, info) => {
    const stack = ownStack ? await Stack.start(info.title.replaceAll(/\W+/g, '-'), settings, gateway) : undefined;
    await use(stack);
    await stack?.end();
  },
  baseURL: async ({ stack }, use) => {
    await use(stack?.url ?? process.env.HUB_URL);
  },
  hub: async ({ request }, use) => {
    await use(new Hub(request));
  },
  misdeeds: [
    async ({ context, baseURL, javaScriptEnabled }, use) => {
      const misdeeds = new Misdeeds(new URL(baseURL ?? '').origin);
      if (javaScriptEnabled === false) {
        misdeeds.allow(/preloaded using link preload but not used/);
      }
      misdeeds.watch(context);
      await use(misdeeds);
      expect(misdeeds.list()).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
