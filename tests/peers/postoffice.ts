/**
 * A whole post office on free ports: Postfix takes and carries mail, Dovecot keeps mailboxes and answers by Sieve, and a support
 * desk behind Postfix does what a test tells it. It asserts nothing.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTransport } from 'nodemailer';
import { SMTPServer } from 'smtp-server';
import { makeCertificates } from './certificates.ts';
import type { Certificates } from './certificates.ts';
import { accepts, freePort, start } from './daemon.ts';
import type { Daemon } from './daemon.ts';

const run = promisify(execFile);

/** Mail that came to the desk: its envelope and its headers as they were sent. */
export interface Received {
  readonly from: string;
  readonly to: string;
  readonly raw: string;
}

/** A desk's way with one recipient: how it takes the mail, and what it sends back (raw mails). */
export interface Manner {
  /** Answer to RCPT instead of consent. */
  readonly refuse?: readonly [code: number, text: string];
  readonly reply?: (mail: Received) => readonly (string | Buffer)[];
  /** Milliseconds until the reply goes out. */
  readonly afterMs?: number;
}

export interface PostOffice {
  readonly daemons: readonly Daemon[];
  readonly ca: string;
  /** STARTTLS and a login. */
  readonly submissionPort: number;
  /** TLS from the first byte, and a login. */
  readonly smtpsPort: number;
  /** The exchanger of helpdesk.test: no login, own recipients only. */
  readonly exchangerPort: number;
  readonly imapPort: number;
  readonly imapsPort: number;
  /** Mails that came to the desk, oldest first. */
  readonly received: readonly Received[];
  close(): Promise<void>;
}

const ME = 'probe@monitor.test';
/** A mailbox of ours with so little room that one mail fills it. */
const SMALL = 'small@monitor.test';

/** Mailboxes and their Sieve scripts. Passwords are the local part and `-pass`. */
const SCRIPTS: Readonly<Record<string, string>> = {
  [ME]: 'require ["fileinto"];\nif header :contains "X-Spam-Flag" "YES" { fileinto "Junk"; }\n',
  [SMALL]: 'keep;\n',
  // A ticket number out of the clock: no program is needed.
  'support@helpdesk.test': `require ["vacation","vacation-seconds","variables","date"];
if currentdate :matches "julian" "*" { set "day" "\${1}"; }
if currentdate :matches "time" "*:*:*" { set "n" "\${day}\${1}\${2}\${3}"; }
if header :matches "subject" "*" { set "s" "\${1}"; }
vacation :seconds 0 :subject "[Ticket #\${n}] Re: \${s}" "Your ticket number is \${n}.";
`,
  // What a mail program offers its users: an answer to each sender once in seven days.
  'once@helpdesk.test': 'require ["vacation"];\nvacation :subject "We have your mail" "Ticket #424242 is yours.";\n',
  'away@helpdesk.test':
    'require ["vacation","vacation-seconds"];\nvacation :seconds 0 :subject "Out of office" "I am away until Monday.";\n',
};

const dovecot = (
  folder: string,
  tls: Certificates,
  imap: number,
  imaps: number,
  smtp: number,
): string => `protocols = imap lmtp
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/run
log_path = ${folder}/dovecot.txt
ssl = yes
ssl_cert = <${tls.good.certificate}
ssl_key = <${tls.good.key}
disable_plaintext_auth = yes
auth_mechanisms = plain login
# Who gives a wrong password is kept waiting, longer each time: these tests do it on purpose.
auth_failure_delay = 0
first_valid_uid = 8
first_valid_gid = 8
mail_location = maildir:~/Maildir
mail_plugins = quota
recipient_delimiter = +
submission_host = 127.0.0.1:${smtp}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${folder}/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=${folder}/mail/%u
}
namespace inbox {
  inbox = yes
  mailbox Junk {
    special_use = \\Junk
    auto = subscribe
  }
  mailbox Sent {
    special_use = \\Sent
    auto = subscribe
  }
}
service auth {
  unix_listener mta-auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service lmtp {
  unix_listener mta-lmtp {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service imap-login {
  inet_listener imap {
    port = ${imap}
  }
  inet_listener imaps {
    port = ${imaps}
    ssl = yes
  }
}
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
protocol lmtp {
  mail_plugins = $mail_plugins sieve
  postmaster_address = postmaster@helpdesk.test
  auth_username_format = %Lu
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 0
  sieve_vacation_send_from_recipient = yes
}
`;

