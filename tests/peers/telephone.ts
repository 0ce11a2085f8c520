/** A real trunk (Kamailio) and the telephone behind it (baresip), configured for tests on free ports. It asserts nothing. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accepts, freePort, start } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { makeCertificates } from './certificates.ts';

export interface Trunk {
  readonly daemon: Daemon;
  /** UDP and TCP. */
  readonly port: number;
  readonly tlsPort: number;
  /** TLS with a certificate that expired in 2025. */
  readonly expiredPort: number;
  readonly ca: string;
}

/** Who asks for a user is sent to where that user registered; 503 and silence can be asked for by name. */
const routes = (ports: { port: number; tls: number; expired: number }): string => `#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="pbx.test"
dns=no
listen=udp:127.0.0.1:${ports.port}
listen=tcp:127.0.0.1:${ports.port}
listen=tls:127.0.0.1:${ports.tls}
listen=tls:127.0.0.1:${ports.expired}
enable_tls=yes
server_header="Server: lab-trunk"
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("tls", "config", "./tls.cfg")
modparam("usrloc", "db_mode", 0)
modparam("auth", "qop", "auth")
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("REGISTER")) {
    if (!($au == "1001" && pv_www_authenticate("pbx.test", "s1001", "0"))) { www_challenge("pbx.test", "1"); exit; }
    save("location"); exit;
  }
  if (!is_method("OPTIONS")) { sl_send_reply("405", "Method Not Allowed"); exit; }
  switch ($rU) {
    case "full": append_to_reply("Retry-After: 120 (maintenance)\\r\\n"); sl_send_reply("503", "Service Unavailable"); exit;
    case "silent": exit;
    case "1001": case "1002":
      if (!lookup("location")) { sl_send_reply("480", "Temporarily Unavailable"); exit; }
      t_relay(); exit;
  }
  sl_send_reply("200", "OK");
}
`;

export async function startTrunk(folder: string): Promise<Trunk> {
  const certificates = await makeCertificates(folder, ['DNS:pbx.test', 'IP:127.0.0.1']);
  const [port, tlsPort, expiredPort] = [await freePort(), await freePort(), await freePort()];
  const section = (name: string, { certificate, key }: { certificate: string; key: string }): string =>
    `[server:${name}]\nmethod = TLSv1.2+\nprivate_key = ${key}\ncertificate = ${certificate}\n`;
  await writeFile(
    join(folder, 'tls.cfg'),
    section('default', certificates.good) + section(`127.0.0.1:${expiredPort}`, certificates.expired),
  );
  await writeFile(join(folder, 'kamailio.cfg'), routes({ port, tls: tlsPort, expired: expiredPort }));
  const run = join(folder, 'run');
  await mkdir(run);
  const daemon = await start({
    program: 'kamailio',
    // 32 MB shared and 4 MB each are plenty; -DD keeps it in the foreground, -E sends the log to its output.
    args: '-DD -E -m 32 -M 4'.split(' ').concat('-w', folder, '-Y', run, '-f', join(folder, 'kamailio.cfg')),
    folder,
    ready: async () => (await accepts(port)) && (await accepts(tlsPort)) && (await accepts(expiredPort)),
  });
  return { daemon, port, tlsPort, expiredPort, ca: certificates.ca };
}

export interface Telephone {
  readonly daemon: Daemon;
  /** UDP and TCP; 1002 is a local user, others it does not know. */
  readonly port: number;
}

/** Registers 1001 at the trunk; ready when the trunk has accepted that. Stop it before the trunk: it unregisters. */
export async function startTelephone(folder: string, trunk: Trunk): Promise<Telephone> {
  const port = await freePort(2);
  const settings = join(folder, 'baresip');
  await mkdir(settings);
  const [certificate, key] = await Promise.all(
    ['good.pem', 'good.key'].map((name) => readFile(join(folder, 'tls', name), 'utf8')),
  );
  const outbound = `outbound="sip:127.0.0.1:${trunk.port};transport=udp";auth_user=1001;auth_pass=s1001;regint=60`;
  await writeFile(join(settings, 'tls.pem'), `${certificate ?? ''}${key ?? ''}`);
  await writeFile(join(settings, 'contacts'), '');
  await writeFile(
    join(settings, 'accounts'),
    `<sip:1001@pbx.test;transport=udp>;${outbound};answermode=manual;audio_codecs=PCMU\n` +
      `<sip:1002@127.0.0.1:${port};transport=udp>;regint=0;answermode=manual;audio_codecs=PCMU\n`,
  );
  // `net_interface` takes the address: with `lo` it finds none.
  await writeFile(
    join(settings, 'config'),
    `poll_method epoll
sip_listen 127.0.0.1:${port}
sip_certificate ${join(settings, 'tls.pem')}
net_interface 127.0.0.1
audio_player aubridge,sink
audio_source aubridge,source
audio_alert aubridge,sink
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp account.so
module_app menu.so
`,
  );
  const registered = /200 OK .*binding/;
  const daemon: Daemon = await start({
    program: 'baresip',
    args: ['-f', settings, '-v'],
    folder,
    ready: async () => registered.test(await readFile(join(folder, 'baresip.log'), 'utf8')),
  });
  return { daemon, port };
}
