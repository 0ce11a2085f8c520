/** Makes the demo wallet's certificates anew at each start: an authority, a good one and an expired one. Nothing of them is kept. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  cryptoProvider,
  type X509Certificate,
} from '@peculiar/x509';
import type { Instant } from '../core/model.ts';

/** PEM texts. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  /** PEM of the authority, to be trusted by who looks at the demo. */
  readonly ca: string;
  readonly good: KeyPair;
  readonly expired: KeyPair;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** For the names `localhost`, `demo.test` and the address 127.0.0.1. */
export async function makeCertificates(now: Instant): Promise<Certificates> {
  cryptoProvider.set(webcrypto);
  const keys = await generateKeys();
  const ca = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Ringback demo authority',
    keys,
    notBefore: new Date(now - 800 * DAY_MS),
    notAfter: new Date(now + 800 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, 1, true)],
  });
  return {
    ca: ca.toString('pem'),
    good: await issue(ca, keys.privateKey, now - DAY_MS, now + 365 * DAY_MS),
    expired: await issue(ca, keys.privateKey, now - 400 * DAY_MS, now - 3 * DAY_MS),
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function issue(
  ca: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  from: Instant,
  until: Instant,
): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: 'CN=demo.test',
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey,
    notBefore: new Date(from),
    notAfter: new Date(until),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'dns', value: 'demo.test' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = key.match(/.{1,64}/g)?.join('\n') ?? '';
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    cert: certificate.toString('pem'),
  };
}
