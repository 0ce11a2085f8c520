/** The torture messages of RFC 4475 (all 49) and RFC 5118, each by itself over the socket: to a look by OPTIONS, and to a test call. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseMessage } from '../../probes/lib/sip/message.ts';
import { call, callTo, openFarEnd } from '../lib/farside.ts';
import { look, openUdp, reply, requestOf } from '../lib/sip.ts';
import { torture, TORTURES } from '../lib/torture.ts';
import type { Torture } from '../lib/torture.ts';

/** What follows on each: whoever has not taken the first one for an answer hears this. */
const PLAIN = [486, 'Busy Here'] as const;

/** What `sip-options` makes of it. */
async function asked(each: Torture) {
  const server = await openUdp((bytes, from, socket) => {
    for (const reaction of [torture(each, requestOf(bytes)), reply(requestOf(bytes), ...PLAIN)])
      socket.send(reaction, from.port, from.address);
  });
  const finding = await look({ address: `sip:127.0.0.1:${server.port}` }, 10_000);
  await server.close();
  return { finding, sent: torture(each, requestOf(server.received[0] ?? Buffer.alloc(0))) };
}

/** What `sip-call` makes of it. */
async function called(each: Torture) {
  const far = await openFarEnd((request, end, count) => {
    if (request.method === 'BYE') end.reply(request, 200, 'OK');
    if (request.method !== 'INVITE' || count > 1) return;
    end.send(torture(each, request));
    if (typeof each.fate !== 'number') end.reply(request, ...PLAIN);
  });
  const { kind, facts } = await call(callTo(far.port, { hangup: 'on_answer' }), 20_000);
  // What was sent last may still be on its way.
  await sleep(200);
  await far.close();
  return { kind, facts, acks: far.requests('ACK').length, byes: far.requests('BYE') };
}

describe('edge 13, S-I1: a reply as in RFC 4475 or 5118', () => {
  const made = new Map<string, readonly [Awaited<ReturnType<typeof asked>>, Awaited<ReturnType<typeof called>>]>();
  beforeAll(async () => {
    const look = async (each: Torture) => made.set(each.name, await Promise.all([asked(each), called(each)]));
    await Promise.all(TORTURES.map(look));
  });

  it.each(TORTURES)('$name: $fate', ({ name, fate }) => {
    const [{ finding, sent }, rung] = made.get(name) ?? expect.fail();
    const parsed = parseMessage(sent);
    if (fate === 'malformed') expect(parsed).toMatchObject({ ok: false, flaw: { problem: 'malformed' } });
    else expect(parsed.ok && parsed.message.kind).toBe(fate === 'request' ? 'request' : 'response');

    const heard = typeof fate === 'number' ? fate : PLAIN[0];
    expect([finding.facts['status'], rung.facts['status']]).toEqual([heard, heard]);
    // 949302838503028349304023988 seconds are no time to wait.
    expect(finding.facts['retry_after']).toBeUndefined();

    expect([rung.kind === 'ok', rung.acks]).toEqual([fate === 200, 1]);
    expect(rung.byes).toMatchObject(fate === 200 ? [{ uri: expect.not.stringContaining('?') as string }] : []);
  });
});

it('S-I1: every message of the RFCs is among them', () => {
  const names = new Set(TORTURES.map(({ name }) => name.split(',')[0]));
  expect([...names].filter((name) => name?.startsWith('5118')).length).toBe(10);
  expect([...names].filter((name) => name?.startsWith('3.')).length).toBe(49);
});
