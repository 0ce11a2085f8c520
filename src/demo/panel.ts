/** The page from which the demo wallet is broken and mended, and the mailbox of its people on call. It knows no desk by name. */
import { html } from 'ghtml';
import type { Panel } from '../core/panel.ts';
import type { Hook } from './hooks.ts';
import type { Mail } from './letter.ts';

/** One desk as the page shows it. */
export interface Switch {
  readonly id: string;
  readonly title: string;
  readonly where: string;
  readonly faults: readonly string[];
  fault(): string;
  set(fault: string): Promise<void>;
}

const MEANINGS: Readonly<Record<string, string>> = {
  none: 'works',
  down: 'port closed',
  silence: 'connects, says nothing',
  slow: 'answers late',
  busy: 'busy, queue',
  overload: 'too many, come later',
  offline: 'nobody is online',
  wrong: 'wrong answer',
  garbage: 'bytes that are no protocol',
  unanswered: 'nobody answers',
  mute: 'answers without a sound',
  dropped: 'hangs up at once',
  expired: 'certificate expired',
  nostarttls: 'no encryption offered',
  noreceipt: 'takes mail, confirms none',
  maintenance: 'says: maintenance',
  closed: 'out of office',
  notice: 'announces maintenance',
  hidden: 'no link to the contact page',
  foreign: 'articles in another language',
  untended: 'nobody works at cases',
  release: 'a new version of the app',
};

/** What has reached the people on call. */
export interface Inbox {
  readonly mails: () => readonly Mail[];
  readonly hooks: () => readonly Hook[];
}

const MAILS_SHOWN = 20;
const HOOKS_SHOWN = 5;

export function openPanel(path: string, switches: readonly Switch[], { mails, hooks }: Inbox): Panel {
  return {
    path,
    title: 'Demo wallet: break it',
    // In this library a value behind an exclamation mark is markup already; every other one is escaped.
    html: () => html`
      <p>
        Dompet Demo is a wallet whose support desk really answers, on this machine only. Break a way in, then watch the
        status page, <a href="/metrics">/metrics</a> and the mailbox below.
      </p>
      !${switches.map((each) => deskOf(path, each)).join('')}
      <section aria-labelledby="mailbox">
        <h2 id="mailbox">Mailbox of the people on call</h2>
        !${newest(mails(), MAILS_SHOWN).map(mailOf).join('') || '<p>No mail yet.</p>'}
      </section>
      <section aria-labelledby="hooks">
        <h2 id="hooks">Their webhook</h2>
        !${newest(hooks(), HOOKS_SHOWN).map(hookOf).join('') || '<p>Nothing yet.</p>'}
      </section>
    `,
    post: async ({ desk, fault }) => {
      const chosen = switches.find((each) => each.id === desk);
      if (chosen !== undefined && fault !== undefined && chosen.faults.includes(fault)) await chosen.set(fault);
    },
  };
}

function deskOf(path: string, desk: Switch): string {
  const now = desk.fault();
  const buttons = desk.faults.map(
    (fault) =>
      html`<button name="fault" value="${fault}" aria-pressed="${String(fault === now)}">${meaning(fault)}</button>`,
  );
  return html`
    <section class="desk ${now === 'none' ? 'good' : 'bad'}" aria-labelledby="desk-${desk.id}">
      <h2 id="desk-${desk.id}">${desk.title}</h2>
      <p>${desk.where} · now: <strong>${meaning(now)}</strong></p>
      <form method="post" action="${path}">
        <input type="hidden" name="desk" value="${desk.id}" />
        !${buttons.join(' ')}
      </form>
    </section>
  `;
}

function mailOf(mail: Mail): string {
  const at = new Date(mail.at).toISOString();
  return html`
    <article class="mail">
      <h3>${mail.subject}</h3>
      <p><time datetime="${at}">${at}</time> · to ${mail.to.join(', ')}</p>
      <pre>${mail.text}</pre>
    </article>
  `;
}

function hookOf(hook: Hook): string {
  return html`
    <article class="mail">
      <h3>${hook.key}</h3>
      <pre>${pretty(hook.body)}</pre>
    </article>
  `;
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function newest<T>(all: readonly T[], most: number): readonly T[] {
  return all.slice(-most).toReversed();
}

function meaning(fault: string): string {
  return MEANINGS[fault] ?? fault;
}
