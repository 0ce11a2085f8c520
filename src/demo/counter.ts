/** The demo wallet's help screen behind the login: sessions and conversations, kept in memory, and cases. It opens no port. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Instant } from '../core/model.ts';
import { json } from './help.ts';
import type { Answer } from './help.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: Instant;
}

/** How long a case lies until somebody answers, and until it is closed. */
export interface Pace {
  readonly answerMs: number;
  readonly closeMs: number;
}

/** The newest ones are kept; a demo that runs for weeks shall not grow. */
const KEPT = 500;

const USER = { user: 'watcher', password: 'watcher' };

/** Answers what needs a memory; undefined: not asked here. */
export function openCounter(pace: Pace): (asked: Asked, untended: boolean) => Answer | undefined {
  const sessions = new Map<string, string>();
  const conversations = new Map<string, { readonly text: string; readonly at: Instant }>();

  function login({ body }: Asked): Answer {
    const { user, password } = fieldsOf(body);
    if (user !== USER.user || password !== USER.password) return json(401, { error: 'unknown user or wrong password' });
    const [session, token] = [randomUUID(), randomUUID()];
    keep(sessions, session, token);
    return {
      ...json(200, { token, name: 'Watcher' }),
      headers: { 'set-cookie': `session=${session}; Path=/; HttpOnly; SameSite=Lax` },
    };
  }

  /** Reading takes the cookie, writing the token as well. */
  function isKnown({ method, headers }: Asked): boolean {
    const token = sessions.get(/(?:^|; )session=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? '');
    return token !== undefined && (method === 'GET' || headers['x-csrf-token'] === token);
  }

  function converse(asked: Asked, id: string): Answer {
    if (!isKnown(asked)) return json(403, { error: 'log in first' });
    if (asked.method === 'POST' && id === '') {
      const opened = randomUUID();
      keep(conversations, opened, { text: fieldsOf(asked.body)['text'] ?? '', at: asked.at });
      return json(201, { id: opened });
    }
    const found = conversations.get(id);
    if (found === undefined) return json(404, { error: 'no such conversation' });
    const greeting = 'Halo, terima kasih telah menghubungi kami. Ada yang bisa kami bantu?';
    return json(200, {
      id,
      messages: [
        { from: 'customer', text: found.text, at: new Date(found.at).toISOString() },
        { from: 'bot', text: greeting, at: new Date(found.at).toISOString() },
      ],
    });
  }

  /** A case's number is the time at which it was filed: whoever follows it finds it again after a restart of the demo. */
  function handle({ method, at }: Asked, number: string, untended: boolean): Answer {
    if (method === 'POST' && number === '') return json(201, { number: `DW-${at}`, state: 'new' });
    const age = at - Number(/^DW-(\d{13})$/.exec(number)?.[1] ?? NaN);
    if (!(age >= 0)) return json(404, { error: 'no such case' });
    return json(200, { number, state: untended ? 'new' : stateOf(age) });
  }

  const stateOf = (age: number): string => (age < pace.answerMs ? 'new' : age < pace.closeMs ? 'answered' : 'closed');

  return (asked, untended) => {
    const [, api, desk, what, id = '', more] = asked.path.split('/');
    if (api !== 'api' || desk !== 'help' || more !== undefined) return undefined;
    if (what === 'login' && id === '')
      return asked.method === 'POST' ? login(asked) : json(405, { error: 'POST only' });
    if (what === 'conversations') return converse(asked, id);
    return what === 'cases' ? handle(asked, id, untended) : undefined;
  };
}

function keep<Value>(kept: Map<string, Value>, key: string, value: Value): void {
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}

/** Texts of a JSON object or a form. */
function fieldsOf(body: string): Readonly<Record<string, string | undefined>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter((each): each is [string, string] => typeof each[1] === 'string'),
    );
  } catch {
    return Object.fromEntries(new URLSearchParams(body));
  }
}
