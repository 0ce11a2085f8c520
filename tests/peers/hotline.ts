/** A trunk that takes calls (Kamailio), telephones behind it (baresip) and one that plays any scene (sipp). It asserts nothing. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from '../../probes/lib/media/g711.ts';
import { makeCertificates } from './certificates.ts';
import { accepts, freePort, start } from './daemon.ts';
import type { Daemon } from './daemon.ts';

export interface Hotline {
  readonly daemon: Daemon;
  /** UDP and TCP. */
  readonly port: number;
  readonly tlsPort: number;
  /** TLS with a certificate that expired in 2025. */
  readonly expiredPort: number;
  readonly ca: string;
}

interface Plan {
  readonly port: number;
  readonly tls: number;
  readonly expired: number;
  readonly phone: number;
  readonly scenes: readonly [number, number];
  readonly algorithm: string;
}

/**
 * Everybody logs in (407; the user `www` by 401); 90NNN gets the final response NNN, 1001 who registered so, 1002 the telephone,
 * 3000 two scenes at once.
 */
const dialPlan = ({ port, tls, expired, phone, scenes, algorithm }: Plan): string => `#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
alias="pbx.test"
dns=no
listen=udp:127.0.0.1:${port}
listen=tcp:127.0.0.1:${port}
listen=tls:127.0.0.1:${tls}
listen=tls:127.0.0.1:${expired}
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
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "corex.so"
modparam("usrloc", "db_mode", 0)
modparam("tls", "config", "./tls-${port}.cfg")
modparam("auth", "qop", "auth")
modparam("tm", "fr_timer", 2000)
${algorithm === 'MD5' ? '' : `modparam("auth", "algorithm", "${algorithm}")`}
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("481", "Call/Transaction Does Not Exist"); exit;
  }
  t_check_trans();
  if (is_method("REGISTER")) {
    if (!($au == "1001" && pv_www_authenticate("pbx.test", "s1001", "0"))) { www_challenge("pbx.test", "1"); exit; }
    save("location"); exit;
  }
  if (!is_method("INVITE")) { sl_send_reply("405", "Method Not Allowed"); exit; }
  if ($fU == "www") {
    if (!($au == "www" && pv_www_authenticate("pbx.test", "wsecret", "0"))) { www_challenge("pbx.test", "1"); exit; }
  } else if (!($au == "probe" && pv_proxy_authenticate("pbx.test", "s3cret", "0"))) { proxy_challenge("pbx.test", "1"); exit; }
  consume_credentials();
  if ($rU =~ "^90[3-6][0-9][0-9]$") {
    $var(code) = $(rU{s.substr,2,3}{s.int});
    switch ($var(code)) {
      case 302: append_to_reply("Contact: <sip:1001@127.0.0.1:25060>\\r\\n"); break;
      case 503: append_to_reply("Retry-After: 120 (maintenance)\\r\\n"); break;
      case 603: append_to_reply("Reason: Q.850;cause=21;text=\\"Call Rejected\\"\\r\\n"); break;
    }
    send_reply("$var(code)", "Lab Reply"); exit;
  }
  record_route();
  switch ($rU) {
    case "1001": if (!lookup("location")) { sl_send_reply("480", "Temporarily Unavailable"); exit; } break;
    case "1002": case "1003": $du = "sip:127.0.0.1:${phone}"; break;
    case "3000": append_branch("sip:2000@127.0.0.1:${scenes[0]}"); $ru = "sip:2000@127.0.0.1:${scenes[1]}"; break;
    case "4000": $du = "sip:127.0.0.1:29"; break;
    default: sl_send_reply("404", "Not Found"); exit;
  }
  t_relay();
}
`;

