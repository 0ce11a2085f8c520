/** The kind `smtp` on a domain: which exchangers are asked, and what several answers come to. */
import { afterEach, describe, expect, it } from 'vitest';
import kind from '../../probes/smtp.ts';
import { judgeVisits } from '../../probes/lib/mail/verdict.ts';
import type { Visit } from '../../probes/lib/mail/verdict.ts';
import { fault } from '../../src/core/fault.ts';
import type { FaultCode } from '../../src/core/fault.ts';
import type { Finding } from '../../src/core/model.ts';
import { codeOf, lookAt, messageOf, openNameServer, openScript } from '../lib/mail.ts';
import type { Answer, DnsAnswer } from '../lib/mail.ts';

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Servers on 127.0.0.2, 127.0.0.3, … at one port, found by a name server as `mx2.test`, `mx3.test`, …; null: nobody there. */
async function lookAtDomain(
  names: Readonly<Record<string, DnsAnswer>>,
  servers: readonly (Readonly<Record<string, Answer>> | null)[] = [],
  settings: Record<string, unknown> = {},
): Promise<{ finding: Finding; heard: readonly (readonly string[])[] }> {
  const heard: (readonly string[])[] = [];
  const table: Record<string, DnsAnswer> = { ...names };
  let port = 0;
  for (const [at, answers] of servers.entries()) {
    const address = `127.0.0.${at + 2}`;
    table[`A mx${at + 2}.test`] = { a: [address] };
    if (answers === null) continue;
    const server = await openScript(answers, address, port);
    port = server.port;
    heard.push(server.heard);
    closing.push(() => server.close());
  }
  const nameServer = await openNameServer(table);
  closing.push(() => {
    nameServer.close();
  });
  const defaults = { domain: 'helpdesk.test', port: port === 0 ? 9 : port, security: 'none' };
  const finding = await lookAt(kind, {
    ...defaults,
    rcpt: 'support@helpdesk.test',
    from: 'probe@monitor.test',
    ...settings,
  });
  return { finding, heard };
}

const two: Readonly<Record<string, DnsAnswer>> = {
  'MX helpdesk.test': {
    mx: [
      [20, 'mx3.test'],
      [10, 'mx2.test'],
    ],
  },
};

describe('the exchangers of a domain', () => {
  it('are all asked, in order of preference', async () => {
    const { finding, heard } = await lookAtDomain(two, [{}, {}]);
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting', facts: { exchanger: 'mx2.test' } });
    expect(finding.facts['exchangers']).toEqual([
      expect.stringMatching(/^10 mx2\.test: accepted 250/),
      expect.stringMatching(/^20 mx3\.test: accepted 250/),
    ]);
    // The first one is asked for an address that nobody has, too; no look asks for two of these.
    expect(heard.map((lines) => lines.filter((line) => line.startsWith('RCPT')).length)).toEqual([2, 1]);
    expect(finding.phases['dns']).toBeGreaterThan(0);
  });

  it('degrade when one of two is dead, and the one that takes mail decides [MC-16]', async () => {
    const { finding } = await lookAtDomain(two, [null, {}]);
    expect([finding.kind, finding.rung, codeOf(finding)]).toEqual(['degraded', 'accepting', 'TCP_REFUSED']);
    expect(messageOf(finding)).toMatch(
      /accepted by mx3\.test, but .*mx2\.test|accepted by mx3\.test, but .*127\.0\.0\.2/,
    );
    expect(finding.facts['exchanger']).toBe('mx3.test');
    expect(finding.evidence?.[0]?.text).toContain('mx2.test: TCP_REFUSED');
  });

  it('fail when all are dead, and tell how many there are [MC-16]', async () => {
    const { finding } = await lookAtDomain(two, [{ banner: '554 no\r\n' }, null]);
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'MAIL_REFUSED']);
    expect(messageOf(finding)).toMatch(/none of 2 exchangers/);
  });

  it('leave time for the second when the first is silent', async () => {
    const { finding } = await lookAtDomain(two, [{ banner: () => undefined }, {}]);
    expect([finding.kind, codeOf(finding)]).toEqual(['degraded', 'DEADLINE']);
    expect(finding.facts['verdict']).toBe('accepted');
  });

  it('stop mail at the first refusal for good, as a sender does', async () => {
    const { finding } = await lookAtDomain(two, [{ RCPT: '550 5.1.1 unknown\r\n' }, {}]);
    expect([finding.kind, codeOf(finding), finding.facts['exchanger']]).toEqual(['failed', 'MAIL_REFUSED', 'mx2.test']);
  });

  it('degrade while one defers and the next accepts', async () => {
    const { finding } = await lookAtDomain(two, [{ RCPT: '450 4.2.0 Greylisted\r\n' }, {}]);
    expect([finding.kind, codeOf(finding), finding.facts['verdict']]).toEqual(['degraded', 'DEFERRED', 'accepted']);
  });

  it('are the domain itself when it has an address and no MX', async () => {
    const { finding } = await lookAtDomain({ 'A helpdesk.test': { a: ['127.0.0.2'] } }, [{}]);
    expect(finding).toMatchObject({ kind: 'ok', facts: { exchanger: 'helpdesk.test' } });
  });

  it('may not be given as addresses [MC-16]', async () => {
    const { finding } = await lookAtDomain({ 'MX helpdesk.test': { mx: [[10, '127.0.0.2']] } }, [{}]);
    expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'DNS_NXDOMAIN']);
  });

  it('may not be given as addresses, and mail that another one takes is degraded by that [MC-16]', async () => {
    const mx = [[10, '127.0.0.9'] as const, [20, 'mx2.test'] as const];
    const { finding } = await lookAtDomain({ 'MX helpdesk.test': { mx } }, [{}]);
    expect([finding.kind, codeOf(finding), finding.facts['exchanger']]).toEqual([
      'degraded',
      'DNS_NXDOMAIN',
      'mx2.test',
    ]);
    expect(messageOf(finding)).toContain('127.0.0.9 is an address');
  });

  it('may not be aliases: mail is taken, the alias is named and degrades [MC-16]', async () => {
    const names = { 'MX helpdesk.test': { mx: [[10, 'mx2.test']] }, 'CNAME mx2.test': { cname: 'real.test' } } as const;
    const { finding } = await lookAtDomain(names, [{}]);
    expect([finding.kind, finding.rung, codeOf(finding)]).toEqual(['degraded', 'accepting', 'MX_ALIAS']);
    expect(messageOf(finding)).toContain('mx2.test is an alias of real.test');
    expect(finding.facts).toMatchObject({ verdict: 'accepted', aliases: ['mx2.test -> real.test'] });
  });

  it('cost a second at most while a name server keeps silent about aliases', async () => {
    const names = { 'MX helpdesk.test': { mx: [[10, 'mx2.test']] }, 'CNAME mx2.test': 'silence' } as const;
    const from = performance.now();
    const { finding } = await lookAtDomain(names, [{}]);
    expect(finding.kind).toBe('ok');
    expect(performance.now() - from).toBeLessThan(3_000);
  });

  it('in a private range are not dialled unless that is allowed', async () => {
    const { finding, heard } = await lookAtDomain(two, [{}, {}], { allow_private: false });
    expect([finding.kind, codeOf(finding)]).toEqual(['unknown', 'ADDR_BLOCKED']);
    expect(heard.flat()).toEqual([]);
  });

  it('are asked once each and eight at most, however many a domain lists', async () => {
    const mx = Array.from({ length: 30 }, (_, at) => [at, `mx${(at % 15) + 2}.test`] as const);
    const { finding } = await lookAtDomain(
      { 'MX helpdesk.test': { mx } },
      Array.from({ length: 15 }, () => ({})),
    );
    expect(finding.kind).toBe('ok');
    expect(finding.facts['exchangers']).toHaveLength(8);
  });
});

