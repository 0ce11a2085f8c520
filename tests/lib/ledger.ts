/** Stores in folders of their own, and small stories of looks for them. It knows the core's judge and no probe. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { failed, fault, ok } from '../../src/core/fault.ts';
import { fold } from '../../src/core/incident.ts';
import { judge } from '../../src/core/judge.ts';
import type { Ruling, Standing } from '../../src/core/ledger.ts';
import type { Channel, Finding, Incident, Message, Observation, Target } from '../../src/core/model.ts';
import { plan } from '../../src/core/routing.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';

/** 2026-11-22 02:41:07 UTC, 09:41:07 in Jakarta. */
export const MORNING = Date.UTC(2026, 10, 22, 2, 41, 7);
export const MINUTE = 60_000;

/** A folder that is gone when the test is over. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'ringback-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** A new store in a folder of its own, closed when the test is over. */
export function freshStore(options: StoreOptions = {}): { store: Store; path: string } {
  const path = join(folder(), 'ringback.db');
  const store = openStore(path, options);
  onTestFinished(() => store.close());
  return { store, path };
}

export function targetOf(id = 'gopay/hotline/trunk'): Target {
  const [provider = '', channel = ''] = id.split('/');
  return {
    id,
    provider,
    channel: `${provider}/${channel}`,
    channelKind: 'phone',
    probe: 'sip-options',
    with: {},
    schedule: { kind: 'every', everyMs: MINUTE },
    timeoutMs: 4_000,
    advisory: false,
    policy: { failures: 2, successes: 2, recheckMs: 5_000, slow: { atLeast: 3, of: 5 } },
  };
}

export const GOOD: Finding = ok('accepting', { phases: { connect: 1.5, reply: 20 }, facts: { status: 200 } });
export const BAD: Finding = failed('none', fault('TCP_REFUSED', '192.0.2.7:5060 refused the connection'), {
  phases: { dns: 0.5 },
  facts: { transport: 'tcp' },
  evidence: [{ name: 'dialogue', type: 'text/plain', text: '> OPTIONS sip:pbx.example.id SIP/2.0' }],
});

/** The `minute`-th look of a target. */
export function lookAt(target: Target, minute: number, finding: Finding): Observation {
  const slotAt = MORNING + minute * MINUTE;
  return { target: target.id, location: 'jakarta', slotAt, at: slotAt + 3, durationMs: 21.5, finding };
}

function channelOf(target: Target): Channel {
  return {
    id: target.channel,
    provider: target.provider,
    kind: target.channelKind,
    name: { en: 'Hotline' },
    contact: 'tel:+622150849000',
    languages: ['id', 'en'],
    hours: { weekly: '24/7', timezone: 'Asia/Jakarta', closedOn: [] },
    maintenance: [],
    dependsOn: [],
    private: false,
    targets: [target],
  };
}

/** What is ruled of a look by the judge, the incident and the routing of the house, with `receivers` told of everything. */
export function ruleFor(target: Target, look: Observation, receivers: readonly string[] = ['ops-mail']) {
  return ({ health, incident: open }: Standing): Ruling => {
    const verdict = judge(health, look, 'open', target.policy);
    const change = verdict.transition && fold(open, verdict.transition, target, look);
    if (change === undefined) return { health: verdict.health, notifications: [] };
    const told = plan(change, look.at, {
      providerName: 'GoPay',
      timezone: 'Asia/Jakarta',
      channel: channelOf(target),
      routes: [{ match: {}, to: receivers, continue: false, groupWaitMs: 0 }],
      publicUrl: undefined,
    });
    return { health: verdict.health, ...told };
  };
}

/** Records a story of one target, a look each minute. */
export async function tell(store: Store, target: Target, findings: readonly Finding[], from = 0, receivers?: string[]) {
  const rulings: (Ruling | undefined)[] = [];
  for (const [index, finding] of findings.entries()) {
    const look = lookAt(target, from + index, finding);
    rulings.push(await store.record(look, target.channel, ruleFor(target, look, receivers)));
  }
  return rulings;
}

const INCIDENT: Incident = {
  id: 'gopay.hotline.mi9ku8qw',
  provider: 'gopay',
  channel: 'gopay/hotline',
  openedAt: MORNING,
  confirmedAt: MORNING + 10_000,
  impact: 'outage',
  cause: 'refused',
  because: 'trunk: 192.0.2.7:5060 refused the connection (TCP_REFUSED)',
  members: [
    {
      target: 'gopay/hotline/trunk',
      since: MORNING,
      impact: 'outage',
      fault: fault('TCP_REFUSED', '192.0.2.7:5060 refused the connection'),
      probe: 'sip-options',
    },
  ],
  updates: [{ at: MORNING + 10_000, change: 'opened', text: 'trunk: refused' }],
  told: ['ops-mail', 'hook'],
};

/** One message as the routing writes it, with what the test wants different. */
export function messageOf(
  event: Message['event'],
  other: Partial<Message> = {},
  incident: Partial<Incident> = {},
): Message {
  const resolved = event === 'resolved' ? { resolvedAt: MORNING + 12 * MINUTE } : {};
  return {
    key: `${INCIDENT.id}:${event}:ops-mail`,
    event,
    severity: 'critical',
    incident: { ...INCIDENT, ...resolved, ...incident },
    providerName: 'GoPay',
    channelName: 'Hotline',
    channelKind: 'phone',
    contact: 'tel:+622150849000',
    timezone: 'Asia/Jakarta',
    runbook: 'https://wiki.example/hotline',
    url: 'https://status.example.id/en/incidents/gopay.hotline.mi9ku8qw',
    told: INCIDENT.told,
    ...other,
  };
}