/** Certificates are made once for a folder; a second trunk with another algorithm uses them too. */
export async function startHotline(
  folder: string,
  phone: number,
  scenes: readonly [number, number],
  algorithm = 'MD5',
): Promise<Hotline> {
  const tls = join(folder, 'tls');
  const ca = join(tls, 'ca.pem');
  const [port, tlsPort, expiredPort] = [await freePort(), await freePort(), await freePort()];
  const server = (place: string, name: string): string =>
    `[server:${place}]\nmethod = TLSv1.2+\nprivate_key = ${tls}/${name}.key\ncertificate = ${tls}/${name}.pem\n`;
  const expired = server(`127.0.0.1:${expiredPort}`, 'expired');
  await writeFile(join(folder, `tls-${port}.cfg`), server('default', 'good') + expired);
  const config = join(folder, `kamailio-${port}.cfg`);
  await writeFile(config, dialPlan({ port, tls: tlsPort, expired: expiredPort, phone, scenes, algorithm }));
  const run = join(folder, `run-${port}`);
  await mkdir(run);
  const daemon = await start({
    program: 'kamailio',
    args: '-DD -E -m 32 -M 4'.split(' ').concat('-w', folder, '-Y', run, '-f', config),
    folder,
    ready: async () => (await accepts(port)) && (await accepts(tlsPort)),
  });
  return { daemon, port, tlsPort, expiredPort, ca };
}

export const makeTls = (folder: string) => makeCertificates(folder, ['DNS:pbx.test', 'IP:127.0.0.1']);

/**
 * 1001 is registered at the trunk, 1002 answers and speaks, 1003 rings for ever, 1005 answers over TLS (port + 1) with SRTP only.
 * Every key it hears is in its log.
 */
export async function startPhone(folder: string, port: number, trunk: number, speech: Int16Array): Promise<Daemon> {
  const settings = join(folder, 'phone');
  await mkdir(settings);
  await writeFile(join(folder, 'speech.wav'), plainWav(speech));
  const pem = await Promise.all(['good.pem', 'good.key'].map((name) => readFile(join(folder, 'tls', name), 'utf8')));
  await writeFile(join(settings, 'tls.pem'), pem.join(''));
  await writeFile(join(settings, 'contacts'), '');
  const account = (user: string, more: string): string =>
    `<sip:${user}@127.0.0.1:${port};transport=${more};regint=0;audio_codecs=PCMU,PCMA\n`;
  await writeFile(
    join(settings, 'accounts'),
    `<sip:1001@pbx.test;transport=udp>;outbound="sip:127.0.0.1:${trunk};transport=udp";auth_user=1001;auth_pass=s1001;regint=60;answermode=auto;audio_codecs=PCMU\n` +
      account('1002', 'udp>;answermode=auto') +
      account('1003', 'udp>;answermode=manual') +
      account('1005', 'tls>;answermode=auto;mediaenc=srtp-mand'),
  );
  const rtp = await freePort(60);
  await writeFile(
    join(settings, 'config'),
    `poll_method epoll
sip_listen 127.0.0.1:${port}
sip_certificate ${join(settings, 'tls.pem')}
net_interface 127.0.0.1
rtp_ports ${rtp}-${rtp + 59}
call_max_calls 40
audio_source aufile,${join(folder, 'speech.wav')}
audio_player aubridge,sink
audio_alert aubridge,sink
module_path /usr/lib/baresip/modules
module g711.so
module srtp.so
module aufile.so
module aubridge.so
module_tmp account.so
module_app menu.so
`,
  );
  return start({
    program: 'baresip',
    args: ['-f', settings, '-v'],
    folder,
    ready: async () =>
      (await accepts(port + 1)) && /200 OK .*binding/.test(await readFile(join(folder, 'baresip.log'), 'utf8')),
  });
}

/** Plain 16-bit samples: what baresip's `aufile` reads. */
function plainWav(samples: Int16Array): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.length * 2, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.length * 2, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.length * 2)]);
}

/** One thing that happens in a scene. */
export type Turn = string;

const COPIED = '[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]lab[call_number]\n[last_Call-ID:]\n[last_CSeq:]';
const CONTACT = 'Contact: <sip:[local_ip]:[local_port];transport=[transport]>';

/** How a scene describes its sound: as the file that it plays, in one law or the other. */
function description(law: 'PCMU' | 'PCMA'): string {
  const type = law === 'PCMU' ? 0 : 8;
  return `v=0
o=lab 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP ${type} 101
a=rtpmap:${type} ${law}/8000
a=rtpmap:101 telephone-event/8000
a=sendrecv

`;
}

