/** The demo as it starts: every kind of look that it brings is well, the new ones notice what they are there for, and its secret is kept. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { series, startDemo, until } from '../lib/demo.ts';
import type { RunningDemo } from '../lib/demo.ts';

const TARGETS = [
  ['phone', 'trunk'],
  ['phone', 'trunk-tls'],
  ['phone', 'call'],
  ['chat', 'conversation'],
  ['app-chat', 'presence'],
  ['app-chat', 'conversation'],
  ['merchant-chat', 'visitor'],
  ['email', 'mx'],
  ['email', 'receipt'],
  ['help', 'health'],
  ['help', 'screen'],
  ['help', 'release'],
  ['help-center', 'articles'],
  ['cases', 'case'],
  ['announcements', 'page'],
] as const;

let demo: RunningDemo;
beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.close());

const success = (channel: string, target: string, wanted: number) =>
  until(`${channel}/${target} to be ${wanted === 1 ? 'well' : 'bad'}`, async () =>
    (await series(demo, 'probe_success', { provider: 'demo', channel, target })) === wanted ? true : undefined,
  );

const press = async (desk: string, fault: string): Promise<void> => {
  await demo.desks.switches.find((each) => each.id === desk)?.set(fault);
};

it('looks at every desk by every kind that it has, and all are well', async () => {
  await Promise.all(TARGETS.map(([channel, target]) => success(channel, target, 1)));
}, 150_000);

it.concurrent(
  'tells a missing receipt from a mail server that takes no mail, and a hidden contact from missing articles',
  async () => {
    await Promise.all([press('email', 'noreceipt'), press('help', 'hidden')]);
    await success('email', 'receipt', 0);
    // Articles answer while the way to a person is hidden: degraded, and an incident with that cause all the same.
    await Promise.all([success('email', 'mx', 1), success('help', 'screen', 1), success('help-center', 'articles', 1)]);
    const causes = [
      ['email', 'no_receipt'],
      ['help-center', 'contact_hidden'],
    ] as const;
    for (const [channel, cause] of causes)
      await until(cause, async () =>
        (await series(demo, 'support_incidents_total', { channel, cause })) === 1 ? true : undefined,
      );
    await Promise.all([press('email', 'none'), press('help', 'none')]);
    await Promise.all([success('email', 'receipt', 1), success('help-center', 'articles', 1)]);
  },
  400_000,
);

it.concurrent(
  'calls the hotline, and tells on the page and by mail that it is busy, and that it is silent',
  async () => {
    const stories = [
      ['busy', 'All lines are busy.', /call.*486 Busy Here|trunk.*486/],
      ['mute', 'The call connects, but there is no sound.', /call: answered, and silent/],
    ] as const;
    for (const [fault, words, evidence] of stories) {
      await press('phone', fault);
      await success('phone', 'call', 0);
      const mail = demo.desks.postbox.arrived(
        ({ subject, text }) => subject.includes('Hotline') && evidence.test(text),
        AbortSignal.timeout(120_000),
      );
      const page = until(`the page to say: ${words}`, async () => {
        const text = await (await fetch(new URL('/en/demo/', demo.publicUrl))).text();
        return text.includes(words) ? true : undefined;
      });
      await Promise.all([mail, page]);
      await press('phone', 'none');
      // What breaks in another way before it is over is the same incident, and no second mail.
      await until('the incident of the hotline to be over', async () =>
        (await series(demo, 'support_incident_open', { provider: 'demo', channel: 'phone' })) === 0 ? true : undefined,
      );
    }
  },
  600_000,
);

it('keeps the password of its mailbox in a file of its own, which only its owner reads', () => {
  const file = join(demo.folder, 'mailbox.password');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const config = readFileSync(join(demo.folder, 'demo.yaml'), 'utf8');
  expect(config).toContain(`password: "file:${file}"`);
});
