/** Edge 31, RFC 3263: from a trunk's name to its servers, told by a scripted name server; nothing is sent to them. */
import { afterEach, describe, expect, it } from 'vitest';
import { inOrder, locate, serverText } from '../../probes/lib/sip/locate.ts';
import { parseUri } from '../../probes/lib/sip/uri.ts';
import { openNameServer } from '../lib/mail.ts';
import type { DnsAnswer, NameServer } from '../lib/mail.ts';

let names: NameServer | undefined;
afterEach(() => {
  names?.close();
  names = undefined;
});

const HOSTS: Record<string, DnsAnswer> = {
  'A one.test': { a: ['127.0.0.1'] },
  'A two.test': { a: ['127.0.0.2'] },
  'A trunk.test': { a: ['127.0.0.9'] },
};

/** The servers in their order, or the code of why there is none. */
async function serversOf(
  uri: string,
  table: Record<string, DnsAnswer>,
  chance = 'a',
): Promise<readonly string[] | string> {
  names = await openNameServer({ ...HOSTS, ...table });
  const reach = { allow_private: true };
  const located = await locate(parseUri(uri) ?? expect.fail(), reach, AbortSignal.timeout(5_000), chance);
  return located.ok ? [located.server, ...located.others].map(serverText) : located.fault.code;
}

const POINTERS: Record<string, DnsAnswer> = {
  'NAPTR trunk.test': {
    naptr: [
      [20, 5, 'SIP+D2U', '_sip._udp.trunk.test'],
      [10, 7, 'SIP+D2T', '_here._tcp.trunk.test'],
      [10, 3, 'SIPS+D2T', '_sips._tcp.trunk.test'],
      [1, 1, 'SIP+D2W', '_sip._ws.trunk.test'],
    ],
  },
  'SRV _sip._udp.trunk.test': { srv: [[1, 1, 5070, 'one.test']] },
  'SRV _here._tcp.trunk.test': { srv: [[1, 1, 5072, 'two.test']] },
  'SRV _sips._tcp.trunk.test': { srv: [[1, 1, 5073, 'two.test']] },
};

describe('the transport', () => {
  it('is what the domain prefers, and what comes after is for when that fails', async () => {
    expect(await serversOf('sip:trunk.test', POINTERS)).toEqual([
      'two.test:5073 over TLS',
      'two.test:5072 over TCP',
      '127.0.0.1:5070 over UDP',
    ]);
  });

  it('is TLS or nothing for a sips address, whatever else is offered', async () => {
    expect(await serversOf('sips:trunk.test', POINTERS)).toEqual(['two.test:5073 over TLS']);
  });

  it('is the one that the address names, and then no preference is asked for', async () => {
    const table = { ...POINTERS, 'SRV _sip._tcp.trunk.test': { srv: [[1, 1, 5074, 'one.test']] } } as const;
    expect(await serversOf('sip:trunk.test;transport=tcp', table)).toEqual(['one.test:5074 over TCP']);
  });

  it('is whatever the domain has servers for, where it tells no preference', async () => {
    const table: Record<string, DnsAnswer> = {
      'SRV _sip._tcp.trunk.test': { srv: [[1, 1, 5072, 'two.test']] },
      'SRV _sips._tcp.trunk.test': { srv: [[1, 1, 5073, 'one.test']] },
    };
    expect(await serversOf('sip:trunk.test', table)).toEqual(['two.test:5072 over TCP', 'one.test:5073 over TLS']);
  });

  it('is UDP at port 5060 where there is no record at all, with every address of the name', async () => {
    const table: Record<string, DnsAnswer> = {
      'A trunk.test': { a: ['127.0.0.8', '127.0.0.9'] },
      'AAAA trunk.test': { aaaa: ['::1'] },
    };
    const all = ['127.0.0.8:5060 over UDP', '127.0.0.9:5060 over UDP', '[::1]:5060 over UDP'];
    expect(await serversOf('sip:trunk.test', table)).toEqual(all);
  });

  it('a name server that swallows the question for preferences costs little', async () => {
    const table: Record<string, DnsAnswer> = { 'NAPTR trunk.test': 'silence' };
    expect(await serversOf('sip:trunk.test', table)).toEqual(['127.0.0.9:5060 over UDP']);
  });
});

describe('the servers of a service', () => {
  it('a domain that says that it has none is believed, although its name has an address', async () => {
    const table: Record<string, DnsAnswer> = { 'SRV _sip._udp.trunk.test': { srv: [[0, 0, 0, '']] } };
    expect(await serversOf('sip:trunk.test;transport=udp', table)).toBe('DNS_NODATA');
  });

  it('one whose name leads nowhere is left out', async () => {
    const srv = [
      [1, 1, 5070, 'gone.test'],
      [2, 1, 5071, 'one.test'],
    ] as const;
    const table: Record<string, DnsAnswer> = { 'SRV _sip._udp.trunk.test': { srv } };
    expect(await serversOf('sip:trunk.test;transport=udp', table)).toEqual(['127.0.0.1:5071 over UDP']);
  });

  it('no more than eight are tried, however many are listed', async () => {
    const srv = Array.from({ length: 40 }, (_, at) => [at, 1, 6_000 + at, 'one.test'] as const);
    const servers = await serversOf('sip:trunk.test;transport=udp', { 'SRV _sip._udp.trunk.test': { srv } });
    expect(servers).toHaveLength(8);
    expect(servers[0]).toBe('127.0.0.1:6000 over UDP');
  });

  const of = (priority: number, weight: number, port: number) => ({ host: 'x.test', port, priority, weight });

  it('the same look always chooses the same, and many looks spread by weight (RFC 2782)', () => {
    const records = [of(1, 70, 1), of(1, 20, 2), of(1, 10, 3), of(2, 0, 4)];
    const firsts = Array.from({ length: 4_000 }, (_, look) => inOrder(records, `look ${look}`)[0]?.port);
    const share = (port: number): number => firsts.filter((each) => each === port).length / firsts.length;
    expect(Math.abs(share(1) - 0.7)).toBeLessThan(0.04);
    expect(Math.abs(share(2) - 0.2)).toBeLessThan(0.04);
    expect(share(4)).toBe(0);
    expect(inOrder(records, 'x')).toEqual(inOrder([...records].reverse(), 'x'));
    expect(inOrder(records, 'x').at(-1)?.port).toBe(4);
  });

  it('those without weight get their turn, and a small chance to be first', () => {
    const records = [of(1, 0, 1), of(1, 9, 2)];
    const firsts = Array.from({ length: 2_000 }, (_, look) => inOrder(records, `look ${look}`)[0]?.port);
    const share = firsts.filter((each) => each === 1).length / firsts.length;
    expect(share).toBeGreaterThan(0.02);
    expect(share).toBeLessThan(0.2);
    expect(inOrder(records, 'y')).toHaveLength(2);
  });
});