interface Words {
  /** True: with a description of sound. */
  readonly sdp?: boolean;
  readonly law?: 'PCMU' | 'PCMA';
  /** Lines, each with its end. */
  readonly headers?: string;
}

const ending = ({ sdp = false, law = 'PCMU', headers = '' }: Words): string =>
  `${headers}${sdp ? `Content-Type: application/sdp\nContent-Length: [len]\n\n${description(law)}` : 'Content-Length: 0\n\n'}`;

/** A response to the INVITE. */
export function says(status: number, reason: string, words: Words = {}): Turn {
  const repeated = status === 200 ? ' retrans="500"' : '';
  return `<send${repeated}><![CDATA[\nSIP/2.0 ${status} ${reason}\n${COPIED}\n[last_Record-Route:]\n${CONTACT}\n${ending(words)}]]></send>`;
}
export const hears = (method: string): Turn => `<recv request="${method}"${method === 'INVITE' ? ' rrs="true"' : ''}/>`;
export const waits = (ms: number): Turn => `<pause milliseconds="${ms}"/>`;
export const plays: Turn = '<nop><action><exec rtp_stream="sound.ul,-1,0"/></action></nop>';
export const playsAlaw: Turn = '<nop><action><exec rtp_stream="sound.al,-1,8"/></action></nop>';
/** A request of the scene's own within the call that it `remembers`. */
export const asks = (method: string, cseq: number, words: Words = {}): Turn =>
  `<send${method === 'ACK' ? '' : ' retrans="500"'}><![CDATA[
${method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:2000@[local_ip]:[local_port]>;tag=[pid]lab[call_number]
To:[$fr]
Call-ID: [call_id]
CSeq: ${cseq} ${method}
${CONTACT}
${ending(words)}]]></send>`;
export const isTold = (status: number): Turn => `<recv response="${status}"/>`;
/** Two ways to go on from an INVITE whose login is right, or wrong. */
export const checks = (user: string, password: string, right: readonly Turn[], wrong: readonly Turn[]): Turn =>
  `<recv request="INVITE" rrs="true"><action><verifyauth assign_to="ok" username="${user}" password="${password}"/></action></recv>
<nop test="ok" next="1"/>
${wrong.join('\n')}
<nop next="2"/>
<label id="1"/>
${right.join('\n')}
<label id="2"/>`;
/** To a request that is not the INVITE. */
export const agrees: Turn =
  '<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>';

/** As `hears('INVITE')`, for scenes in which another request comes before the INVITE's final response. */
export const remembers: Turn = `<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="v"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cs"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="fr"/>
</action></recv>
<nop><action><log message="[$v] [$cs] [$fr]"/></action></nop>`;

/** The final response to the INVITE that a scene `remembers`. */
export const concludes = (status: number, reason: string): Turn => {
  const turn = says(status, reason, { sdp: status === 200 });
  return turn.replace('[last_Via:]', 'Via:[$v]').replace('[last_CSeq:]', 'CSeq:[$cs]');
};

/** Starts sipp with a scene for as many calls as come. */
export async function startScene(
  folder: string,
  port: number,
  sound: Int16Array,
  turns: readonly Turn[],
): Promise<Daemon> {
  const place = join(folder, `scene-${port}-${turns.length}-${sound.length}`);
  await mkdir(place);
  await writeFile(join(place, 'sound.ul'), encode('PCMU', sound));
  await writeFile(join(place, 'sound.al'), encode('PCMA', sound));
  await writeFile(
    join(place, 'scene.xml'),
    `<?xml version="1.0"?>\n<scenario name="scene">\n${turns.join('\n')}\n</scenario>\n`,
  );
  const media = await freePort(20);
  return start({
    program: 'sipp',
    args: [
      '-sf',
      'scene.xml',
      '-i',
      '127.0.0.1',
      '-mi',
      '127.0.0.1',
      '-p',
      String(port),
      '-mp',
      String(media),
      '-nostdin',
    ],
    folder: place,
    ready: async () =>
      (await readFile('/proc/net/udp', 'utf8')).includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `),
  });
}
