/** Whom we trust and what a far side's certificate is worth. It reads bad certificates too; it opens no connection. */
import { readFile, stat } from 'node:fs/promises';
import { checkServerIdentity, createSecureContext, getCACertificates } from 'node:tls';
import type { PeerCertificate, SecureContext, TLSSocket } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { fault } from '../../src/core/fault.ts';
import type { Fault } from '../../src/core/fault.ts';

/** What the far side's certificate says. */
export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly validTo: number;
  readonly daysLeft: number;
  /** Undefined when it is valid for the name and trusted. */
  readonly fault: Fault | undefined;
}

const DAY_MS = 86_400_000;

/** Schema of `expect.certificate_days`, the same for every kind that speaks TLS. */
export function certificateDays() {
  return z
    .int()
    .min(0)
    .max(825)
    .default(14)
    .meta({ description: 'a valid certificate with fewer days left than this is degraded' });
}

/** The fault of a valid certificate that should have been renewed by now. */
export function expiring(certificate: Certificate | undefined, days: number): Fault | undefined {
  if (certificate === undefined || certificate.daysLeft >= days) return undefined;
  const until = new Date(certificate.validTo).toISOString().slice(0, 10);
  return fault('CERT_EXPIRING', `the certificate is valid for ${certificate.daysLeft} more days only (until ${until})`);
}

/** One context for everybody who trusts the usual authorities, one more per CA file: each costs memory and some milliseconds. */
const usual = createSecureContext({ minVersion: 'TLSv1.2' });
const contexts = new Map<string, { readonly mtimeMs: number; readonly context: SecureContext }>();

/** The TLS context that trusts the usual authorities, and those in the PEM file `ca`. A file that cannot be used is a fault. */
export async function trustOf(ca: string | undefined): Promise<SecureContext | Fault> {
  if (ca === undefined) return usual;
  try {
    const { mtimeMs } = await stat(ca);
    const cached = contexts.get(ca);
    if (cached?.mtimeMs === mtimeMs) return cached.context;
    const pem = await readFile(ca, 'utf8');
    // OpenSSL skips what it cannot read in a bundle; an operator wants to hear of it.
    new X509Certificate(pem);
    const context = createSecureContext({ minVersion: 'TLSv1.2', ca: [...getCACertificates('default'), pem] });
    contexts.set(ca, { mtimeMs, context });
    return context;
  } catch (error) {
    return fault(
      'SETTINGS',
      `the CA file ${ca} cannot be used: ${error instanceof Error ? error.message : 'unreadable'}`,
    );
  }
}

/** Reads and judges the certificate on a socket whose handshake is done. `name` is the host name or address it must be for. */
export function readCertificate(socket: TLSSocket, name: string, now: number): Certificate {
  const peer: Partial<PeerCertificate> = socket.getPeerCertificate();
  const validTo = Date.parse(peer.valid_to ?? '');
  return {
    subject: named(peer.subject),
    issuer: named(peer.issuer),
    validTo,
    daysLeft: Math.floor((validTo - now) / DAY_MS),
    fault: judge(socket, peer, name, now),
  };
}

/** The reason that a person can act on comes first: dates, then name, then trust (OpenSSL reports only one of them). */
function judge(socket: TLSSocket, peer: Partial<PeerCertificate>, name: string, now: number): Fault | undefined {
  const { valid_from: from = '', valid_to: to = '' } = peer;
  if (to === '') return fault('CERT_UNTRUSTED', `${name} showed no certificate`);
  if (now > Date.parse(to)) return fault('CERT_EXPIRED', `the certificate of ${name} expired on ${stamp(to)}`);
  if (now < Date.parse(from))
    return fault('CERT_EXPIRED', `the certificate of ${name} is not valid before ${stamp(from)}`);
  if (checkServerIdentity(name, peer as PeerCertificate) !== undefined)
    return fault('CERT_NAME', `the certificate is for ${namesOf(peer)}, not for ${name} (valid until ${stamp(to)})`);
  if (socket.authorized) return undefined;
  const why = reasonOf(socket.authorizationError);
  if (why === 'CERT_HAS_EXPIRED')
    return fault(
      'CERT_EXPIRED',
      `a certificate that ${name} sends along to prove its own has expired (issuer ${named(peer.issuer)})`,
    );
  // OpenSSL's words for a certificate that came alone. Browsers fetch or remember what is missing, apps and mail servers do not.
  if (why === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    return fault(
      'CERT_UNTRUSTED',
      `the chain of ${name} is incomplete: its certificate came without that of its issuer, ${named(peer.issuer)}, which we do not know either (valid until ${stamp(to)})`,
    );
  const meaning = MEANINGS[why] ?? why;
  return fault(
    'CERT_UNTRUSTED',
    `the certificate of ${name} by ${named(peer.issuer)} is not trusted: ${meaning} (valid until ${stamp(to)})`,
  );
}

const MEANINGS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not among those we trust',
  UNABLE_TO_GET_ISSUER_CERT: 'a certificate of its chain is missing',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not among those we trust',
  CERT_REVOKED: 'it has been revoked',
};

function reasonOf(why: unknown): string {
  if (typeof why === 'string') return why;
  return why instanceof Error && 'code' in why ? String(why.code) : 'reason unknown';
}

/** A certificate may list thousands of names: the first ones are enough to see what it is for. */
function namesOf(peer: Partial<PeerCertificate>): string {
  const names = (peer.subjectaltname ?? '').split(', ').map((each) => each.replace(/^(?:DNS|IP Address):/, ''));
  const told = names.filter((each) => each !== '');
  if (told.length === 0) return named(peer.subject);
  return told.slice(0, 4).join(', ') + (told.length > 4 ? ` and ${told.length - 4} more` : '');
}

/** CN, else O. The types promise one string; a certificate may carry none or several. */
function named(entity: Partial<Record<'CN' | 'O', string | string[]>> | undefined): string {
  return [entity?.CN ?? entity?.O ?? 'nobody'].flat().join(', ').slice(0, 200);
}

const stamp = (text: string): string => new Date(text).toISOString().replace('.000Z', 'Z');
