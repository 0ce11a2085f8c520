/** What the exchangers of a domain, asked one after the other, say about its mail. Pure: no socket, no clock. */
import { degraded, failed, fault, ok, unknown } from '../../../src/core/fault.ts';
import type { Fault } from '../../../src/core/fault.ts';
import type { Fact, Finding, Instant, Sight } from '../../../src/core/model.ts';
import { expiring } from '../certificate.ts';
import { sayReply } from './reply.ts';
import type { Outcome, Security, Session } from './session.ts';

/** One exchanger and the conversation with it; without one when it could not be connected. */
export interface Visit {
  readonly host: string;
  readonly preference: number | undefined;
  readonly outcome: Outcome;
  readonly session: Session | undefined;
  /** The name that the exchanger's name is an alias of, if it is one. */
  readonly alias: string | undefined;
  /** Whether TCP connected. */
  readonly reached: boolean;
  readonly phases: Readonly<Record<string, number>>;
}

export interface Question {
  readonly port: number;
  readonly security: Security;
  readonly certificateDays: number;
  /** When an exchanger last offered STARTTLS, as far as is known. */
  readonly offeredAt: (host: string) => Instant | undefined;
}

const EVIDENCE_CAP = 16_384;

/** The finding of all visits, given in the order of preference. At least one. */
export function judgeVisits(visits: readonly [Visit, ...Visit[]], question: Question): Finding {
  const decisive = decide(visits);
  const sight = describe(visits, decisive, question);
  const { outcome } = decisive;
  switch (outcome.kind) {
    case 'accepted':
    case 'greeted': {
      const concern = implicitConcern(decisive, question);
      if (concern !== undefined) return failed('reachable', concern, sight);
      const rung = outcome.kind === 'accepted' ? 'accepting' : 'reachable';
      const why = blemish(visits, decisive, question);
      return why === undefined ? ok(rung, sight) : degraded(rung, why, sight);
    }
    case 'deferred':
      return degraded('reachable', fault('DEFERRED', deferral(decisive, outcome.reply.lines.join(' '))), sight);
    case 'rejected':
      return failed('reachable', fault('MAIL_REFUSED', `${decisive.host}: ${sayReply(outcome.reply)}`), sight);
    case 'distrusted':
      return unknown(
        fault(
          'SETTINGS',
          `${decisive.host} refuses our sender or name, set \`from\` and \`ehlo\`: ${sayReply(outcome.reply)}`,
        ),
        sight,
      );
    case 'dead':
      return judgeDead(visits, decisive, outcome.fault, question, sight);
  }
}

/**
 * The visit that a sending server would stop at: the first that accepts or refuses for good. A deferral sends it to the next
 * exchanger, and so does a dead one; if there is no other, the best of what is left decides.
 */
function decide(visits: readonly [Visit, ...Visit[]]): Visit {
  const settled = visits.find(({ outcome }) => ['accepted', 'greeted', 'rejected'].includes(outcome.kind));
  const deferred = visits.find(({ outcome }) => outcome.kind === 'deferred');
  const distrusted = visits.find(({ outcome }) => outcome.kind === 'distrusted');
  return settled ?? deferred ?? distrusted ?? visits[0];
}

/** Who speaks TLS from the first byte insists on it: there a bad certificate stops the mail. */
function implicitConcern(decisive: Visit, question: Question): Fault | undefined {
  if (question.security !== 'implicit') return undefined;
  const concern = decisive.session?.concerns[0];
  return concern && named(decisive, concern);
}

/** What is wrong although mail is accepted: another exchanger, TLS, or a certificate that ends soon. */
function blemish(visits: readonly Visit[], decisive: Visit, question: Question): Fault | undefined {
  const downgraded = firstOf(visits, (visit) => downgrade(visit, question));
  if (downgraded !== undefined) return downgraded;
  const other = visits.find((visit) => visit !== decisive && troubleOf(visit) !== undefined);
  const trouble = other && troubleOf(other);
  if (trouble !== undefined)
    return { ...trouble, message: `mail is accepted by ${decisive.host}, but ${trouble.message}` };
  // Opportunistic TLS: most senders deliver in spite of a bad certificate or none, those with MTA-STS or DANE do not.
  const doubtful = visits.find((visit) => visit.session?.concerns[0] !== undefined);
  const concern = doubtful?.session?.concerns[0];
  if (doubtful !== undefined && concern !== undefined) return named(doubtful, concern);
  return firstOf(visits, (visit) => ending(visit, question.certificateDays)) ?? firstOf(visits, aliased);
}

