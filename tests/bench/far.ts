/** The far side of `kinds.ts`, in a process of its own: the demo's desks, a vendor of calls, and a web server that is late by a known time. */
import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificates } from '../../src/demo/certificates.ts';
import { openDemo } from '../../src/demo/demo.ts';
import { FREE } from '../lib/demo.ts';
import { portOf } from '../lib/servers.ts';
import { openVendor } from '../lib/twilio.ts';

/** Before the handshake, before the first byte of the answer, between that and the last, in milliseconds. */
const LATE = { tls: 40, first_byte: 60, body: 30 };

export interface FarSide {
  readonly ports: typeof FREE;
  readonly ca: string;
  readonly password: string;
  /** Base address of the Calls API. */
  readonly vendor: string;
  readonly late: typeof LATE & { readonly port: number; readonly ca: string };
}

async function openLate(): Promise<FarSide['late']> {
  const { ca, good } = await makeCertificates(Date.now());
  const web = createTlsServer({ ...good }, (_request, response) => {
    void (async () => {
      await sleep(LATE.first_byte);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"status":');
      await sleep(LATE.body);
      response.end('"ok"}');
    })();
  });
  const door = createServer({ pauseOnConnect: true }, (socket) => {
    setTimeout(() => web.emit('connection', socket), LATE.tls);
  });
  door.listen(0, '127.0.0.1');
  await new Promise((resolve) => door.once('listening', resolve));
  return { ...LATE, port: portOf(door), ca };
}

const { ports, ca, password } = await openDemo({ now: Date.now(), ports: FREE });
const stages = [
  [0, 'queued'],
  [50, 'ringing'],
  [150, 'in-progress'],
] as const;
const { base: vendor } = await openVendor({ stages });
const opened: FarSide = { ports, ca, password, vendor, late: await openLate() };
process.send?.(opened);
process.once('disconnect', () => process.exit());
