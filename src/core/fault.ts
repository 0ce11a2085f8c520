/** The closed list of faults: for each code the cause it points to and whose fault it usually is. */
import type { Cause, Finding, Rung, Sight } from './model.ts';

/**
 * Whose fault a fault is. `line`: the channel we look at; `trunk`: the carrier in between; `network`: the way there;
 * `probe`: our own settings or account.
 */
export type Blame = 'line' | 'trunk' | 'network' | 'probe';

const line = (cause: Cause) => ({ cause, blame: 'line' as Blame });
const trunk = (cause: Cause) => ({ cause, blame: 'trunk' as Blame });
const probe = (cause: Cause) => ({ cause, blame: 'probe' as Blame });
const network = (cause: Cause) => ({ cause, blame: 'network' as Blame });

/** What a fault code means unless the probe knows better. */
export const FAULTS = {
  DNS_NXDOMAIN: line('name_resolution'),
  DNS_NODATA: line('name_resolution'),
  DNS_SERVFAIL: line('name_resolution'),
  DNS_REFUSED: line('name_resolution'),
  DNS_TIMEOUT: line('name_resolution'),
  MX_NULL: line('name_resolution'),
  MX_NONE: line('name_resolution'),
  /** An exchanger is named by an alias (RFC 2181 §10.3): some senders do not deliver to it. */
  MX_ALIAS: line('name_resolution'),
  /** The address policy forbids this address: a setting of ours, not their fault. */
  ADDR_BLOCKED: probe('unknown'),
  TCP_REFUSED: line('refused'),
  TCP_TIMEOUT: line('unreachable'),
  TCP_RESET: line('unreachable'),
  TCP_UNREACHABLE: line('unreachable'),
  UDP_REFUSED: line('refused'),
  UDP_SILENT: line('timeout'),
  /** A router on the way says that nobody gets there. */
  UDP_UNREACHABLE: line('unreachable'),
  /** Our own host has no route there. */
  NO_ROUTE: network('our_network'),
  TLS_TIMEOUT: line('tls'),
  TLS_NOT_TLS: line('tls'),
  TLS_FAILED: line('tls'),
  TLS_MISSING: line('tls'),
  /** Offered before and not any more: whoever strips it from the way reads the mail. */
  TLS_DOWNGRADED: line('tls'),
  TLS_INJECTION: line('tls'),
  CERT_EXPIRED: line('tls'),
  CERT_NAME: line('tls'),
  CERT_UNTRUSTED: line('tls'),
  CERT_EXPIRING: line('tls'),
  PROTO_GARBAGE: line('protocol'),
  PROTO_CLOSED: line('protocol'),
  PROTO_REFUSED: line('protocol'),
  DEADLINE: line('timeout'),
  TOO_LARGE: line('protocol'),
  TOO_DEEP: line('protocol'),
  CHARSET: line('wrong_content'),
  ENCODING: line('protocol'),
  REDIRECT: line('wrong_content'),
  STATUS: line('wrong_content'),
  SERVER_ERROR: line('server_error'),
  OVERLOAD: line('overload'),
  /** 429 and the like: it is we who ask too often. What users get, nobody has said. */
  RATE_LIMITED: probe('overload'),
  MAINTENANCE: line('maintenance'),
  CONTENT: line('wrong_content'),
  /** The answer came, in another language than those promised. */
  LANGUAGE: line('wrong_content'),
  SELECTOR_LOST: line('wrong_content'),
  /** The way to support is not where users look for it. */
  CONTACT_HIDDEN: line('contact_hidden'),
  AUTH: probe('rejected'),
  BUSY: line('busy'),
  NO_ANSWER: line('no_answer'),
  UNAVAILABLE: line('no_answer'),
  NOT_IN_SERVICE: line('not_in_service'),
  REJECTED: line('rejected'),
  DEFERRED: line('overload'),
  MAIL_REFUSED: line('rejected'),
  SILENCE: line('silence'),
  NO_REPLY: line('no_answer'),
  OUT_OF_OFFICE: line('no_answer'),
  NO_RECEIPT: line('no_receipt'),
  /** The receipt came, and lies where few people look. */
  JUNKED: line('no_receipt'),
  /** Auto-responders answer a sender once in days: silence after an answer says nothing. */
  SUPPRESSED: probe('unknown'),
  /** Answered, and ended by the far side before anything could be said. */
  DROPPED: line('no_answer'),
  UPSTREAM: trunk('unreachable'),
  /** A call was taken on and nothing ever came of it. */
  STALLED: trunk('timeout'),
  TRUNK_REFUSED: trunk('rejected'),
  /** Our own caller id is not wanted: calling again makes it worse. */
  CALLER_UNWANTED: probe('rejected'),
  NO_CREDIT: probe('rejected'),
  MEDIA_MISMATCH: probe('protocol'),
  SLOW: line('slow'),
  /** This place cannot use port 25: our network's rule, not their outage. */
  VANTAGE_PORT: network('our_network'),
  OFFLINE: network('our_network'),
  SELF_OVERLOAD: probe('unknown'),
  /** Every port that our settings allow is taken: by another call or by another program. */
  PORTS_TAKEN: probe('unknown'),
  BUDGET: probe('unknown'),
  /** Nobody is to be disturbed at this hour. */
  QUIET: probe('unknown'),
  CANNOT_JUDGE: probe('unknown'),
  SETTINGS: probe('unknown'),
  /** The probe itself threw or overran its deadline: a defect of ours. */
  PROBE_DEFECT: probe('unknown'),
} as const satisfies Record<string, { cause: Cause; blame: Blame }>;

export type FaultCode = keyof typeof FAULTS;

export interface Fault {
  readonly code: FaultCode;
  readonly cause: Cause;
  readonly blame: Blame;
  /** For operators; never a secret, at most 500 characters. */
  readonly message: string;
  /** Of an answer that came later than promised. */
  readonly took?: { readonly ms: number; readonly promisedMs: number };
}

const MESSAGE_CAP = 500;

/** A fault with the usual cause and blame of its code. */
export function fault(code: FaultCode, message: string, better: Partial<Pick<Fault, 'cause' | 'blame'>> = {}): Fault {
  return { code, ...FAULTS[code], ...better, message: printable(message).slice(0, MESSAGE_CAP) };
}

/** Control characters become visible, so that a far side's bytes cannot forge a line of a log or a header of a mail. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\n' || c === '\r' || c === '\t' ? ' ' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

const NOTHING: Sight = { phases: {}, facts: {} };

export const ok = (rung: Rung, sight: Sight = NOTHING): Finding => ({ ...sight, kind: 'ok', rung });
export const degraded = (rung: Rung, why: Fault, sight: Sight = NOTHING): Finding => ({
  ...sight,
  kind: 'degraded',
  rung,
  fault: why,
});
export const failed = (rung: Rung, why: Fault, sight: Sight = NOTHING): Finding => ({
  ...sight,
  kind: 'failed',
  rung,
  fault: why,
});
export const unknown = (why: Fault, sight: Sight = NOTHING): Finding => ({
  ...sight,
  kind: 'unknown',
  rung: 'none',
  fault: why,
});
