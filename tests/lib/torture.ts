/** The messages of RFC 4475 and RFC 5118, written anew as replies to a request of ours, or as requests that come instead of one; it sends nothing. */
import { cseqOf, headerOf, listOf, parameterOf } from '../../probes/lib/sip/header.ts';
import type { SipRequest } from '../../probes/lib/sip/message.ts';

/**
 * What has to be made of a message. A number: the status of the reply that it is. `nothing`: it is well-formed and answers
 * nobody. `request`: it asks instead of answering. `malformed`: the parser says so and gives no message.
 */
export type Fate = number | 'nothing' | 'request' | 'malformed';

export interface Torture {
  /** Section and name of the RFC, and which of its variants. */
  readonly name: string;
  readonly fate: Fate;
  /** In its text stand `{via}`, `{branch}`, `{from}`, `{to}`, `{id}`, `{cseq}` and `{there}` for what our request says. */
  readonly text: string | Buffer;
}

const COPIED = 'Via: {via}\nFrom: {from}\nTo: {to};tag=far\nCall-ID: {id}\nCSeq: {cseq}\n';

/** A 200 that has what it needs and one thing more. */
const reply = (more: string, first = 'SIP/2.0 200 OK', copied = COPIED): string =>
  `${first}\n${copied}${more === '' ? '' : `${more}\n`}Content-Length: 0\n\n`;

/** A reply in which a line of those that every reply has reads otherwise. */
const changed = (name: string, line: string): string =>
  reply('', undefined, COPIED.replace(new RegExp(`^${name}:.*\n`, 'm'), line === '' ? '' : `${line}\n`));

/** A request in our own dialogue: who takes it for an answer has not read its first line. */
const request = (first: string, more = ''): string =>
  reply(more, first, COPIED.replace('CSeq: {cseq}', `CSeq: 9 ${first.split(' ')[0] ?? ''}`));

const SDP = 'v=0\no=far 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n';
const LONG = 'long'.repeat(60);

const WITH_BODY = (type: string, body: string): string =>
  `SIP/2.0 200 OK\n${COPIED}Content-Type: ${type}\nContent-Length: ${body.replaceAll('\n', '\r\n').length}\n\n${body}`;