function firstOf(visits: readonly Visit[], why: (visit: Visit) => Fault | undefined): Fault | undefined {
  return visits.map(why).find((each) => each !== undefined);
}

/** RFC 3207 §6: somebody on the way who takes the offer out of the greeting is not seen otherwise. */
function downgrade({ host, session }: Visit, { security, offeredAt }: Question): Fault | undefined {
  if (security !== 'starttls' || session?.starttls !== false) return undefined;
  const at = offeredAt(host);
  if (at === undefined) return undefined;
  const day = new Date(at).toISOString().slice(0, 10);
  return fault('TLS_DOWNGRADED', `${host} offered STARTTLS until ${day} and does not any more`);
}

/** RFC 2181 §10.3, RFC 5321 §5.1: an exchanger is named by a name of its own. */
function aliased({ host, alias }: Visit): Fault | undefined {
  return alias === undefined
    ? undefined
    : fault('MX_ALIAS', `${host} is an alias of ${alias}, which an exchanger must not be`);
}

function troubleOf(visit: Visit): Fault | undefined {
  const { outcome } = visit;
  if (outcome.kind === 'dead') return accuses(outcome.fault) ? named(visit, outcome.fault) : undefined;
  if (outcome.kind === 'deferred') return fault('DEFERRED', `${visit.host} defers it: ${sayReply(outcome.reply)}`);
  if (outcome.kind === 'rejected') return fault('MAIL_REFUSED', `${visit.host} refuses it: ${sayReply(outcome.reply)}`);
  return undefined;
}

function ending(visit: Visit, days: number): Fault | undefined {
  const why = expiring(visit.session?.certificate, days);
  return why && named(visit, why);
}

function judgeDead(visits: readonly Visit[], first: Visit, why: Fault, question: Question, sight: Sight): Finding {
  const rung = visits.some((visit) => visit.reached) ? 'reachable' : 'none';
  // One exchanger that we could not look at may be the one that works.
  const unseen = visits.find(({ outcome }) => outcome.kind === 'dead' && !accuses(outcome.fault));
  if (unseen?.outcome.kind === 'dead') return unknown(named(unseen, unseen.outcome.fault), sight);
  if (question.port !== 25 || !visits.every(timedOut)) return failed(rung, count(visits, named(first, why)), sight);
  if (areUnrelated(visits.map((visit) => visit.host)))
    return unknown(
      fault(
        'VANTAGE_PORT',
        `${visits.length} unrelated exchangers are silent on port 25: it must be blocked from here`,
      ),
      sight,
    );
  const hint = 'many networks block outgoing port 25, so look from another place too';
  return failed(rung, count(visits, { ...why, message: `${first.host}: ${why.message}; ${hint}` }), sight);
}

/** Whether a fault says something about the far side, and not about our own settings or network. */
function accuses(why: Fault): boolean {
  return why.blame === 'line' || why.blame === 'trunk';
}

function timedOut(visit: Visit): boolean {
  return visit.outcome.kind === 'dead' && visit.outcome.fault.code === 'TCP_TIMEOUT';
}

function count(visits: readonly Visit[], why: Fault): Fault {
  return visits.length === 1
    ? why
    : { ...why, message: `none of ${visits.length} exchangers takes mail; ${why.message}` };
}

function named(visit: Visit, why: Fault): Fault {
  return why.message.includes(visit.host) ? why : fault(why.code, `${visit.host}: ${why.message}`, why);
}

