/** Every case on the acceptance list of mail, chat, web, announcements and telephones is a test that carries its id. It reads tests and runs none. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const TESTS = new URL('../', import.meta.url).pathname;

type Row = readonly [id: string, what: string, ...files: readonly string[]];

/** S- ids: what attackers send. MC- ids: what mail, chat, web and feeds do by themselves. Edges: telephones. */
const ROWS: readonly Row[] = [
  ['S-A1', 'addresses in disguise', 'probes/connector', 'shell/config'],
  ['S-A2', 'a name that leads elsewhere the second time', 'probes/connector', 'probes/egress'],
  ['S-A3', 'public and private addresses in one answer', 'probes/connector'],
  ['S-A4', 'redirects to where nobody may go', 'probes/http', 'probes/httpsteps', 'probes/help-center'],
  [
    'S-A5',
    'replies without end, or drop by drop',
    'contract/contract',
    'probes/http',
    'probes/httpsteps',
    'probes/flat',
  ],
  ['S-A6', 'compression bombs', 'probes/http', 'probes/flat'],
  [
    'S-A7',
    'headers that are too many, too long or contradict each other',
    'probes/http',
    'probes/httpsteps',
    'probes/egress',
    'probes/flat',
  ],
  ['S-A8', 'certificates that must not be trusted', 'probes/connector', 'probes/http', 'probes/tcp', 'probes/egress'],
  ['S-A9', 'a webhook into our own network', 'shell/webhook'],
  ['S-A10', 'proxies in the environment', 'probes/connector', 'probes/egress'],
  ['S-F1', 'banners that never come or never end', 'probes/smtp', 'probes/smtpreply', 'probes/flat'],
  ['S-F2', 'plain text slipped in before TLS', 'probes/smtp', 'probes/roundtripsubmit', 'probes/flat'],
  ['S-F3', 'a mailbox that lets us in without TLS', 'probes/roundtripimap'],
  ['S-F4', 'a literal of 4 GB', 'probes/roundtripimap', 'shell/maildesk'],
  ['S-F5', 'mails made to hurt their reader', 'probes/mail-roundtrip'],
  ['S-F6', 'our token in the mail of a stranger', 'probes/roundtripimap'],
  ['S-F7', 'capabilities that lie, goodbyes in mid-command, stray bytes', 'probes/smtp', 'probes/roundtripimap'],
  ['S-F8', 'a mailbox full of foreign mail', 'probes/roundtripimap', 'peers/roundtrip'],
  ['S-F9', 'passwords of any letters', 'probes/roundtripimap', 'probes/roundtripsubmit'],
  ['S-G1', 'WebSocket frames that are none', 'probes/chatwire', 'probes/flatdesks'],
  ['S-G2', 'the expected words in the wrong place', 'probes/chat-websocket'],
  [
    'S-G3',
    'tokens of a session in what is kept',
    'probes/chat-websocket',
    'probes/chat-conversation',
    'probes/chat-xmpp',
  ],
  ['S-H1', 'entities and references by the million', 'probes/announcements', 'probes/flat'],
  ['S-H2', 'feeds cut, huge, or in another character set', 'probes/announcements', 'probes/flat'],
  ['S-H3', 'dates that are none', 'probes/announcements', 'probes/window', 'probes/help-center'],
  ['S-H4', 'texts made to slow a pattern down', 'probes/announcements', 'probes/window', 'probes/flat'],
  ['S-H5', 'a notice that gives orders', 'probes/announcements'],
  ['MC-1', 'one deadline and caps for every kind', 'contract/contract', 'probes/flat'],
  ['MC-2', 'a server that takes the connection and says nothing, or drips', 'contract/contract', 'probes/http'],
  ['MC-3', 'bodies without end, bombs, layers of encodings', 'probes/http'],
  ['MC-4', 'headers without end, two framings, a reset, another protocol', 'probes/http'],
  ['MC-5', 'redirects in a circle, inwards, or down to plain text', 'probes/http'],
  ['MC-6', 'a silent TLS server, a certificate that is bad, its days told', 'probes/http', 'probes/httpsteps'],
  [
    'MC-7',
    '200 with a page of maintenance, a login, a captcha or a soft 404',
    'probes/http',
    'probes/help-center',
    'probes/announcements',
  ],
  ['MC-8', 'Chinese character sets, labelled, mislabelled or not at all', 'probes/http', 'probes/announcements'],
  [
    'MC-9',
    '429 and 503, and when to come again',
    'probes/http',
    'probes/announcements',
    'probes/help-center',
    'probes/app-release',
    'shell/runner',
  ],
  ['MC-10', 'a selector that is lost; words that nobody sees', 'probes/announcements', 'probes/help-center'],
  ['MC-11', 'pages of script alone, too deep or too large', 'probes/announcements'],
  ['MC-12', 'feeds with bad dates, without ids, out of order, truncated or empty', 'probes/announcements'],
  ['MC-13', 'SMTP banners slow, long, garbled, of another protocol', 'probes/smtp'],
  ['MC-14', 'STARTTLS absent, refused, hanging, injected', 'probes/smtp'],
  ['MC-15', 'greylisting, no space, unknown, tarpits, hanging up', 'probes/smtp'],
  [
    'MC-16',
    'no MX, a null MX, an address or an alias for an MX, one of two dead, all dead, port 25 blocked',
    'probes/smtpmx',
    'abuse/port25',
  ],
  [
    'MC-17',
    'IMAP servers that hang, refuse, flood, renumber, are full or know no IDLE',
    'probes/roundtripimap',
    'probes/roundtripmemory',
  ],
  ['MC-18', 'two receipts, and a person after the receipt', 'probes/roundtripimap', 'peers/roundtrip'],
  ['MC-19', 'a bounce, and a report that delivery is delayed', 'probes/mail-roundtrip'],
  ['MC-20', 'our own mail coming back, and a loop', 'probes/mail-roundtrip'],
  ['MC-21', 'a receipt in Junk', 'probes/roundtripimap', 'peers/roundtrip'],
  ['MC-22', 'a token cut, encoded anew, in HTML alone or beside raw GBK', 'probes/mail-roundtrip'],
  ['MC-23', 'a receipt after the deadline, or after a restart', 'probes/roundtripsubmit', 'probes/roundtripmemory'],
  ['MC-24', 'two looks answered in one thread', 'probes/roundtripimap'],
  ['MC-25', 'a responder that answers once in days', 'probes/mail-roundtrip', 'probes/roundtripmemory'],
  ['MC-26', 'the out-of-office reply of a person', 'probes/mail-roundtrip'],
  ['MC-27', 'a handshake refused, wrong, hanging, without the subprotocol', 'probes/chat-websocket', 'probes/chatwire'],
  ['MC-28', 'close codes of every kind, and a cut', 'probes/chatwire'],
  ['MC-29', 'floods of pings, fragments and bytes; text that is no UTF-8', 'probes/chatwire'],
  ['MC-30', 'who speaks first, who never speaks, and who sends bytes', 'probes/chat-websocket'],
  ['MC-31', 'XMPP without visitors, errors of stream and login, a DOCTYPE', 'probes/chat-xmpp'],
  ['MC-32', 'mails too deep, too long, or of HTML alone', 'probes/mail-roundtrip'],
  ['edge 1', 'requests that are lost', 'probes/sip-call', 'probes/sip-options', 'probes/calledges'],
  ['edge 2', 'a 200 that is repeated', 'probes/sip-call'],
  ['edge 3', 'a refusal that is repeated', 'probes/sip-call'],
  ['edge 4', 'several early dialogs, several answers', 'probes/sip-call', 'peers/call'],
  [
    'edge 5',
    'sound before the answer, ringback that is only heard',
    'probes/sip-call',
    'probes/calledges',
    'peers/callscenes',
  ],
  ['edge 6', 'reliable provisional responses', 'probes/sip-call', 'peers/callscenes'],
  [
    'edge 7',
    'logins: two at once, unknown, stale, endless',
    'probes/sip-call',
    'probes/digest',
    'peers/call',
    'peers/callscenes',
  ],
  ['edge 8', 'a BYE or PRACK that is challenged', 'probes/sip-call', 'probes/calledges'],
  ['edge 9', 'Record-Route, loose and strict', 'probes/sip-call', 'probes/calledges'],
  ['edge 10', 'a Contact that is private, missing or garbage', 'probes/sip-call', 'probes/calledges'],
  ['edge 11', 'the way back through a NAT', 'probes/sip-call'],
  ['edge 12', 'a response from another address', 'probes/sip-call', 'probes/sip-options'],
  ['edge 13', 'garbage', 'probes/sip-call', 'probes/calledges', 'probes/torture'],
  ['edge 14', 'headers too large, lengths that lie, another protocol', 'probes/calledges', 'probes/sip-options'],
  [
    'edge 15',
    'streams that drip, pile up and keep alive',
    'probes/calledges',
    'probes/sip-message',
    'probes/sip-options',
  ],
  ['edge 16', 'compact, folded, quoted, IPv6', 'probes/sip-message', 'probes/sdp'],
  ['edge 17', 'calls that are sent elsewhere', 'probes/sip-call', 'probes/verdict'],
  ['edge 18', 'when to come back', 'probes/sip-call', 'probes/sip-options'],
  ['edge 19', 'session timers', 'probes/sip-call', 'peers/callscenes'],
  ['edge 20', 'nobody answers', 'probes/sip-call', 'probes/verdict', 'peers/callscenes'],
  ['edge 21', 'an answer that crosses the CANCEL', 'probes/sip-call', 'peers/callscenes'],
  ['edge 22', 'a CANCEL that nothing follows', 'probes/sip-call', 'peers/callscenes'],
  ['edge 23', 'an end before anything rang', 'probes/sip-call', 'abuse/hangup'],
  ['edge 24', 'the BYE of a stranger', 'probes/sip-call'],
  ['edge 25', 'the line hangs up', 'probes/sip-call', 'probes/verdict', 'peers/callscenes'],
  ['edge 26', 'answers without usable sound or tag', 'probes/sip-call', 'probes/sdp'],
  ['edge 27', 'no sound, or from elsewhere', 'probes/calledges', 'probes/rtp', 'probes/verdict'],
  ['edge 28', 'RTP in all its shapes', 'probes/calledges', 'probes/rtp'],
  ['edge 29', 'SRTP', 'probes/sdp', 'probes/srtp', 'peers/call'],
  [
    'edge 30',
    'certificates that must not be trusted, or end soon',
    'probes/calldesk',
    'probes/calledges',
    'peers/call',
  ],
  ['edge 31', 'servers that DNS tells, several of them', 'probes/calldns'],
  ['edge 32', '481, 491, 500 within a call; 482, 483', 'probes/calledges', 'probes/verdict'],
  ['edge 33', '408 of a proxy', 'probes/verdict', 'peers/call'],
  ['edge 34', 'numbers as a trunk wants them', 'probes/sip-trunk'],
  ['edge 35', 'who is calling', 'probes/sip-trunk'],
  ['edge 36', 'announcements and tones beside a status', 'probes/sip-call', 'probes/verdict', 'peers/callscenes'],
  ['edge 37', 'a caller that is unwanted', 'probes/sip-call', 'probes/verdict'],
  ['edge 38', 'our process dies', 'probes/sip-call', 'abuse/hangup'],
  ['edge 39', 'an event loop that lags', 'probes/calledges'],
  ['edge 40', 'clocks that jump', 'probes/calledges'],
  ['edge 41', 'ports that are taken, and a range of them', 'probes/sip-trunk'],
  ['edge 42', 'sound to where nobody may send', 'probes/sip-call', 'probes/sdp', 'probes/calledges'],
];