const VALID: readonly (readonly [string, Fate, string | Buffer])[] = [
  [
    '3.1.1.1 wsinv, a short tortuous reply',
    200,
    `SIP/2.0 200 OK\nTO :\n {to} ;   tag    = 1918181833n\nfrom   : "J Rosenberg \\\\\\""       {from}\n  ;\n  x = 98asjd8\nMaX-fOrWaRdS: 0068\ni: {id}\n` +
      'cseq: {cseq}\nv  :  SIP  /   2.0\n /UDP\n    127.0.0.1 ;  branch  =   {branch}  ; rport\ns :\nNewFangledHeader:   newfangled value\n continued newfangled value\n' +
      'UnknownHeaderWithUnusualValue: ;;,,;;,;\nc: application/sdp\nRecord-Route:\n <sip:{there};lr;unknownwith=value;unknown-no-value>\n' +
      `m:"Quoted string \\"\\"" <sip:far@{there}> ; newparam =\n      newvalue ;\n  secondparam ; q = 0.33\nContent-Length   : ${SDP.replaceAll('\n', '\r\n').length}\n\n${SDP}`,
  ],
  [
    '3.1.1.2 intmeth, the whole range of valid characters',
    200,
    changed(
      'To',
      "To: \"BEL:\u0007 NUL:\u0000 DEL:\u007F\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com>;tag=_token~1'+`*%!-.\nextensionHeader-!.%*+_`'~:\ufeff大停電",
    ),
  ],
  [
    '3.1.1.2 intmeth, as a method',
    'request',
    request("!interesting-Method0123456789_*+`.%indeed'~ sip:x@{there} SIP/2.0"),
  ],
  [
    '3.1.1.3 esc01, escapes with %',
    200,
    reply('Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>'),
  ],
  [
    '3.1.1.4 escnull, escaped nulls',
    200,
    reply('Contact: <sip:%00@host5.example.com>\nContact: <sip:%00%00@host5.example.com>'),
  ],
  [
    '3.1.1.5 esc02, % that is no escape',
    'request',
    request('RE%47IST%45R sip:registrar.example.com SIP/2.0', 'Contact: "%Z%45" <sip:alias1@host1.example.com>'),
  ],
  ['3.1.1.6 lwsdisp, no space before <', 200, changed('From', 'From: caller{from}')],
  [
    '3.1.1.7 longreq, long values',
    200,
    reply(
      `Contact: <sip:amazinglylongcallername${LONG}@example.net;${LONG}=${LONG}>\nunknown-${LONG}-name: unknown-${LONG}-value; unknown-${LONG}-parameter-name=${LONG}\n${`Record-Route: <sip:{there};lr;x=${LONG}>\n`.repeat(5)}Server: ${LONG}`,
    ),
  ],
  ['3.1.1.8 dblreq, a second message behind the first', 200, `${reply('')}${reply('', 'SIP/2.0 503 Second')}`],
  ['3.1.1.8 dblreq, a 200 behind a refusal', 503, `${reply('', 'SIP/2.0 503 First')}${reply('')}`],
  ['3.1.1.9 semiuri, semicolons in the user part', 200, reply('Contact: <sip:user;par=u%40example.net@{there}>')],
  [
    '3.1.1.10 transports, Vias of many transports',
    'nothing',
    changed(
      'Via',
      'Via: {via}\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKkl\nVia: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKkl',
    ),
  ],
  [
    '3.1.1.10 transports, our own Via with an unknown one',
    200,
    changed('Via', 'Via: SIP/2.0/UNKNOWN 127.0.0.1;branch={branch}'),
  ],
  [
    '3.1.1.11 mpart01, a body of several parts',
    200,
    WITH_BODY(
      'multipart/mixed;boundary=7a9cbec02ceef655',
      '--7a9cbec02ceef655\nContent-Type: text/plain\n\nHello\n--7a9cbec02ceef655\nContent-Type: application/octet-stream\n\n\u0080\u0000\u00ff\n--7a9cbec02ceef655--\n',
    ),
  ],
  [
    '3.1.1.12 unreason, an unusual reason phrase',
    200,
    reply('', 'SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое'),
  ],
  ['3.1.1.13 noreason, an empty reason phrase', 200, reply('', 'SIP/2.0 200 ')],
  ['3.1.1.13 noreason, a provisional one', 'nothing', reply('', 'SIP/2.0 100 ')],
];

