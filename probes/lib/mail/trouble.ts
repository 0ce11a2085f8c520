/** Faults out of what the IMAP client throws and tells. It speaks to no server. */
import { fault, printable } from '../../../src/core/fault.ts';
import type { Fault, FaultCode } from '../../../src/core/fault.ts';
import { faultOf } from '../connector.ts';

/** What OpenSSL and Node say of a certificate, where the client refuses it before we can read it. */
const CERTIFICATES: Readonly<Record<string, FaultCode>> = {
  CERT_HAS_EXPIRED: 'CERT_EXPIRED',
  CERT_NOT_YET_VALID: 'CERT_EXPIRED',
  ERR_TLS_CERT_ALTNAME_INVALID: 'CERT_NAME',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'CERT_UNTRUSTED',
  SELF_SIGNED_CERT_IN_CHAIN: 'CERT_UNTRUSTED',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'CERT_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT: 'CERT_UNTRUSTED',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'CERT_UNTRUSTED',
};

const CODES: Readonly<Record<string, FaultCode>> = {
  GREETING_TIMEOUT: 'DEADLINE',
  ETIMEOUT: 'DEADLINE',
  CONNECT_TIMEOUT: 'TCP_TIMEOUT',
  STARTTLS_INJECTION: 'TLS_INJECTION',
  LiteralTooLarge: 'TOO_LARGE',
  LineTooLarge: 'TOO_LARGE',
  ResponseTooLarge: 'TOO_LARGE',
  NoConnection: 'PROTO_CLOSED',
  EConnectionClosed: 'PROTO_CLOSED',
};

export function readError(error: unknown, heard: Error | undefined, what: string, where: string): Fault {
  // The event says why; the command only that the connection has gone.
  const why = heard ?? error;
  const code = textOf(why, 'code');
  if (isTrue(error, 'authenticationFailed')) {
    // The text may repeat what we sent; the response code (RFC 5530) cannot.
    const says = textOf(error, 'serverResponseCode')
      .replace(/[^A-Z-]/gi, '')
      .slice(0, 40);
    return fault('AUTH', `${where} refuses user and password${says === '' ? '' : ` (${says})`}`);
  }
  const certificate = CERTIFICATES[code];
  if (certificate !== undefined) return fault(certificate, `the certificate of ${where} is bad: ${code}`);
  const known = code.startsWith('ClosedAfterConnect') ? 'PROTO_CLOSED' : CODES[code];
  const reason = textOf(why, 'reason') || textOf(error, 'responseText') || textOf(why, 'message');
  const says = printable(reason).slice(0, 120);
  if (known !== undefined) return fault(known, `${where}, at ${what}: ${says}`);
  if (isTrue(error, 'tlsFailed')) return fault('TLS_MISSING', `${where} offers no STARTTLS that works: ${says}`);
  if (['NO', 'BAD'].includes(textOf(error, 'responseStatus')))
    return fault('PROTO_REFUSED', `${where} refuses ${what}: ${says}`);
  return faultOf(why, what === 'login' ? 'connect' : 'talk', where);
}

function textOf(error: unknown, name: string): string {
  const value: unknown = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : '';
  return typeof value === 'string' ? value : '';
}

const isTrue = (error: unknown, name: string): boolean =>
  typeof error === 'object' && error !== null && (error as Record<string, unknown>)[name] === true;