/** Ids in the texts of a file, by file without its ending; comments name none. */
const named = new Map(
  readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    // The contract's tests are declared in one file and run in the test of each kind.
    .filter((file) => /\.test\.ts$|^contract\/contract\.ts$/.test(file) && !file.endsWith('acceptance.test.ts'))
    .map((file) => [file.replace(/(?:\.test)?\.ts$/, ''), idsIn(readFileSync(join(TESTS, file), 'utf8'))]),
);

function idsIn(text: string): ReadonlySet<string> {
  const code = text.split('\n').filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line));
  const texts = code.flatMap((line) => line.match(/'[^']*'|"[^"]*"|`[^`]*`/g) ?? []);
  const edges = texts.flatMap((each) => each.match(/\bedge \d+(?:(?:, | and )\d+)*/g) ?? []);
  const numbers = edges.flatMap((each) => each.match(/\d+/g) ?? []);
  const ids = texts.flatMap((each) => each.match(/\b(?:S-[A-Z]|MC-)\d+/g) ?? []);
  return new Set([...ids, ...numbers.map((each) => `edge ${each}`)]);
}

it.each(ROWS)('%s: %s', (id, _what, ...files) => {
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => named.get(file)?.has(id) !== true)).toEqual([]);
});

it('has one row for each id, and knows an id in a comment from one in a name', () => {
  expect(new Set(ROWS.map(([id]) => id)).size).toBe(ROWS.length);
  expect([...idsIn("// S-A1 here\nit('S-A2: there [MC-3]', x);\n * 'S-A4'\n")]).toEqual(['S-A2', 'MC-3']);
  expect([...idsIn("it('edge 5, 36: both', x);\ndescribe('edge 7 and 8: 2 logins')")]).toEqual(
    [5, 36, 7, 8].map((each) => `edge ${each}`),
  );
});

it('knows every id of its own that a test names', () => {
  const ids = new Set(ROWS.map(([id]) => id));
  const strays = [...named.values()].flatMap((all) => [...all].filter((id) => /^(?:MC-|S-[AFGH]|edge )/.test(id)));
  expect(strays.filter((id) => !ids.has(id))).toEqual([]);
});