const postfix = (folder: string, tls: Certificates, desk: readonly string[], deskPort: number): string => {
  const mailboxes = [...Object.keys(SCRIPTS), 'grey@helpdesk.test', ...desk];
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx1.helpdesk.test
mydestination =
alias_maps =
mynetworks = 127.0.0.99/32
virtual_mailbox_domains = helpdesk.test, monitor.test
virtual_mailbox_maps = inline:{ ${mailboxes.map((each) => `${each}=ok`).join(', ')} }
virtual_transport = lmtp:unix:${folder}/run/mta-lmtp
transport_maps = inline:{ ${desk.map((each) => `{${each}=smtp:[127.0.0.1]:${deskPort}}`).join(', ')} }
recipient_delimiter = +
smtpd_tls_cert_file = ${tls.good.certificate}
smtpd_tls_key_file = ${tls.good.key}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${folder}/run/mta-auth
smtpd_recipient_restrictions = check_recipient_access inline:{ {grey@helpdesk.test=450 4.2.0 Greylisted, try again in 300 seconds} }, permit_sasl_authenticated, reject_unauth_destination, reject_unlisted_recipient
smtpd_relay_restrictions = permit_sasl_authenticated, permit_mynetworks, reject_unauth_destination
disable_dns_lookups = yes
# A mail that cannot be delivered is tried again, and its sender told so, within seconds instead of hours.
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
delay_warning_time = 1s
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
`;
};

const services = (
  exchanger: number,
  submission: number,
  smtps: number,
): string => `127.0.0.1:${exchanger} inet n - n - - smtpd
127.0.0.1:${submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:${smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
retry unix - - n - - error
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
`;

/** Postfix and Dovecot give up root for users of their own, so they must be started as root. */
export async function startPostOffice(folder: string, manners: Readonly<Record<string, Manner>>): Promise<PostOffice> {
  const tls = await makeCertificates(folder, ['DNS:mx1.helpdesk.test', 'IP:127.0.0.1']);
  const [exchangerPort, submissionPort, smtpsPort] = [await freePort(), await freePort(), await freePort()];
  const [imapPort, imapsPort] = [await freePort(), await freePort()];
  const etc = join(folder, 'etc');
  for (const each of ['etc', 'queue', 'data', 'mail', 'run']) await mkdir(join(folder, each));
  await writeMailboxes(folder);
  const postfixId = Number((await run('id', ['-u', 'postfix'])).stdout);
  await chown(join(folder, 'data'), postfixId, 0);
  const desk = await openDesk(manners, exchangerPort);
  await writeFile(join(folder, 'dovecot.conf'), dovecot(folder, tls, imapPort, imapsPort, exchangerPort));
  await writeFile(join(etc, 'main.cf'), postfix(folder, tls, Object.keys(manners), desk.port));
  await writeFile(join(etc, 'master.cf'), services(exchangerPort, submissionPort, smtpsPort));
  const areOpen = async (...ports: readonly number[]) => !(await Promise.all(ports.map(accepts))).includes(false);
  const keeper = await start({
    program: 'dovecot',
    args: ['-F', '-c', join(folder, 'dovecot.conf')],
    folder,
    ready: () => areOpen(imapPort, imapsPort),
  });
  // Makes the queue's folders; the master by itself does not.
  await run('/usr/sbin/postfix', ['-c', etc, 'check']);
  const carrier = await start({
    program: 'master',
    args: ['-c', etc, '-d'],
    folder,
    ready: () => areOpen(exchangerPort, submissionPort, smtpsPort),
  });
  return {
    daemons: [keeper, carrier],
    ca: tls.ca,
    submissionPort,
    smtpsPort,
    exchangerPort,
    imapPort,
    imapsPort,
    received: desk.received,
    close: desk.close,
  };
}

/** After user, password, ids, comment, home and shell, in Dovecot's file of users. */
const QUOTA = '::::::userdb_quota_rule=*:storage=64K';

/** Homes of the mailboxes, for Debian's user `mail` (uid and gid 8). */
async function writeMailboxes(folder: string): Promise<void> {
  const users = Object.keys(SCRIPTS).map(
    (name) => `${name}:{PLAIN}${name.split('@', 1)[0] ?? ''}-pass${name === SMALL ? QUOTA : ''}`,
  );
  await writeFile(join(folder, 'users'), `${users.join('\n')}\n`);
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const home = join(folder, 'mail', name);
    await mkdir(home);
    await writeFile(join(home, '.dovecot.sieve'), script);
    await chown(join(home, '.dovecot.sieve'), 8, 8);
    await chown(home, 8, 8);
  }
  await chown(join(folder, 'mail'), 8, 8);
  await chmod(join(folder, 'run'), 0o755);
}

/** Takes what Postfix carries to it, and answers through Postfix, with the null sender that automatic answers have. */
async function openDesk(manners: Readonly<Record<string, Manner>>, exchangerPort: number) {
  const received: Received[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const post = createTransport({ host: '127.0.0.1', port: exchangerPort, tls: { rejectUnauthorized: false } });
  const answer = (mail: Received): void => {
    const manner = manners[mail.to];
    const timer = setTimeout(() => {
      timers.delete(timer);
      for (const raw of manner?.reply?.(mail) ?? [])
        post.sendMail({ envelope: { from: '', to: mail.from }, raw }).catch(() => undefined);
    }, manner?.afterMs ?? 0);
    timers.add(timer);
  };
  const smtp = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    hideENHANCEDSTATUSCODES: false,
    onRcptTo({ address }, _session, done) {
      const refusal = manners[address]?.refuse;
      done(refusal === undefined ? null : Object.assign(new Error(refusal[1]), { responseCode: refusal[0] }));
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const mail = { from, to: envelope.rcptTo[0]?.address ?? '', raw: Buffer.concat(chunks).toString('latin1') };
        received.push(mail);
        done();
        answer(mail);
      });
    },
  });
  smtp.on('error', () => undefined);
  const server = smtp.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      post.close();
      const closed = Promise.withResolvers<undefined>();
      smtp.close(() => {
        closed.resolve(undefined);
      });
      await closed.promise;
    },
  };
}
