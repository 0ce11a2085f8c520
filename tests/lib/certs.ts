/** Certificates for tests, good and bad in each way that matters; made once per run, kept in memory, trusted by nobody else. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface Keypair {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  /** PEM of the authority, and a file that holds it. */
  readonly ca: string;
  readonly caFile: string;
  /** For localhost, 127.0.0.1 and ::1, with 90 days left. */
  readonly good: Keypair;
  readonly expired: Keypair;
  /** For another name. */
  readonly wrongName: Keypair;
  /** With 5 days left. */
  readonly soon: Keypair;
  /** Signed by itself. */
  readonly selfSigned: Keypair;
  /** Valid from tomorrow on. */
  readonly early: Keypair;
  /** By an authority below the authority, with that one's certificate and without it. */
  readonly chained: Keypair;
  readonly incomplete: Keypair;
  /** With a hundred certificates sent along that prove nothing, and with a thousand. */
  readonly crowded: Keypair;
  readonly overcrowded: Keypair;
}

interface Wish {
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  readonly fromDays?: number;
  readonly toDays?: number;
}

let made: Promise<Certificates> | undefined;

/** The certificates of this run. */
export function certificates(): Promise<Certificates> {
  made ??= make();
  return made;
}

async function make(): Promise<Certificates> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Ringback test authority',
    notBefore: daysFromNow(-2),
    notAfter: daysFromNow(365),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  const between = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const middle = await x509.X509CertificateGenerator.create({
    serialNumber: '02',
    subject: 'CN=Ringback test intermediate',
    issuer: authority.subject,
    notBefore: daysFromNow(-2),
    notAfter: daysFromNow(200),
    publicKey: between.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const signed = (wish: Wish) => issue(wish, { name: authority.subject, key: keys.privateKey });
  const [good, expired, wrongName, soon, early, selfSigned, incomplete] = await Promise.all([
    signed({}),
    signed({ fromDays: -30, toDays: -1 }),
    signed({ names: ['elsewhere.example.id'], addresses: [] }),
    // Half a day more, so that whole days round to five.
    signed({ toDays: 5.5 }),
    signed({ fromDays: 1 }),
    issue({}),
    issue({}, { name: middle.subject, key: between.privateKey }),
  ]);
  const chained = { key: incomplete.key, cert: incomplete.cert + '\n' + middle.toString('pem') };
  const among = (others: number): Keypair => ({
    key: good.key,
    cert: [good.cert, ...Array.from({ length: others }, () => selfSigned.cert)].join('\n'),
  });
  const [crowded, overcrowded] = [among(100), among(1_000)];
  const ca = authority.toString('pem');
  const caFile = join(mkdtempSync(join(tmpdir(), 'ringback-ca-')), 'ca.pem');
  writeFileSync(caFile, ca);
  return { ca, caFile, good, expired, wrongName, soon, early, selfSigned, chained, incomplete, crowded, overcrowded };
}

/** A server certificate by an issuer, or by itself. */
async function issue(
  wish: Wish,
  issuer?: { readonly name: string; readonly key: webcrypto.CryptoKey },
): Promise<Keypair> {
  const { names = ['localhost'], addresses = ['127.0.0.1', '::1'], fromDays = -1, toDays = 90 } = wish;
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const subject = `CN=${names[0] ?? 'localhost'}`;
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer?.name ?? subject,
    notBefore: daysFromNow(fromDays),
    notAfter: daysFromNow(toDays),
    publicKey: keys.publicKey,
    signingKey: issuer?.key ?? keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: 'dns' as const, value })),
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
}

const daysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);