it.each<[string, Readonly<Record<string, DnsAnswer>>, Finding['kind'], string]>([
  ['a null MX', { 'MX helpdesk.test': { mx: [[0, '.']] } }, 'failed', 'MX_NULL'],
  ['neither MX nor address', { 'TXT helpdesk.test': { a: [] } }, 'failed', 'MX_NONE'],
  ['no such domain', {}, 'failed', 'DNS_NXDOMAIN'],
  ['an exchanger without address', { 'MX helpdesk.test': { mx: [[10, 'gone.test']] } }, 'failed', 'DNS_NXDOMAIN'],
  ['a name server in trouble', { 'MX helpdesk.test': { code: 'SERVFAIL' } }, 'failed', 'DNS_SERVFAIL'],
  ['a name server that refuses', { 'MX helpdesk.test': { code: 'REFUSED' } }, 'failed', 'DNS_REFUSED'],
  ['a name server that is silent', { 'MX helpdesk.test': 'silence' }, 'failed', 'DNS_TIMEOUT'],
])('a domain with %s [MC-16]', async (_name, names, outcome, code) => {
  const { finding } = await lookAtDomain(names);
  expect([finding.kind, codeOf(finding)]).toEqual([outcome, code]);
});

describe('exchangers that are all silent', () => {
  const dead = (host: string, code: FaultCode): Visit => ({
    host,
    preference: 10,
    alias: undefined,
    session: undefined,
    reached: false,
    phases: {},
    outcome: { kind: 'dead', fault: fault(code, 'does not answer') },
  });
  const judge = (port: number, code: FaultCode, first: string, ...others: string[]): string => {
    const question = { port, security: 'starttls', certificateDays: 14, offeredAt: () => undefined } as const;
    const finding = judgeVisits([dead(first, code), ...others.map((host) => dead(host, code))], question);
    return `${finding.kind} ${codeOf(finding)}`;
  };

  it.each<[string, number, FaultCode, [string, ...string[]], string]>([
    ['unrelated, on port 25', 25, 'TCP_TIMEOUT', ['mx.one.id', 'mx.two.net'], 'unknown VANTAGE_PORT'],
    ['unrelated below co.id, on port 25', 25, 'TCP_TIMEOUT', ['mx.one.co.id', 'mx.two.co.id'], 'unknown VANTAGE_PORT'],
    ['of one domain, on port 25', 25, 'TCP_TIMEOUT', ['mx1.one.co.id', 'mx2.one.co.id'], 'failed TCP_TIMEOUT'],
    ['of one owner with a short name', 25, 'TCP_TIMEOUT', ['mx1.ovo.id', 'mx2.ovo.id'], 'failed TCP_TIMEOUT'],
    ['of one owner below co.id', 25, 'TCP_TIMEOUT', ['a.mx.one.co.id', 'b.mx.one.co.id'], 'failed TCP_TIMEOUT'],
    ['alone, on port 25', 25, 'TCP_TIMEOUT', ['mx.one.id'], 'failed TCP_TIMEOUT'],
    ['unrelated, on another port', 587, 'TCP_TIMEOUT', ['mx.one.id', 'mx.two.net'], 'failed TCP_TIMEOUT'],
    ['unrelated and refusing, on port 25', 25, 'TCP_REFUSED', ['mx.one.id', 'mx.two.net'], 'failed TCP_REFUSED'],
    ['without a route from here', 25, 'NO_ROUTE', ['mx.one.id', 'mx.two.net'], 'unknown NO_ROUTE'],
  ])('%s', (_name, port, code, [first, ...others], expected) => {
    expect(judge(port, code, first, ...others)).toBe(expected);
  });
});
