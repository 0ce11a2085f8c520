/** The kind `chat-xmpp` against a real XMPP server (Prosody), an agent and an empty chair. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import kind from '../../probes/chat-xmpp.ts';
import { Secret } from '../../src/core/secret.ts';
import { describeWith } from '../lib/needs.ts';
import { removeFolder, stateFolder, stopAll } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { codeOf, lookWith } from './look.ts';
import { AGENT, seatAgent, startChatServer } from './xmpp.ts';
import type { Agent, ChatServer } from './xmpp.ts';

const DESK = `${AGENT.user}@${AGENT.domain}`;

describeWith({ prosody: 'prosody', prosodyctl: 'prosody', openssl: 'openssl' }, 'chat-xmpp and a real server', () => {
  const daemons: Daemon[] = [];
  let folder: string;
  let server: ChatServer;
  let agent: Agent | undefined;

  beforeAll(async () => {
    folder = await stateFolder('xmpp');
    server = await startChatServer(folder);
    daemons.push(server.daemon);
  });
  afterAll(async () => {
    agent?.leave();
    await stopAll(daemons);
    await removeFolder(folder);
  });

  const visit = (more: Record<string, unknown> = {}) =>
    lookWith(kind, { url: server.url, domain: 'guest.helpdesk.test', ...more });

  it('enters as an anonymous visitor, and every step has its time', async () => {
    const finding = await visit();
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting' });
    for (const phase of ['connect', 'upgrade', 'open', 'auth', 'bind'])
      expect(finding.phases[phase], phase).toBeGreaterThan(0);
  });

  it('enters over TLS, judging the certificate', async () => {
    const finding = await visit({ url: server.secureUrl, ca: server.ca });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting' });
    expect(finding.facts['certificate_days']).toBeGreaterThan(18);
    const untrusted = await visit({ url: server.secureUrl });
    expect([untrusted.kind, codeOf(untrusted)]).toEqual(['failed', 'CERT_UNTRUSTED']);
  });

  it('tells an empty chair at once: the server keeps no message for the visitor', async () => {
    const finding = await visit({ to: 'nobody@chat.helpdesk.test' });
    expect([finding.kind, codeOf(finding), finding.rung]).toEqual(['failed', 'UNAVAILABLE', 'accepting']);
  });

  it('hears the agent, and times the answer from our words on', async () => {
    agent = await seatAgent(
      server.url,
      (body) => (body.includes('automatic test') ? 'Halo, ada yang datang &amp; menjawab.' : undefined),
      150,
    );
    const finding = await visit({ to: DESK, who: 'person', expect: { matches: 'datang & menjawab' } });
    expect(finding).toMatchObject({ kind: 'ok', rung: 'answered_by_person', facts: { responder: 'person' } });
    expect(finding.phases['first_reply']).toBeGreaterThan(140);
    expect(finding.phases['first_person_reply']).toBe(finding.phases['first_reply']);
    // Nobody told that it is a person.
    expect(await visit({ to: DESK })).toMatchObject({ kind: 'ok', rung: 'answered', facts: { responder: 'bot' } });
    expect(agent.heard[0]).toMatch(/automatic test \([0-9a-f]{32}\)/);
  });

  it('tells an agent who is typing and never answers', async () => {
    const finding = await visit({ to: DESK, say: 'quiet please', within: '400ms' });
    expect([finding.kind, codeOf(finding), finding.rung]).toEqual(['failed', 'NO_REPLY', 'accepting']);
  });

  it('tells a domain that is not served, one without visitors, and an account that is refused', async () => {
    const unknown = await visit({ domain: 'elsewhere.test' });
    expect([unknown.kind, codeOf(unknown)]).toEqual(['failed', 'NOT_IN_SERVICE']);
    const closed = await visit({ domain: AGENT.domain });
    expect([closed.kind, codeOf(closed)]).toEqual(['failed', 'REJECTED']);
    const account = (password: string) =>
      visit({ domain: AGENT.domain, user: AGENT.user, password: new Secret(password, 'env:XMPP') });
    expect(await account(AGENT.password)).toMatchObject({ kind: 'ok', rung: 'accepting' });
    const refused = await account('another');
    expect([refused.kind, codeOf(refused)]).toEqual(['unknown', 'AUTH']);
  });

  it('leaves no session behind', async () => {
    await visit({ to: DESK, say: 'quiet please', within: '100ms' });
    const { log } = server.daemon;
    const times = (words: string) => log().split(words).length - 1;
    // The agent alone is still there.
    await expect.poll(() => times('Client connected') - times('Client disconnected'), { timeout: 5_000 }).toBe(1);
    expect(log()).not.toMatch(/error\s/);
  });
});
