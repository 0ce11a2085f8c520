/** Whether something listens at an address, and whether it says what it should. It knows no protocol above TCP and TLS. */
import { z } from 'zod';
import { degraded, fault, ok, printable } from '../src/core/fault.ts';
import type { Fault } from '../src/core/fault.ts';
import type { Fact, Finding } from '../src/core/model.ts';
import { defineProbe } from '../src/core/probe.ts';
import { Secret, secret } from '../src/core/secret.ts';
import { hostport } from './lib/address.ts';
import { certificateDays, expiring } from './lib/certificate.ts';
import { dial, faultOf, findingOf } from './lib/connector.ts';
import type { Connection } from './lib/connector.ts';
import { discreet } from './lib/discretion.ts';
import { occursIn, pattern } from './lib/pattern.ts';
import type { Pattern } from './lib/pattern.ts';
import { reach } from './lib/reach.ts';

/** What a banner may cost us, and how much of it is kept. */
const BANNER_CAP = 65_536;
const EVIDENCE_CAP = 4_096;

const schema = z.strictObject({
  ...reach,
  address: hostport().meta({ description: 'host:port, such as chat.example.id:5222' }),
  tls: z.boolean().default(false).meta({ description: 'speak TLS at once and judge the certificate' }),
  send: z
    .union([secret(), z.string().max(4_096)])
    .optional()
    .meta({ description: 'text to send first, as it is (in YAML: "PING\\r\\n")' }),
  expect: z
    .union([
      pattern().transform((matches) => ({ matches, certificate_days: 14 })),
      z.strictObject({ matches: pattern().optional(), certificate_days: certificateDays() }),
    ])
    .prefault({})
    .meta({ description: 'pattern (RE2) that must occur in what comes back, or { matches, certificate_days }' }),
});

type Settings = z.output<typeof schema>;

export default defineProbe<Settings>({
  summary: 'Connects to a port, with TLS if asked, and checks what is said there',
  example: { address: 'chat.example.id:5222', expect: '^<stream:stream ' },
  schema,
  phases: ['dns', 'connect', 'tls', 'banner'],
  host: (settings) => settings.address.host,
  timeoutMs: 5_000,
  look: async (settings, { signal }) => discreet(await look(settings, signal), settings),
});

async function look(settings: Settings, signal: AbortSignal): Promise<Finding> {
  const { address, tls, expect } = settings;
  const dialled = await dial({ ...address, reach: settings, signal, ...(tls ? { tls: {} } : {}) });
  const { phases } = dialled;
  if (!dialled.ok)
    return findingOf(dialled.fault, dialled.address === undefined ? 'none' : 'reachable', { phases, facts: {} });
  const { connection } = dialled;
  try {
    const { certificate } = connection;
    const facts = factsOf(connection);
    if (certificate?.fault !== undefined) return findingOf(certificate.fault, 'reachable', { phases, facts });
    const soon = expiring(certificate, expect.certificate_days);
    const heard = await listen(connection, settings, signal);
    const sight = { phases: { ...phases, ...heard.phases }, facts: { ...facts, ...heard.facts } };
    const rung = expect.matches === undefined ? 'reachable' : 'answered';
    if (heard.fault === undefined) return soon === undefined ? ok(rung, sight) : degraded(rung, soon, sight);
    const evidence = [
      { name: 'banner', type: 'text/plain', text: heard.text.split(/\r?\n/).map(printable).join('\n') },
    ];
    return findingOf(heard.fault, heard.text === '' ? 'reachable' : 'accepting', { ...sight, evidence });
  } finally {
    connection.socket.destroy();
  }
}

function factsOf({ address, certificate, attempts }: Connection): Record<string, Fact> {
  return {
    address,
    ...(certificate === undefined ? {} : { certificate_days: certificate.daysLeft }),
    ...(attempts.length === 0 ? {} : { failed_addresses: attempts.map((each) => each.address) }),
  };
}

interface Heard {
  readonly phases: { readonly banner?: number };
  readonly facts: Readonly<Record<string, Fact>>;
  readonly fault: Fault | undefined;
  /** The beginning of what came. */
  readonly text: string;
}

/** Says what there is to say, then listens until the pattern occurs or it cannot occur any more. */
function listen({ socket }: Connection, { send, expect }: Settings, signal: AbortSignal): Promise<Heard> {
  if (send !== undefined) socket.write(send instanceof Secret ? send.reveal() : send);
  const wanted = expect.matches;
  if (wanted === undefined) return Promise.resolve({ phases: {}, facts: {}, fault: undefined, text: '' });
  const began = performance.now();
  const banner = new Banner(wanted);
  return new Promise((settle) => {
    const finish = (why: Fault | undefined) => {
      signal.removeEventListener('abort', expire);
      settle({
        phases: { banner: performance.now() - began },
        facts: { bytes: banner.bytes },
        fault: why,
        text: banner.text().slice(0, EVIDENCE_CAP),
      });
    };
    /** The last word: what came may fit although it was not tried on every byte. */
    const end = (why: Fault) => {
      finish(banner.fits() ? undefined : why);
    };
    const expire = () => {
      if (banner.bytes === 0) end(fault('DEADLINE', 'connected, but nothing was said in time'));
      else end(fault('CONTENT', `what was said in time does not match ${wanted.source}`));
    };
    signal.addEventListener('abort', expire, { once: true });
    socket.on('data', (chunk: Buffer) => {
      if (banner.add(chunk)) finish(undefined);
      else if (banner.bytes >= BANNER_CAP)
        end(fault('TOO_LARGE', `${BANNER_CAP} bytes and no match of ${wanted.source}`));
    });
    socket.once('error', (error) => {
      end(faultOf(error, 'talk'));
    });
    socket.once('close', () => {
      if (banner.bytes === 0) end(fault('PROTO_CLOSED', 'the connection was closed before anything was said'));
      else end(fault('CONTENT', `closed; what was said does not match ${wanted.source}`));
    });
    if (signal.aborted) expire();
  });
}

/** Bytes as they come, tried against a pattern often enough and no oftener: a drip must not cost us its square. */
class Banner {
  bytes = 0;
  #tried = 0;
  readonly #chunks: Buffer[] = [];
  readonly #wanted: Pattern;
  constructor(wanted: Pattern) {
    this.#wanted = wanted;
  }
  /** True when the pattern occurs. */
  add(chunk: Buffer): boolean {
    const room = BANNER_CAP - this.bytes;
    if (room <= 0) return false;
    this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    this.bytes += Math.min(room, chunk.length);
    if (this.bytes > EVIDENCE_CAP && this.bytes < this.#tried * 1.25) return false;
    this.#tried = this.bytes;
    return this.fits();
  }
  fits(): boolean {
    return this.bytes > 0 && occursIn(this.text(), (form) => this.#wanted.test(form));
  }
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