const INVALID: readonly (readonly [string, Fate, string | Buffer])[] = [
  ['3.1.2.1 badinv01, separators too many', 'nothing', changed('Via', 'Via: {via};;,;,,')],
  [
    '3.1.2.2 clerr, a Content-Length beyond the end',
    'malformed',
    reply('').replace('Content-Length: 0', 'Content-Length: 9999'),
  ],
  [
    '3.1.2.3 ncl, a negative Content-Length',
    'malformed',
    reply('').replace('Content-Length: 0', 'Content-Length: -999'),
  ],
  [
    '3.1.2.4 scalar02, a request with numbers too large',
    'request',
    request(
      'REGISTER sip:example.com SIP/2.0',
      'Max-Forwards: 300\nExpires: 10000000000000000000000\nContact: <sip:u@{there}>;expires=280297596632815',
    ),
  ],
  ['3.1.2.4 scalar02, a reply to such a CSeq', 'nothing', changed('CSeq', 'CSeq: 36893488147419103232 {method}')],
  [
    '3.1.2.5 scalarlg, a reply with numbers too large',
    503,
    reply(
      'Retry-After: 949302838503028349304023988\nWarning: 1812 overture "In Progress"',
      'SIP/2.0 503 Service Unavailable',
    ),
  ],
  [
    '3.1.2.5 scalarlg, in the CSeq too',
    'nothing',
    changed('CSeq', 'CSeq: 9292394834772304023312 {method}\nRetry-After: 949302838503028349304023988'),
  ],
  ['3.1.2.6 quotbal, an open quote', 200, changed('To', 'To: "Mr. J. User <sip:j.user@example.com>')],
  ['3.1.2.7 ltgtruri, a Request-URI in angle brackets', 'request', request('INVITE <sip:user@example.com> SIP/2.0')],
  ['3.1.2.8 lwsruri, a space inside the Request-URI', 'malformed', request('INVITE sip:user@example.com; lr SIP/2.0')],
  ['3.1.2.9 lwsstart, several spaces in a first line', 200, reply('', 'SIP/2.0  200  OK')],
  ['3.1.2.9 lwsstart, as a request', 'request', request('INVITE  sip:user@example.com  SIP/2.0')],
  ['3.1.2.10 trws, spaces behind a first line', 200, reply('', 'SIP/2.0 200 OK   ')],
  ['3.1.2.10 trws, as a request', 'request', request('OPTIONS sip:remote-target@example.com SIP/2.0  ')],
  [
    '3.1.2.11 escruri, headers in the Request-URI',
    'request',
    request('INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0'),
  ],
  ['3.1.2.12 baddate, a date in no zone that is allowed', 200, reply('Date: Fri, 01 Jan 2010 16:00:00 EST')],
  [
    '3.1.2.13 regbadct, headers in a Contact without brackets',
    200,
    reply('Contact: sip:user@{there}?Route=%3Csip:sip.example.com%3E'),
  ],
  [
    '3.1.2.14 badaspec, spaces inside the brackets',
    200,
    changed('To', 'To: "Watson, Thomas" < sip:t.watson@example.org >;tag=far\nContact: < sip:far@{there} >'),
  ],
  [
    '3.1.2.15 baddn, a comma in a name without quotes',
    200,
    changed('From', 'From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43'),
  ],
  ['3.1.2.16 badvers, an unknown version', 'malformed', reply('', 'SIP/7.0 200 OK')],
  ['3.1.2.16 badvers, as a request', 'malformed', request('OPTIONS sip:t.watson@example.org SIP/7.0')],
  [
    '3.1.2.17 mismatch01, a request whose CSeq names another method',
    'request',
    reply('', 'OPTIONS sip:user@example.com SIP/2.0', COPIED.replace('{cseq}', '8 INVITE')),
  ],
  ['3.1.2.17 mismatch01, a reply to another method', 'nothing', changed('CSeq', 'CSeq: 1 NOTIFY')],
  [
    '3.1.2.18 mismatch02, an unknown method with another in its CSeq',
    'request',
    reply('', 'NEWMETHOD sip:user@example.com SIP/2.0', COPIED.replace('{cseq}', '8 INVITE')),
  ],
  [
    '3.1.2.19 bigcode, a status of ten digits',
    'malformed',
    reply('', 'SIP/2.0 4294967301 better not break the receiver'),
  ],
];

const SEMANTICS: readonly (readonly [string, Fate, string | Buffer])[] = [
  [
    '3.2.1 badbranch, no transaction in the branch',
    'nothing',
    changed('Via', 'Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK'),
  ],
  ['3.3.1 insuf, no Call-ID', 'nothing', changed('Call-ID', '')],
  ['3.3.1 insuf, no CSeq', 'nothing', changed('CSeq', '')],
  ['3.3.1 insuf, no Via', 'nothing', changed('Via', '')],
  ['3.3.2 unkscm, an unknown scheme', 'request', request('OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0')],
  ['3.3.3 novelsc, a scheme that is not for us', 'request', request('OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0')],
  [
    '3.3.4 unksm2, unknown schemes in headers',
    200,
    changed('To', 'To: isbn:2983792873;tag=far\nContact: <name:John_Smith>'),
  ],
  [
    '3.3.5 bext01, an extension that nobody supports is required',
    200,
    reply('Require: nothingSupportsThis, nothingSupportsThisEither\nProxy-Require: noProxiesSupportThis'),
  ],
  [
    '3.3.6 invut, an unknown content',
    200,
    WITH_BODY('application/unknownformat', '<audio>\n <pcmu port="443"/>\n</audio>\n'),
  ],
  [
    '3.3.7 regaut01, an unknown scheme of login',
    401,
    reply('WWW-Authenticate: NoOneKnowsThisScheme opaque-data=here', 'SIP/2.0 401 Unauthorized'),
  ],
  [
    '3.3.8 multi01, two of what there is one of',
    'nothing',
    changed(
      'Call-ID',
      'Call-ID: multi01.98asdh@192.0.2.1\nCall-ID: {id}\nCSeq: 59 REGISTER\nCSeq: {cseq}\nFrom: <sip:x@y>;tag=3\nTo: <sip:z@y>',
    ),
  ],
  ['3.3.9 mcl01, two lengths', 'malformed', reply('Content-Length: 300')],
  [
    '3.3.10 bcast, a Via of everybody',
    'nothing',
    changed('Via', 'Via: {via}\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23'),
  ],
  ['3.3.11 zeromf, no hop left', 'request', request('OPTIONS sip:user@example.com SIP/2.0', 'Max-Forwards: 0')],
  ['3.3.12 cparam01, a parameter of the Contact', 200, reply('Contact: sip:+19725552222@{there};unknownparam')],
  ['3.3.13 cparam02, a parameter of its address', 200, reply('Contact: <sip:+19725552222@{there};unknownparam>')],
  [
    '3.3.14 regescrt, headers in its address',
    200,
    reply('Contact: <sip:user@{there}?Route=%3Csip:sip.example.com%3E>'),
  ],
  [
    '3.3.15 sdp01, nothing acceptable',
    'request',
    request('INVITE sip:user@example.com SIP/2.0', 'Accept: text/nobodyKnowsThis'),
  ],
  ['3.4.1 inv2543, a Via of RFC 2543', 'nothing', changed('Via', 'Via: SIP/2.0/UDP 127.0.0.1')],
];

