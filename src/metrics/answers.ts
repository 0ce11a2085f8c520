/** Part of metrics: how long a customer waits for an answer, as histograms by channel. It knows no other series. */
import { Gauge, Histogram, type Registry } from 'prom-client';
import type { Finding, Observation, Target } from '../core/model.ts';
import { localId } from '../core/view.ts';

export const CHANNEL_LABELS = ['provider', 'channel'] as const;
const REPLY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300];
/** Mail and cases take minutes to days. */
const PATIENT_BUCKETS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800];

/** What a customer waits for, as histograms by channel. */
export function answerMetrics(registers: Registry[]): (observation: Observation, target: Target) => void {
  const connect = new Histogram({
    name: 'support_chat_connect_seconds',
    help: 'From the first packet to an open chat',
    labelNames: CHANNEL_LABELS,
    buckets: REPLY_BUCKETS,
    registers,
  });
  const reply = new Histogram({
    name: 'support_chat_first_reply_seconds',
    help: 'From our first message to the first reply, by who replied',
    labelNames: [...CHANNEL_LABELS, 'responder'],
    buckets: REPLY_BUCKETS,
    registers,
  });
  const waits = WAITS.map(({ name, help, buckets, ...wait }) => ({
    ...wait,
    histogram: new Histogram({ name, help, labelNames: CHANNEL_LABELS, buckets, registers }),
  }));
  const age = new Gauge({
    name: 'support_announcement_age_seconds',
    help: 'Age of the newest announcement',
    labelNames: [...CHANNEL_LABELS, 'target'],
    registers,
  });
  return ({ finding }, target) => {
    const labels = { provider: target.provider, channel: localId(target.channel) };
    if (target.probe.startsWith('chat-') && isOpened(finding))
      connect.observe(labels, OPENING.reduce((sum, name) => sum + (finding.phases[name] ?? 0), 0) / 1000);
    for (const [responder, ms] of repliesIn(finding)) reply.observe({ ...labels, responder }, ms / 1000);
    for (const { probe, phase: name, histogram } of waits) {
      const ms = target.probe === probe ? finding.phases[name] : undefined;
      if (ms !== undefined) histogram.observe(labels, ms / 1000);
    }
    const newest = finding.facts['newest_age_seconds'];
    if (typeof newest === 'number') age.set({ ...labels, target: localId(target.id) }, newest);
  };
}

/** One phase of one kind each. A round of digest is no delay of the line (RFC 6076 §4.3): it is a phase of its own. */
const WAITS = [
  {
    name: 'support_phone_post_dial_delay_seconds',
    help: 'From the call that was let through to the first sign of the far end, without the round of digest',
    ...{ probe: 'sip-call', phase: 'post_dial_delay', buckets: REPLY_BUCKETS },
  },
  {
    name: 'support_phone_answer_seconds',
    help: 'From the call that was let through to its answer',
    ...{ probe: 'sip-call', phase: 'answer', buckets: REPLY_BUCKETS },
  },
  {
    name: 'support_mail_delivery_seconds',
    help: 'From our mail handed over until the desk took up its answer, by the stamps on that answer',
    ...{ probe: 'mail-roundtrip', phase: 'delivery', buckets: PATIENT_BUCKETS },
  },
  {
    name: 'support_mail_receipt_seconds',
    help: 'From our mail handed over until the answer lay in our mailbox',
    ...{ probe: 'mail-roundtrip', phase: 'receipt', buckets: PATIENT_BUCKETS },
  },
  {
    name: 'support_ticket_first_response_seconds',
    help: 'From a case filed to its first response',
    ...{ probe: 'ticket', phase: 'first_response', buckets: PATIENT_BUCKETS },
  },
] as const;

/** What stands before an open chat, by the names of all kinds of chat. */
const OPENING = ['dns', 'connect', 'tls', 'upgrade', 'open', 'auth', 'bind'];

/** A chat that took us in, and not one that was only asked who is there. */
const isOpened = ({ rung, phases }: Finding): boolean =>
  rung !== 'none' && rung !== 'reachable' && (phases['upgrade'] ?? phases['open']) !== undefined;

/** A bot's quick word and a person's later one are two waits, each its own. */
function repliesIn({ phases, facts }: Finding): readonly (readonly [Responder, number])[] {
  const { first_reply: first, first_person_reply: person } = phases;
  if (first === undefined) return [];
  if (person === undefined) return [[responderOf(facts['responder']), first]];
  return person === first
    ? [['person', person]]
    : [
        ['bot', first],
        ['person', person],
      ];
}

type Responder = 'bot' | 'person' | 'system';

/** A far side's words never become a label. */
function responderOf(fact: unknown): Responder {
  return fact === 'person' || fact === 'bot' ? fact : 'system';
}
