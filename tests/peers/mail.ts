/** A real mail server (Postfix) and the name server that names it (dnsmasq), configured for tests on free ports. It asserts nothing. */
import { execFile } from 'node:child_process';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeCertificates } from './certificates.ts';
import { accepts, freePort, start } from './daemon.ts';
import type { Daemon } from './daemon.ts';

const run = promisify(execFile);

export interface MailServer {
  readonly daemon: Daemon;
  /** STARTTLS offered. */
  readonly port: number;
  /** TLS from the first byte. */
  readonly implicitPort: number;
  /** STARTTLS with a certificate that expired in 2025. */
  readonly expiredPort: number;
  /** No STARTTLS at all. */
  readonly plainPort: number;
  readonly ca: string;
}

const settings = (folder: string, tls: { certificate: string; key: string }): string => `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx1.helpdesk.test
mydestination =
alias_maps =
mynetworks = 127.0.0.99/32
virtual_mailbox_domains = helpdesk.test
virtual_mailbox_maps = inline:{ support@helpdesk.test=ok, grey@helpdesk.test=ok }
virtual_mailbox_base = ${folder}/mail
virtual_transport = discard:
smtpd_tls_cert_file = ${tls.certificate}
smtpd_tls_key_file = ${tls.key}
smtpd_tls_security_level = may
smtpd_recipient_restrictions = check_recipient_access inline:{ {grey@helpdesk.test=450 4.2.0 Greylisted, try again in 300 seconds} }, reject_unauth_destination, reject_unlisted_recipient
disable_dns_lookups = yes
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
`;

/** Postfix gives up root for the user `postfix`, so it must be started as root. */
export async function startMailServer(folder: string): Promise<MailServer> {
  const { ca, good, expired } = await makeCertificates(folder, ['DNS:mx1.helpdesk.test', 'IP:127.0.0.1']);
  const [port, implicitPort, expiredPort, plainPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const etc = join(folder, 'etc');
  for (const each of ['etc', 'queue', 'data', 'mail']) await mkdir(join(folder, each));
  const { stdout } = await run('id', ['-u', 'postfix']);
  await chown(join(folder, 'data'), Number(stdout), 0);
  await writeFile(join(etc, 'main.cf'), settings(folder, good));
  await writeFile(
    join(etc, 'master.cf'),
    `127.0.0.1:${port} inet n - n - - smtpd
127.0.0.1:${implicitPort} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:${expiredPort} inet n - n - - smtpd
  -o smtpd_tls_cert_file=${expired.certificate}
  -o smtpd_tls_key_file=${expired.key}
127.0.0.1:${plainPort} inet n - n - - smtpd
  -o smtpd_tls_security_level=none
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
discard unix - - n - - discard
anvil unix - - n - 1 anvil
retry unix - - n - - error
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
`,
  );
  // Makes the queue's folders; the master by itself does not.
  await run('/usr/sbin/postfix', ['-c', etc, 'check']);
  const ports = [port, implicitPort, expiredPort, plainPort];
  const daemon = await start({
    program: 'master',
    args: ['-c', etc, '-d'],
    folder,
    ready: async () => !(await Promise.all(ports.map(accepts))).includes(false),
  });
  return { daemon, port, implicitPort, expiredPort, plainPort, ca };
}

export interface NameServer {
  readonly daemon: Daemon;
  readonly port: number;
}

/** `two.test` has a dead exchanger before the living one, `null.test` says that it takes no mail, `alias.test` names an alias, others do not exist. */
export async function startNameServer(folder: string): Promise<NameServer> {
  const port = await freePort();
  const zone = `port=${port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
keep-in-foreground
user=root
pid-file=
log-facility=-
local=/test/
mx-host=helpdesk.test,mx1.helpdesk.test,10
mx-host=two.test,mx2.helpdesk.test,20
mx-host=two.test,mx1.helpdesk.test,10
mx-host=lost.test,nowhere.lost.test,10
dns-rr=null.test,15,000000
mx-host=alias.test,alias.helpdesk.test,10
cname=alias.helpdesk.test,mx1.helpdesk.test
host-record=mx1.helpdesk.test,127.0.0.1
host-record=mx2.helpdesk.test,127.0.0.2
`;
  await writeFile(join(folder, 'dns.conf'), zone);
  const daemon = await start({
    program: 'dnsmasq',
    args: ['-C', join(folder, 'dns.conf')],
    folder,
    ready: () => accepts(port),
  });
  return { daemon, port };
}
