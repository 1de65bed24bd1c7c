// A mail server of this machine that keeps what it is given.
import { createServer } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { expect } from '@playwright/test';

/** A mail as it came. */
export interface Mail {
  from: string;
  to: string;
  subject: string;
  text: string;
}

/** A mail server. */
export class Mailbox {
  readonly mails: Mail[] = [];
  #server: SMTPServer;

  private constructor(readonly port: number) {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      onData: (stream, session, done) => {
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          const [recipient] = rcptTo;
          this.mails.push({
            from: mailFrom ? mailFrom.address : '',
            to: recipient?.address ?? '',
            ...read(Buffer.concat(parts).toString('utf8')),
          });
          done();
        });
      },
    });
  }

  /** Begins to listen. */
  static async start(): Promise<Mailbox> {
    const port = await new Promise<number>((found) => {
      const probe = createServer();
      probe.listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => found(address && typeof address === 'object' ? address.port : 0));
      });
    });
    const mailbox = new Mailbox(port);
    await new Promise<void>((listening) => mailbox.#server.listen(port, '127.0.0.1', listening));
    return mailbox;
  }

  /** The settings of a hub that sends by it. */
  get settings(): Record<string, string> {
    return { SMTP_URL: `smtp://127.0.0.1:${this.port}`, MAIL_FROM: 'OMTX-Hub <hub@example.org>' };
  }

  /** The next mail to somebody; it is taken out. */
  async next(to: string): Promise<Mail> {
    await expect.poll(() => this.mails.some((mail) => mail.to === to), { timeout: 15_000 }).toBe(true);
    const [mail] = this.mails.splice(
      this.mails.findIndex((one) => one.to === to),
      1,
    );
    return mail as Mail;
  }

  /** Ends it. */
  async end(): Promise<void> {
    await new Promise<void>((closed) => this.#server.close(() => closed()));
  }
}

/** The link that a mail brings. */
export function linkIn(mail: Mail): string {
  const link = /^https?:\S+token=\S+$/m.exec(mail.text);
  expect(link, mail.text).not.toBeNull();
  return link?.[0] ?? '';
}

/** Subject and text of a mail, quoted-printable or plain. */
function read(raw: string): { subject: string; text: string } {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const quoted = /^content-transfer-encoding: quoted-printable/im.test(head);
  const plain = body.replaceAll(/=\r\n/g, '').replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return {
    subject: /^subject: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
    text: (quoted ? plain : body).replaceAll('\r\n', '\n'),
  };
}
