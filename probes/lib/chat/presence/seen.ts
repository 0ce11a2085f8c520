/** What asking a vendor for its presence comes to: a finding and the certificate it stood on. It asks nobody. */
import { degraded, failed, ok, unknown } from '../../../../src/core/fault.ts';
import type { Fault } from '../../../../src/core/fault.ts';
import type { Fact, Finding, Rung, Sight } from '../../../../src/core/model.ts';
import { waitFacts } from '../../answer.ts';
import type { Certificate } from '../../connector.ts';
import { findingOf } from '../../connector.ts';
import type { Answer } from '../api.ts';

export interface Seen {
  readonly finding: Finding;
  readonly certificate: Certificate | undefined;
}

/** How much can be known there at all. It is a fact, so that nobody takes one for the other. */
export type Known = 'presence' | 'working hours' | 'what the vendor says of itself' | 'widget reachable';

export interface Told {
  readonly known: Known;
  /** Whether somebody is there; null when that cannot be known. */
  readonly online: boolean | null;
  readonly facts?: Readonly<Record<string, Fact>>;
  /** Absent: all is well. */
  readonly why?: Fault;
  /** `why` is a shortcoming and no failure. */
  readonly partly?: boolean;
  readonly rung?: Rung;
}

/** The finding of answers that were understood. An agent's presence is no answer: the rung stays below that. */
export function seen(answers: readonly Answer[], told: Told): Seen {
  const { known, online, facts = {}, why, partly = false, rung = 'accepting' } = told;
  const sight = sightOf(answers, { known, online, ...facts });
  if (why === undefined) return { finding: ok(rung, sight), certificate: certificateOf(answers) };
  const bad =
    why.blame === 'probe' ? unknown(why, sight) : partly ? degraded(rung, why, sight) : failed(rung, why, sight);
  return { finding: { ...bad, evidence: answers.map((each) => each.evidence) }, certificate: undefined };
}

/** The finding of an answer that never came or says no. */
export function refused(answers: readonly Answer[], why: Fault): Seen {
  const reached = answers.some((each) => each.went.rung !== 'none');
  const finding = findingOf(why, reached ? 'reachable' : 'none', sightOf(answers, {}));
  return { finding: { ...finding, evidence: answers.map((each) => each.evidence) }, certificate: undefined };
}

function sightOf(answers: readonly Answer[], more: Readonly<Record<string, Fact>>): Sight {
  const phases: Record<string, number> = {};
  for (const { went } of answers)
    for (const [name, ms] of Object.entries(went.phases)) phases[name] = (phases[name] ?? 0) + ms;
  const went = answers.at(-1)?.went;
  const certificate = certificateOf(answers);
  const facts: Record<string, Fact> = {
    ...(went?.address === undefined ? {} : { address: went.address }),
    ...(certificate === undefined ? {} : { certificate_days: certificate.daysLeft }),
    ...(went?.reply === undefined ? {} : { status: went.reply.status }),
    ...waitFacts(went?.reply, Date.now()),
    ...deprecation(went?.reply?.headers ?? {}),
    ...more,
  };
  return { phases, facts };
}

const certificateOf = (answers: readonly Answer[]): Certificate | undefined =>
  answers.map((each) => each.went.certificate).find((each) => each !== undefined);

/** Vendors announce the end of a version in headers (RFC 9745, RFC 8594, LiveChat's `Legacy`): customers notice nothing yet. */
function deprecation(headers: Readonly<Record<string, string>>): Record<string, Fact> {
  const said = ['deprecation', 'legacy', 'sunset'].flatMap((name) =>
    headers[name] === undefined ? [] : [`${name}: ${headers[name].slice(0, 100)}`],
  );
  return said.length === 0 ? {} : { deprecated: said };
}
