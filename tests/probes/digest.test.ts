/** Digest authentication against the RFCs' own examples, and against servers that play games with it. */
import { describe, expect, it } from 'vitest';
import { answerChallenge, challengesOf, openKeyring, strongest } from '../../probes/lib/sip/digest.ts';
import type { Challenge } from '../../probes/lib/sip/digest.ts';
import type { SipResponse } from '../../probes/lib/sip/message.ts';

function asking(status: 401 | 407, ...challenges: readonly string[]): SipResponse {
  const name = status === 407 ? 'proxy-authenticate' : 'www-authenticate';
  const headers = challenges.map((value) => ({ name, value }));
  return { kind: 'response', status, reason: 'Unauthorized', headers, body: Buffer.alloc(0) };
}
const LOGIN = { user: 'Mufasa', password: 'Circle of Life' };
const chance = (): string => 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
const only = (response: SipResponse): Challenge => challengesOf(response)[0] ?? expect.fail('no challenge');
const ASKED = { method: 'GET', uri: '/dir/index.html', cnonce: chance(), count: 1 };
const NONCE =
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

describe('an answer to a challenge', () => {
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('is that of RFC 7616 §3.9.1 with %s', (algorithm, response) => {
    const challenge = only(
      asking(401, `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ${NONCE}`),
    );
    const { name, value } = answerChallenge(challenge, LOGIN, ASKED);
    expect(name).toBe('authorization');
    expect(value).toContain(`response="${response}"`);
    expect(value).toMatch(/qop=auth, nc=00000001/);
  });

  it('without qop is that of RFC 2069: no client nonce, no count', () => {
    const challenge = only(asking(407, 'Digest realm="pbx.test", nonce="abc"'));
    const { name, value } = answerChallenge(
      challenge,
      { user: 'u', password: 'p' },
      { ...ASKED, method: 'INVITE', uri: 'sip:x' },
    );
    // md5(md5("u:pbx.test:p"):abc:md5("INVITE:sip:x")), reckoned by md5sum.
    expect(value).toContain('response="459764596c0a02fc8e97f32baa60612b"');
    expect(name).toBe('proxy-authorization');
    expect(value).not.toMatch(/cnonce|nc=|qop/);
  });

  it.each(['MD5-sess', 'SHA-256-sess', 'SHA-512-256'])('can be given with %s, and says so', (algorithm) => {
    const challenge = only(asking(401, `Digest realm="r", nonce="n", qop="auth", algorithm=${algorithm}`));
    const { value } = answerChallenge(challenge, LOGIN, ASKED);
    expect(value).toContain(`algorithm=${algorithm}`);
    expect(value).toMatch(algorithm.startsWith('MD5') ? /response="[0-9a-f]{32}"/ : /response="[0-9a-f]{64}"/);
  });

  it('S-I4: cannot be made to carry another parameter or header by quotes and line ends', () => {
    const challenge = only(asking(401, String.raw`Digest realm="a\"b", nonce="x\", response=\"forged\\"`));
    const { value } = answerChallenge({ ...challenge, opaque: 'o\r\nVia: SIP/2.0/UDP evil' }, LOGIN, ASKED);
    expect(challenge.realm).toBe('a"b');
    expect(value).toContain(String.raw`realm="a\"b"`);
    expect(value).toContain(String.raw`nonce="x\", response=\"forged\\"`);
    expect(value).not.toMatch(/[\r\n]/);
    expect(value.match(/(?<!\\)response="[0-9a-f]{32}"/g)).toHaveLength(1);
  });
});

describe('challenges', () => {
  it('are read several to a header and several headers, others than Digest left out', () => {
    const response = asking(
      401,
      'Basic realm="x", Digest realm="a", nonce="1", algorithm=MD5, Digest realm="a", nonce="2", algorithm=SHA-256, qop="auth"',
      'digest Realm = "b" , NONCE=unquoted, stale=TRUE',
    );
    expect(challengesOf(response).map(({ realm, nonce, stale }) => [realm, nonce, stale])).toEqual([
      ['a', '1', false],
      ['a', '2', false],
      ['b', 'unquoted', true],
    ]);
    expect(strongest(challengesOf(response)).map(({ algorithm }) => algorithm)).toEqual(['SHA-256', 'MD5']);
  });

  it('S-I4: with an unknown algorithm, only auth-int, or ten kilobytes of nonce are none', () => {
    const long = 'n'.repeat(10_240);
    const response = asking(
      407,
      'Digest realm="a", nonce="1", algorithm=AKAv1-MD5',
      'Digest realm="a", nonce="1", qop="auth-int"',
      `Digest realm="a", nonce="${long}"`,
      'Digest nonce="1"',
      'Digest',
      '"',
    );
    expect(challengesOf(response)).toEqual([]);
  });
});

describe('edge 7: a login', () => {
  const login = (credentials: { user: string; password: string } | undefined = LOGIN) =>
    openKeyring(credentials, chance);
  const plain = (nonce: string, more = ''): SipResponse => asking(407, `Digest realm="r", nonce="${nonce}"${more}`);

  it('is refused when the same realm asks again without saying that its nonce grew old', () => {
    const keyring = login();
    expect(keyring.answer(plain('1'), 'INVITE', 'sip:x')).toHaveLength(1);
    expect(keyring.answer(plain('2'), 'INVITE', 'sip:x')).toMatch(/refuses the login/);
  });

  it('goes on for a stale nonce, but never for more than three rounds', () => {
    const keyring = login();
    for (const round of ['1', '2', '3'])
      expect(keyring.answer(plain(round, ', stale=true'), 'INVITE', 'sip:x')).toHaveLength(1);
    expect(keyring.answer(plain('4', ', stale=true'), 'INVITE', 'sip:x')).toMatch(/4 times/);
  });

  it('answers two realms at once, each in its own header', () => {
    const both = asking(401, 'Digest realm="server", nonce="1"');
    const headers = [...both.headers, { name: 'proxy-authenticate', value: 'Digest realm="proxy", nonce="2"' }];
    const answer = login().answer({ ...both, headers }, 'INVITE', 'sip:x');
    expect(typeof answer === 'string' ? answer : answer.map(({ name }) => name)).toEqual([
      'authorization',
      'proxy-authorization',
    ]);
  });

  it('counts how often it uses one nonce, over all methods', () => {
    const keyring = login();
    const first = keyring.answer(plain('same', ', qop="auth"'), 'INVITE', 'sip:x');
    const second = keyring.answer(plain('same', ', qop="auth"'), 'BYE', 'sip:x');
    expect(JSON.stringify(first)).toContain('nc=00000001');
    expect(JSON.stringify(second)).toContain('nc=00000002');
  });

  it('that is not configured is said to be missing', () => {
    expect(openKeyring(undefined, chance).answer(plain('1'), 'INVITE', 'sip:x')).toMatch(/none is configured/);
  });
});
