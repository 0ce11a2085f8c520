/** Stores in folders of their own, gone when the test is over, and what is told to and of them. It knows no probe. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { fault } from '../../src/core/fault.ts';
import type { Ruling } from '../../src/core/ledger.ts';
import type { Finding, ChannelMessage, Incident, Target } from '../../src/core/model.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';
import { BAD, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf } from './story.ts';

export { BAD, GOOD, lookAt, MINUTE, MORNING, ruleFor, targetOf };

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
  channels: [{ channel: 'gopay/hotline', since: MORNING, impact: 'outage', cause: 'refused', suspended: [] }],
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
  event: ChannelMessage['event'],
  other: Partial<ChannelMessage> = {},
  incident: Partial<Incident> = {},
): ChannelMessage {
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
