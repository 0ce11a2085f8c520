/** The kind `smtp` against a real mail server (Postfix), found through a real name server (dnsmasq). */
import dns from 'node:dns';
import { readFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import kind from '../../probes/smtp.ts';
import { ROOT, describeWith } from '../lib/needs.ts';
import { removeFolder, stateFolder, stopAll } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { codeOf, lookWith } from './look.ts';
import { startMailServer, startNameServer } from './mail.ts';
import type { MailServer, NameServer } from './mail.ts';

describeWith(
  { postfix: 'postfix', dnsmasq: 'dnsmasq-base', openssl: 'openssl', ...ROOT },
  'smtp and a real mail server',
  () => {
    const daemons: Daemon[] = [];
    let folder: string;
    let server: MailServer;
    let names: NameServer;

    beforeAll(async () => {
      folder = await stateFolder('mail');
      server = await startMailServer(folder);
      daemons.push(server.daemon);
      names = await startNameServer(folder);
      daemons.push(names.daemon);
    });
    afterAll(async () => {
      await stopAll(daemons);
      await removeFolder(folder);
    });

    const ask = (rcpt: string, more: Record<string, unknown> = {}) =>
      lookWith(kind, {
        host: '127.0.0.1',
        port: server.port,
        ca: server.ca,
        rcpt,
        from: 'probe@monitor.test',
        ...more,
      });

    it('finds the support address accepted, over STARTTLS', async () => {
      const finding = await ask('support@helpdesk.test');
      expect(finding).toMatchObject({
        kind: 'ok',
        rung: 'accepting',
        facts: { verdict: 'accepted', catch_all: false },
      });
      for (const phase of ['banner', 'ehlo', 'tls', 'rcpt']) expect(finding.phases[phase], phase).toBeGreaterThan(0);
    });

    it('takes greylisting for a deferral, not for an outage', async () => {
      const finding = await ask('grey@helpdesk.test');
      expect([finding.kind, codeOf(finding)]).toEqual(['degraded', 'DEFERRED']);
      expect(finding.facts['verdict']).toBe('deferred');
    });

    it('finds an unknown recipient refused', async () => {
      const finding = await ask('nobody@helpdesk.test');
      expect([finding.kind, codeOf(finding)]).toEqual(['failed', 'MAIL_REFUSED']);
      expect(finding.facts['verdict']).toBe('rejected');
    });

    it('speaks TLS from the first byte', async () => {
      const finding = await ask('support@helpdesk.test', { port: server.implicitPort, security: 'implicit' });
      expect(finding).toMatchObject({ kind: 'ok', rung: 'accepting' });
    });

    it('tells an expired certificate, a missing STARTTLS and an unknown authority, though mail is accepted', async () => {
      const codes = [];
      for (const more of [{ port: server.expiredPort }, { port: server.plainPort }, { ca: undefined }]) {
        const finding = await ask('support@helpdesk.test', more);
        expect(finding.kind).toBe('degraded');
        codes.push(codeOf(finding));
      }
      expect(codes).toEqual(['CERT_EXPIRED', 'TLS_MISSING', 'CERT_UNTRUSTED']);
    });

    it('hands over no mail', async () => {
      const log = await readFile(join(folder, 'mail.log'), 'utf8');
      expect(log).toMatch(/smtpd\[\d+\]: connect from/);
      // What Postfix's cleanup and queue manager write about every mail that they are given.
      expect(log).not.toMatch(/message-id=|queue active/);
    });

    describe('by the exchangers of a domain', () => {
      const before = dns.getServers();
      const nameServers = (all: readonly string[]): void => {
        dns.setServers(all);
        // `setServers` changes the functions of the module; who imported these by name sees that only after this.
        syncBuiltinESMExports();
      };
      beforeAll(() => {
        nameServers([`127.0.0.1:${names.port}`]);
      });
      afterAll(() => {
        nameServers(before);
      });
      const askDomain = (domain: string, more: Record<string, unknown> = {}) =>
        lookWith(kind, {
          domain,
          port: server.port,
          ca: server.ca,
          rcpt: 'support@helpdesk.test',
          from: 'probe@monitor.test',
          ...more,
        });

      it('finds the exchanger of the domain, with its certificate good for that name', async () => {
        expect(await askDomain('helpdesk.test')).toMatchObject({ kind: 'ok', rung: 'accepting' });
      });

      it('finds mail accepted although one of two exchangers is dead, and tells which', async () => {
        const finding = await askDomain('two.test');
        expect([finding.kind, codeOf(finding)]).toEqual(['degraded', 'TCP_REFUSED']);
        expect('fault' in finding && finding.fault.message).toMatch(/mx2\.helpdesk\.test/);
      });

      it('finds mail accepted by an exchanger that is an alias, and names it', async () => {
        const finding = await askDomain('alias.test', { security: 'none' });
        expect([finding.kind, finding.rung, codeOf(finding)]).toEqual(['degraded', 'accepting', 'MX_ALIAS']);
        expect(finding.facts['aliases']).toEqual(['alias.helpdesk.test -> mx1.helpdesk.test']);
      });

      it('tells a domain that takes no mail, an exchanger without address and a domain that does not exist', async () => {
        const codes = [];
        for (const domain of ['null.test', 'lost.test', 'nowhere.test']) codes.push(codeOf(await askDomain(domain)));
        expect(codes).toEqual(['MX_NULL', 'DNS_NXDOMAIN', 'DNS_NXDOMAIN']);
      });
    });
  },
);
