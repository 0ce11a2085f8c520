/** The demo wallet's help, as the kinds that climb further than one request see it: logged in, read, filed, broken and mended. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import appRelease from '../../probes/app-release.ts';
import helpCenter from '../../probes/help-center.ts';
import http from '../../probes/http.ts';
import ticket from '../../probes/ticket.ts';
import type { Finding } from '../../src/core/model.ts';
import type { ProbeKind } from '../../src/core/probe.ts';
import { openMemory } from '../../src/core/recall.ts';
import { Secret } from '../../src/core/secret.ts';
import { openWebDesk } from '../../src/demo/web.ts';
import type { WebDesk } from '../../src/demo/web.ts';

let web: WebDesk;
let kept: string | undefined;
beforeEach(async () => {
  web = await openWebDesk({ slowMs: 60_000, pace: { answerMs: 150, closeMs: 300 } });
  kept = undefined;
});
afterEach(() => web.close());

async function look(kind: ProbeKind, settings: Record<string, unknown>, timeoutMs = 4_000): Promise<Finding> {
  const memory = openMemory(kept);
  const context = { startedAt: Date.now(), timeoutMs, runId: '0'.repeat(32), timezone: 'Asia/Jakarta', memory };
  const parsed = kind.schema.parse({ ...settings, allow_private: true });
  const finding = await kind.look(parsed, { ...context, signal: AbortSignal.timeout(timeoutMs) });
  kept = memory.left() ?? kept;
  return finding;
}

const short = (finding: Finding): string =>
  finding.kind === 'ok' ? `ok ${finding.rung}` : `${finding.kind} ${finding.fault.code} ${finding.rung}`;

const screen = (url: string, password = 'watcher') => ({
  secrets: { password: new Secret(password, 'env:PASSWORD') },
  steps: [
    {
      url: `${url}/api/help/login`,
      method: 'POST',
      body: { user: 'watcher', password: '{{password}}' },
      capture: { token: '/token' },
    },
    {
      url: `${url}/api/help/conversations`,
      method: 'POST',
      headers: { 'x-csrf-token': '{{token}}' },
      body: { text: 'Automatic test {{run_id}}' },
      expect: { status: 201 },
      capture: { id: '/id' },
    },
    {
      url: `${url}/api/help/conversations/{{id}}`,
      expect: { json: [{ pointer: '/messages/[from=bot]/text', matches: 'bantu' }], language: 'id' },
    },
  ],
});

const centre = (url: string) => ({
  home: url,
  pages: [
    { url: `${url}/help/unlock-account`, contains: '30 menit', language: 'id', max_age: '90d' },
    { url: `${url}/en/help/refund`, contains: '3 working days', language: 'en' },
    { url: `${url}/zh/help/reset-password`, contains: '重置密码', language: 'zh' },
  ],
  contact_entry: { leads_to: 'tel:+622150840000', max_clicks: 2 },
});

const complaint = (url: string) => ({
  submit: { url: `${url}/api/help/cases`, body: { subject: 'Automatic test {{run_id}}' } },
  number: { pointer: '/number' },
  status: { url: `${url}/api/help/cases/{{number}}`, pointer: '/state', done: 'closed' },
});

describe('the help screen', () => {
  test('is logged in to, a conversation opened and read', async () => {
    expect(short(await look(http, screen(web.help.url)))).toBe('ok answered');
    expect(short(await look(http, screen(web.help.url, 'something else')))).toBe('unknown AUTH none');
    await web.help.set('wrong');
    expect(short(await look(http, screen(web.help.url)))).toBe('failed CONTENT accepting');
    await web.help.set('none');
    expect(short(await look(http, screen(web.help.url)))).toBe('ok answered');
  });
});

describe('the help centre', () => {
  test.each([
    ['hidden', 'degraded CONTACT_HIDDEN answered'],
    ['foreign', 'degraded CONTENT answered'],
    ['wrong', 'failed CONTENT accepting'],
    ['maintenance', 'failed MAINTENANCE accepting'],
    ['busy', 'failed OVERLOAD accepting'],
    ['down', 'failed TCP_REFUSED none'],
  ])('%s is seen as %s, and mended', async (fault, expected) => {
    await web.help.set(fault);
    expect(short(await look(helpCenter, centre(web.help.url)))).toBe(expected);
    await web.help.set('none');
    const good = await look(helpCenter, centre(web.help.url));
    expect(short(good)).toBe('ok answered');
    expect(good.facts).toMatchObject({ contact_clicks: 2, languages: ['id', 'en', 'zh'] });
  });
});

describe('a case', () => {
  test('is answered and closed in time; untended, it stays as it was filed', async () => {
    await web.help.set('untended');
    expect(short(await look(ticket, complaint(web.help.url)))).toBe('ok accepting');
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect((await look(ticket, complaint(web.help.url))).facts['state']).toBe('new');
    await web.help.set('none');
    const closed = await look(ticket, complaint(web.help.url));
    expect(short(closed)).toBe('ok answered');
    expect(Object.keys(closed.phases)).toEqual(['first_response', 'resolved']);
    expect(String(closed.facts['number'])).toMatch(/^DW-\d{13}$/);
  });

  test('is found again by whoever follows it after the desk was closed and opened anew', async () => {
    await look(ticket, complaint(web.help.url));
    await web.close();
    web = await openWebDesk({ pace: { answerMs: 0, closeMs: 60_000 } });
    expect(short(await look(ticket, complaint(web.help.url)))).toBe('ok answered');
  });
});

describe('the app in the store', () => {
  test('has a new version when one is released', async () => {
    const settings = { app_store_id: 1_600_000_001, base_url: `${web.help.url}/store/` };
    await look(appRelease, settings);
    expect((await look(appRelease, settings)).facts).toMatchObject({ release: '5.20.0' });
    const before = Date.now();
    await web.help.set('release');
    const { facts } = await look(appRelease, settings);
    expect(facts).toMatchObject({ version: '5.21.0', release: '5.21.0' });
    expect(Number(facts['release_at'])).toBeGreaterThanOrEqual(before);
    expect(short(await look(appRelease, { ...settings, app_store_id: 7 }))).toBe('unknown CANNOT_JUDGE none');
  });
});
