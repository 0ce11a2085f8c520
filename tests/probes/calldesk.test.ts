/** The demo desk's telephone as a test call finds it: whole, and broken in each way that a hotline breaks. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openSipDesk } from '../../src/demo/sip.ts';
import type { SipDesk } from '../../src/demo/sip.ts';
import { call, callTo } from '../lib/farside.ts';
import { certificates } from '../lib/certs.ts';

let desk: SipDesk;
beforeAll(async () => {
  const { good, expired } = await certificates();
  desk = await openSipDesk({ tls: good, expired, ringMs: 200 });
});
afterEach(() => desk.set('none'));
afterAll(() => desk.close());

const look = (settings: Record<string, unknown> = {}) => call(callTo(desk.address.udpPort, settings), 50_000);

it('speaks to who listens, over UDP and TCP', async () => {
  const heard = await look({ hangup: 'after_listen', listen: '3s' });
  expect(heard).toMatchObject({ kind: 'ok', rung: 'answered', facts: { audio: 'voice', loss: 0 } });
  const trunk = { address: `sip:127.0.0.1:${desk.address.udpPort};transport=tcp` };
  expect(await look({ hangup: 'on_answer', trunk })).toMatchObject({ kind: 'ok', facts: { transport: 'tcp' } });
});

it(
  'leads through two levels of its menu to a person, and says sorry for a key that leads nowhere',
  { timeout: 90_000 },
  async () => {
    const within = '12s';
    const steps = [
      { wait: 'voice', within },
      { send: '1' },
      { wait: 'voice', within },
      { wait: 'quiet', within },
      { send: '1' },
    ];
    const finding = await look({ steps: [...steps, { expect: 'voice', within, person: true }] });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered_by_person' });
  },
);

it('edge 30: is reached over TLS; a certificate that ends soon is told before, and one that expired is held against the trunk', async () => {
  const trunk = { address: `sip:127.0.0.1:${desk.address.tlsPort};transport=tls` };
  const { caFile: ca } = await certificates();
  expect(await look({ trunk, ca })).toMatchObject({ kind: 'ok', facts: { transport: 'tls', outcome: 'rang' } });
  expect(await look({ trunk, ca, expect: { certificate_days: 400 } })).toMatchObject({
    fault: { code: 'CERT_EXPIRING' },
  });
  const { soon, expired: past } = await certificates();
  const old = await openSipDesk({ tls: soon, expired: past, ringMs: 200 });
  const late = { trunk: { address: `sip:127.0.0.1:${old.address.tlsPort};transport=tls` }, ca };
  // 14 days, when nothing is said.
  expect(await look(late)).toMatchObject({ kind: 'degraded', rung: 'accepting', fault: { code: 'CERT_EXPIRING' } });
  expect((await look({ ...late, expect: { certificate_days: 3 } })).kind).toBe('ok');
  await old.close();
  await desk.set('expired');
  const expired = await look({ trunk, ca });
  expect(expired).toMatchObject({ kind: 'unknown', fault: { code: 'CERT_EXPIRED', blame: 'trunk' } });
});

it.each([
  ['busy', {}, 'failed', 'busy'],
  ['overload', {}, 'unknown', 'congested'],
  ['wrong', {}, 'failed', 'not_in_service'],
  ['unanswered', { hangup: 'on_answer', ring_timeout: '500ms' }, 'failed', 'no_answer'],
  ['mute', { hangup: 'after_listen', listen: '1500ms' }, 'failed', 'answered_silent'],
  ['dropped', { hangup: 'after_listen' }, 'failed', 'dropped'],
  ['none', {}, 'ok', 'rang'],
])('is found %s', async (fault, settings, kind, outcome) => {
  await desk.set(fault);
  const finding = await look(settings);
  expect([finding.kind, finding.facts['outcome']]).toEqual([kind, outcome]);
});
