// A provider of OpenID Connect on this machine: the real one that is published for Node, with a page of its own where
// people sign in.
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Provider as Oidc } from 'oidc-provider';

/** What it says of somebody. */
export interface Person {
  email: string;
  email_verified: boolean;
  name: string;
}

/** A provider; people sign in by their key in `people`, and whoever signs in as `nobody` declines. */
export class Provider {
  url = '';
  readonly people: Record<string, Person> = {};
  /** Whether it gives no token for a code any more. */
  isIll = false;
  #server: Server;
  #oidc?: Oidc;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Begins to listen. */
  static async start(): Promise<Provider> {
    const provider = new Provider();
    await new Promise<void>((listening) => provider.#server.listen(0, '127.0.0.1', listening));
    const address = provider.#server.address();
    provider.url = `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`;
    return provider;
  }

  /** The settings of a hub where people can sign in by it. */
  get settings(): Record<string, string> {
    return {
      OPENID_ISSUER: this.url,
      OPENID_CLIENT_ID: 'hub',
      OPENID_CLIENT_SECRET: 'a secret: of hub & provider',
      OPENID_NAME: 'Test University',
    };
  }

  /** Knows the hub from now on. */
  serve(hub: string): void {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.#oidc = new Oidc(this.url, {
      clients: [
        { client_id: 'hub', client_secret: 'a secret: of hub & provider', redirect_uris: [`${hub}/openid/callback`] },
      ],
      jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' }] },
      cookies: { keys: ['of this test alone'] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...this.people[id] }) }),
      // Whoever signs in agrees to all.
      loadExistingGrant: async (context) => {
        const { client, session, provider } = context.oidc;
        const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
        grant.addOIDCScope('openid email profile');
        await grant.save();
        return grant;
      },
    });
  }

  /** Ends it. */
  async end(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#oidc || (this.isIll && request.url === '/token')) {
      response.writeHead(503).end();
    } else if (!request.url?.startsWith('/interaction/')) {
      await this.#oidc.callback()(request, response);
    } else if (request.method === 'GET') {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(
        '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Test University</title>' +
          '<form method="post"><label>Who <input name="who"></label><button>Enter</button></form></html>',
      );
    } else {
      const who = new URLSearchParams(await body(request)).get('who') ?? '';
      const result = who === 'nobody' ? { error: 'access_denied' } : { login: { accountId: who } };
      await this.#oidc.interactionFinished(request, response, result);
    }
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) {
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString();
}
