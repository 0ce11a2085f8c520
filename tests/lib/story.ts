/** Small stories of looks for the store: targets, looks, and what the house's judge rules of them. It needs no test runner. */
import { failed, fault, ok } from '../../src/core/fault.ts';
import type { Ruling, Standing } from '../../src/core/ledger.ts';
import type { Channel, Finding, Observation, Target } from '../../src/core/model.ts';
import { rule } from '../../src/core/rule.ts';

/** 2026-11-22 02:41:07 UTC, 09:41:07 in Jakarta. */
export const MORNING = Date.UTC(2026, 10, 22, 2, 41, 7);
export const MINUTE = 60_000;

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
    hours: { weekly: '24/7', timezone: 'Asia/Jakarta', holidays: [], onHolidays: 'open', workdays: [] },
    maintenance: [],
    dependsOn: [],
    private: false,
    targets: [target],
  };
}

/** Support round the clock: it never turns. */
const ALWAYS = { expectation: () => 'open' as const, nextChange: () => undefined };

/**
 * What is ruled of a look by the judge, the incident and the routing of the house, with `receivers` told of everything, after
 * `groupWaitMs`.
 */
export function ruleFor(
  target: Target,
  look: Observation,
  receivers: readonly string[] = ['ops-mail'],
  groupWaitMs = 0,
) {
  const setting = {
    providerName: 'GoPay',
    timezone: 'Asia/Jakarta',
    channel: channelOf(target),
    routes: [{ match: {}, to: receivers, continue: false, groupWaitMs }],
    publicUrl: undefined,
  };
  return (standing: Standing): Ruling => rule(standing, look, { target, setting, calendar: ALWAYS });
}