/** Greylisting promises to accept later; load does not. The words differ from server to server. */
function deferral(visit: Visit, text: string): string {
  const outcome = visit.outcome.kind === 'deferred' ? sayReply(visit.outcome.reply) : '';
  const reason = /gr[ea]y.?list/i.test(text)
    ? 'greylisting, a sender is asked to come again'
    : 'it asks senders to come again';
  return `${visit.host} defers: ${outcome} (${reason})`;
}

/** What registries of countries sell names below, such as co.id: a label above one of these is an owner's. */
const SOLD_BELOW = /^(?:ac|biz|co|com|edu|go|gov|ltd|mil|my|ne|net|nom|or|org|plc|sch|web)$/;

/**
 * Whether the hosts belong to different owners: the last two labels, or three below such as co.id, without a public suffix list.
 * Wrongly related only means that a timeout stays a timeout; wrongly unrelated would excuse an outage.
 */
function areUnrelated(hosts: readonly string[]): boolean {
  const owners = hosts.map((host) => {
    const labels = host.toLowerCase().replace(/\.$/, '').split('.');
    const isSold = labels.at(-1)?.length === 2 && SOLD_BELOW.test(labels.at(-2) ?? '');
    return labels.slice(isSold ? -3 : -2).join('.');
  });
  return new Set(owners).size > 1;
}

function describe(visits: readonly Visit[], decisive: Visit, question: Question): Sight {
  const { session, outcome } = decisive;
  const reply = outcome.kind === 'dead' ? undefined : outcome.reply;
  const facts: Record<string, Fact> = {
    verdict: outcome.kind === 'dead' ? null : VERDICTS[outcome.kind],
    exchanger: decisive.host,
    exchangers: visits.map(sayVisit),
  };
  if (reply !== undefined && outcome.kind !== 'greeted') facts['code'] = reply.code;
  if (reply?.enhanced !== undefined) facts['enhanced'] = reply.enhanced;
  if (session?.banner !== undefined) facts['banner'] = session.banner;
  if (session?.starttls !== undefined) facts['starttls'] = session.starttls;
  if (session?.certificate !== undefined) facts['certificate_days'] = session.certificate.daysLeft;
  Object.assign(facts, oddities(visits, question));
  const bad = visits.filter((visit) => troubleOf(visit) !== undefined || (visit.session?.concerns.length ?? 0) > 0);
  const seen = { phases: decisive.phases, facts };
  return bad.length === 0 && outcome.kind !== 'distrusted' ? seen : { ...seen, evidence: [transcriptOf(visits)] };
}

/** Facts that only some exchangers have. */
function oddities(visits: readonly Visit[], question: Question): Record<string, Fact> {
  const downgraded = visits.filter((visit) => downgrade(visit, question) !== undefined).map(({ host }) => host);
  const aliases = visits.flatMap(({ host, alias }) => (alias === undefined ? [] : [`${host} -> ${alias}`]));
  return { ...(downgraded.length === 0 ? {} : { downgraded }), ...(aliases.length === 0 ? {} : { aliases }) };
}

/** Null: nothing was learnt about the recipient. */
const VERDICTS = {
  accepted: 'accepted',
  greeted: null,
  deferred: 'deferred',
  rejected: 'rejected',
  distrusted: null,
} as const;

function sayVisit(visit: Visit): string {
  const { outcome } = visit;
  const reply = outcome.kind === 'dead' || outcome.kind === 'greeted' ? '' : ` ${sayReply(outcome.reply)}`;
  const result = outcome.kind === 'dead' ? outcome.fault.code : `${outcome.kind}${reply}`;
  return `${visit.preference === undefined ? '' : `${visit.preference} `}${visit.host}: ${result}`.slice(0, 200);
}

function transcriptOf(visits: readonly Visit[]): { name: string; type: string; text: string } {
  const text = visits.map((visit) => `== ${sayVisit(visit)}\n${whatWasSaid(visit)}`).join('\n');
  return { name: 'smtp', type: 'text/plain', text: text.slice(0, EVIDENCE_CAP) };
}

function whatWasSaid({ session, outcome }: Visit): string {
  if (session !== undefined) return session.transcript;
  return outcome.kind === 'dead' ? `-- ${outcome.fault.message}` : '';
}