/** RFC 5118: IPv6 where SIP carries addresses. */
const IPV6: readonly (readonly [string, Fate, string | Buffer])[] = [
  [
    '5118 4.1, an IPv6 reference',
    'request',
    request('REGISTER sip:[2001:db8::10] SIP/2.0', 'Contact: "Caller" <sip:caller@[2001:db8::1]>'),
  ],
  ['5118 4.2, one without its brackets', 'request', request('REGISTER sip:2001:db8::10 SIP/2.0')],
  ['5118 4.3, a port that may be part of the address', 200, reply('Contact: <sip:far@[2001:db8::10:5070]>')],
  ['5118 4.4, a port that is one', 200, reply('Contact: <sip:far@[2001:db8::10]:5070>')],
  ['5118 4.5, `received` without brackets', 200, changed('Via', 'Via: {via};received=2001:db8::9:255')],
  ['5118 4.6, `received` with brackets', 200, changed('Via', 'Via: {via};received=[2001:db8::9:255]')],
  [
    '5118 4.7, IPv6 and IPv4 in several Vias',
    'nothing',
    changed('Via', 'Via: {via}\nVia: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111'),
  ],
  [
    '5118 4.8, IPv6 in a session description',
    200,
    WITH_BODY('application/sdp', SDP.replace('c=IN IP4 127.0.0.1', 'c=IN IP6 2001:db8::20')),
  ],
  [
    '5118 4.9, several addresses in one',
    200,
    WITH_BODY('application/sdp', `${SDP}c=IN IP6 2001:db8::1\nm=video 9 RTP/AVP 31\nc=IN IP6 2001:db8::2\n`),
  ],
  [
    '5118 4.10, an IPv4 address in IPv6 clothes',
    200,
    WITH_BODY('application/sdp', SDP.replace('c=IN IP4 127.0.0.1', 'c=IN IP6 ::ffff:192.0.2.10')),
  ],
];

export const TORTURES: readonly Torture[] = [...VALID, ...INVALID, ...SEMANTICS, ...IPV6].map(([name, fate, text]) => ({
  name,
  fate,
  text,
}));

/** The bytes of one of them, as a reply to (or instead of a reply to) our request. */
export function torture({ text }: Torture, ours: SipRequest): Buffer {
  const [via = ''] = listOf(ours, 'via');
  const { number = 0, method = '' } = cseqOf(ours) ?? {};
  const marks: Readonly<Record<string, string>> = {
    via,
    method,
    branch: parameterOf(via, 'branch') ?? '',
    from: headerOf(ours, 'from') ?? '',
    to: headerOf(ours, 'to') ?? '',
    id: headerOf(ours, 'call-id') ?? '',
    cseq: `${number} ${method}`,
    there: /127\.0\.0\.1:\d+/.exec(ours.uri)?.[0] ?? '',
  };
  const filled = text.toString().replace(/\{(\w+)\}/g, (whole, name: string) => marks[name] ?? whole);
  return Buffer.from(filled.replaceAll(/\r?\n/g, '\r\n'));
}
