/** Certificates for the real peers, made by openssl: an authority of the test, a good leaf, an expired one. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly good: Pair;
  readonly expired: Pair;
}

const AUTHORITY = `[ca]
default_ca=d
[d]
database=index.txt
serial=serial
new_certs_dir=.
certificate=ca.pem
private_key=ca.key
default_md=sha256
policy=p
unique_subject=no
[p]
commonName=supplied
`;

/** Leaves for `names` (`DNS:…`, `IP:…`) below an authority that only this folder knows. */
export async function makeCertificates(folder: string, names: readonly string[]): Promise<Certificates> {
  const cwd = join(folder, 'tls');
  await mkdir(cwd);
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await writeFile(join(cwd, 'ca.cnf'), AUTHORITY);
  await writeFile(join(cwd, 'index.txt'), '');
  await writeFile(join(cwd, 'serial'), '01');
  await writeFile(join(cwd, 'names'), `subjectAltName=${names.join(',')}\n`);
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=Peers');
  // `openssl x509` of 3.0 takes no dates; `openssl ca` does.
  const leaf = async (name: string, dates: readonly string[]): Promise<Pair> => {
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const from = ['ca', '-batch', '-notext', '-config', 'ca.cnf', '-extfile', 'names'];
    await openssl(...from, ...dates, '-in', `${name}.csr`, '-out', `${name}.pem`);
    return { certificate: join(cwd, `${name}.pem`), key: join(cwd, `${name}.key`) };
  };
  const good = await leaf('good', ['-days', '20']);
  const expired = await leaf('expired', ['-startdate', '20250101000000Z', '-enddate', '20250201000000Z']);
  return { ca: join(cwd, 'ca.pem'), good, expired };
}
