/** Two wallets through September and October 2026, look by look into a real store, as the house judges them. It knows no report. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, type Config } from '../../src/config/load.ts';
import { openCalendar } from '../../src/core/calendar.ts';
import { degraded, failed, fault, ok, unknown } from '../../src/core/fault.ts';
import type { Channel, Finding, Instant, Provider, Target } from '../../src/core/model.ts';
import { rule } from '../../src/core/rule.ts';
import { nextSlot } from '../../src/core/slots.ts';
import { openKinds } from '../../src/main/kinds.ts';
import { openStore, type Store } from '../../src/store/store.ts';

const CONFIG = `
store: STORE
canaries: []
operator: { listen: 127.0.0.1:0 }
providers:
  - id: dompet
    name: Dompet
    timezone: Asia/Jakarta
    channels:
      - id: hotline
        kind: phone
        name: { en: NAME, id: Telepon }
        hours: { weekly: "Mo-Sa 08:00-20:00" }
        targets:
          - { id: trunk, probe: tcp, every: 10m, timeout: 4s, with: { address: "sip.example:5060" } }
      - id: chat
        kind: chat
        name: { en: Live chat }
        hours: 24/7
        maintenance:
          - { cron: "0 2 * * SUN", duration: 2h }
        targets:
          - { id: widget, probe: tcp, every: 10m, timeout: 4s, with: { address: "chat.example:443" } }
      - id: mail
        kind: email
        name: { en: E-mail }
        hours: 24/7
        targets:
          - { id: mx, probe: tcp, every: 10m, timeout: 4s, with: { address: "mx.example:25" } }
  - id: uang
    name: Uang & Saku
    timezone: Asia/Makassar
    channels:
      - id: hotline
        kind: phone
        name: { en: Call centre }
        hours: 24/7
        targets:
          - { id: trunk, probe: tcp, every: 10m, timeout: 4s, with: { address: "sip.other.example:5060" } }
`;

/** October 2026 by the clock of Jakarta; September has negative days. */
export const wib = (day: number, hour = 0, minute = 0): Instant =>
  Date.parse('2026-09-30T17:00:00Z') + ((day - 1) * 24 + hour) * 3_600_000 + minute * 60_000;

interface Trouble {
  readonly channel: string;
  readonly from: Instant;
  readonly until: Instant;
  readonly finding: Finding | 'nothing';
}

const bad = (code: 'TCP_REFUSED' | 'TCP_TIMEOUT', message: string): Finding =>
  failed('none', fault(code, message), { phases: {}, facts: {} });
const SLOW = degraded('answered', fault('SLOW', 'took 12 s'), { phases: { connect: 12_000 }, facts: {} });
const BLIND = unknown(fault('OFFLINE', 'our network was away'));

export const EVIL = '=HYPERLINK("http://evil.example","<img src=x onerror=alert(1)>|x")';

const TROUBLES: readonly Trouble[] = [
  { channel: 'dompet/hotline', from: wib(-9, 9), until: wib(-9, 10), finding: bad('TCP_REFUSED', 'refused') },
  { channel: 'dompet/hotline', from: wib(6, 18, 30), until: wib(7, 9, 30), finding: bad('TCP_REFUSED', EVIL) },
  { channel: 'dompet/hotline', from: wib(20, 10), until: wib(20, 10, 45), finding: bad('TCP_TIMEOUT', '@no answer') },
  { channel: 'dompet/chat', from: wib(13, 12), until: wib(13, 19), finding: SLOW },
  { channel: 'dompet/chat', from: wib(22, 3), until: wib(22, 4), finding: bad('TCP_TIMEOUT', 'no answer') },
  { channel: 'dompet/chat', from: wib(16), until: wib(16, 8), finding: BLIND },
  { channel: 'dompet/mail', from: wib(-100), until: wib(10, 12), finding: 'nothing' },
  { channel: 'uang/hotline', from: wib(2, 1), until: wib(2, 13), finding: bad('TCP_TIMEOUT', 'no answer') },
  { channel: 'uang/hotline', from: wib(26), until: wib(27, 6), finding: 'nothing' },
];

export interface Months {
  readonly config: string;
  readonly path: string;
  readonly store: Store;
  readonly loaded: Config;
  /** Looks on until then. */
  readonly goOn: (until: Instant) => Promise<void>;
}

/** `name` is the hotline's. The store stays open: it is at work. */
export async function writeMonths(folder: string, name = 'Hotline', until = wib(32)): Promise<Months> {
  const path = join(folder, 'months.db');
  const file = join(folder, 'months.yaml');
  writeFileSync(file, CONFIG.replace('STORE', path).replace('NAME', JSON.stringify(name)));
  const config = await loadConfig(file, await openKinds(), {});
  const store = openStore(path);
  let from = wib(-30);
  const goOn = async (next: Instant): Promise<void> => {
    for (const provider of config.providers)
      for (const channel of provider.channels)
        for (const target of channel.targets) await lookAt(store, { provider, channel, target, from, until: next });
    from = next - 1;
  };
  await goOn(until);
  return { config: file, path, store, loaded: config, goOn };
}

interface Watching {
  readonly provider: Provider;
  readonly channel: Channel;
  readonly target: Target;
  readonly from: Instant;
  readonly until: Instant;
}

async function lookAt(store: Store, { provider, channel, target, from, until }: Watching): Promise<void> {
  const { timezone, name: providerName, channels } = provider;
  const setting = { providerName, timezone, channel, channels, routes: [], publicUrl: undefined };
  const calendar = openCalendar(channel.hours, channel.maintenance);
  const writing: Promise<unknown>[] = [];
  for (let at = from; ;) {
    const slotAt = nextSlot(target.schedule, target.id, at) ?? until;
    if (slotAt >= until) break;
    at = slotAt;
    const trouble = TROUBLES.find((each) => each.channel === channel.id && at >= each.from && at < each.until);
    if (trouble?.finding === 'nothing') continue;
    const connect = 80 + ((at / 60_000) % 60);
    const finding = trouble?.finding ?? ok('answered', { phases: { connect }, facts: {} });
    const look = { target: target.id, location: 'jakarta', slotAt, at: slotAt + 5, durationMs: connect, finding };
    writing.push(store.record(look, channel.id, (standing) => rule(standing, look, { target, setting, calendar })));
    if (writing.length >= 2_000) await Promise.all(writing.splice(0));
  }
  await Promise.all(writing);
}
