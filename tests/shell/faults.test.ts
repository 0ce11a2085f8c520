/** Every fault of every desk of the demo, and what the monitor makes of it: the status of each channel and the cause, by real looks. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBench, type Bench } from '../lib/faults.ts';

/** What the channels are under a fault; a channel that is not named is operational. One word stands for all of them. */
type Row = string | Readonly<Record<string, string>>;

interface Story {
  readonly channels: readonly string[];
  readonly faults: Readonly<Record<string, Row>>;
}

const STORIES: Readonly<Record<string, Story>> = {
  phone: {
    channels: ['phone'],
    faults: {
      none: 'operational',
      down: 'major_outage: refused',
      silence: 'major_outage: no_answer',
      slow: 'degraded_performance: slow',
      // The desk itself says so to who asks, and callers hear it.
      busy: 'partial_outage: busy',
      overload: 'major_outage: overload',
      wrong: 'major_outage: not_in_service',
      unanswered: 'major_outage: no_answer',
      // What only a call can tell.
      mute: 'partial_outage: silence',
      dropped: 'partial_outage: no_answer',
      expired: 'partial_outage: tls',
      maintenance: 'major_outage: maintenance',
    },
  },
  chat: {
    channels: ['chat'],
    faults: {
      none: 'operational',
      down: 'major_outage: refused',
      slow: 'degraded_performance: slow',
      busy: 'degraded_performance: overload',
      wrong: 'major_outage: wrong_content',
      silence: 'major_outage: no_answer',
      closed: 'major_outage: no_answer',
      garbage: 'major_outage: protocol',
      expired: 'major_outage: tls',
    },
  },
  'app-chat': {
    channels: ['app-chat'],
    faults: {
      none: 'operational',
      down: 'major_outage: refused',
      slow: 'degraded_performance: slow',
      busy: 'degraded_performance: overload',
      overload: 'major_outage: overload',
      offline: 'major_outage: no_answer',
      // The vendor says that somebody is there; whoever writes finds that nobody is.
      closed: 'partial_outage: no_answer',
      wrong: 'partial_outage: wrong_content',
      unanswered: 'partial_outage: no_answer',
      silence: 'major_outage: timeout',
      maintenance: 'major_outage: maintenance',
      expired: 'major_outage: tls',
    },
  },
  'merchant-chat': {
    channels: ['merchant-chat'],
    faults: {
      none: 'operational',
      down: 'major_outage: refused',
      slow: 'degraded_performance: slow',
      busy: 'degraded_performance: overload',
      overload: 'major_outage: overload',
      offline: 'major_outage: no_answer',
      closed: 'major_outage: no_answer',
      wrong: 'major_outage: wrong_content',
      unanswered: 'major_outage: no_answer',
      silence: 'major_outage: timeout',
      garbage: 'major_outage: protocol',
      expired: 'major_outage: tls',
    },
  },
  email: {
    channels: ['email'],
    faults: {
      none: 'operational',
      down: 'major_outage: refused',
      slow: 'degraded_performance: slow',
      busy: 'major_outage: overload',
      overload: 'degraded_performance: overload',
      wrong: 'major_outage: rejected',
      garbage: 'major_outage: protocol',
      silence: 'major_outage: timeout',
      // Mail is delivered all the same; who looks at certificates is us.
      expired: 'degraded_performance: tls',
      nostarttls: 'degraded_performance: tls',
      noreceipt: 'partial_outage: no_receipt',
    },
  },
  help: {
    channels: ['help', 'help-center', 'cases'],
    faults: {
      none: 'operational',
      down: 'major_outage: refused',
      // Filing a case may take its time; what is promised there is the answer to it.
      slow: { help: 'degraded_performance: slow', 'help-center': 'degraded_performance: slow' },
      busy: 'major_outage: overload',
      wrong: 'major_outage: wrong_content',
      silence: 'major_outage: timeout',
      maintenance: 'major_outage: maintenance',
      expired: 'major_outage: tls',
      hidden: { 'help-center': 'degraded_performance: contact_hidden' },
      foreign: { 'help-center': 'degraded_performance: wrong_content' },
      // A case is given its two minutes first; a release is news and no trouble.
      untended: 'operational',
      release: 'operational',
    },
  },
  announcements: {
    channels: ['announcements'],
    faults: {
      none: 'operational',
      down: 'major_outage: refused',
      slow: 'degraded_performance: slow',
      wrong: 'major_outage: wrong_content',
      silence: 'major_outage: timeout',
      // Of the hotline, which is told below.
      notice: 'operational',
    },
  },
};

/** Most of the time is spent waiting: each desk stands several times, and each time a part of its faults is looked at. */
const BENCHES = 2;
let benches: readonly Bench[];
beforeAll(async () => {
  benches = await Promise.all(Array.from({ length: BENCHES }, (_, number) => openBench(number)));
});
afterAll(async () => {
  await Promise.all(benches.map((bench) => bench.close()));
});

function expected({ channels, faults }: Story, fault: string): Record<string, string> {
  const row = faults[fault] ?? '';
  return Object.fromEntries(
    channels.map((each) => [each, typeof row === 'string' ? row : (row[each] ?? 'operational')]),
  );
}

/** A machine that is busy is late by itself: what is not as expected is looked at again, and then it counts. */
async function seen(bench: Bench, channels: readonly string[], wanted: Record<string, string>) {
  for (let left = 4; ; left -= 1) {
    const found = await bench.see([channels]);
    if (left === 0 || JSON.stringify(found) === JSON.stringify(wanted)) return found;
  }
}

const press = async (bench: Bench, desk: string, fault: string): Promise<void> => {
  await bench.desks.switches.find((each) => each.id === desk)?.set(fault);
};

/** Breaks the desk in each of these ways, one after the other, and mends it. */
async function walk(bench: Bench, desk: string, faults: readonly string[], story: Story) {
  const found: Record<string, unknown> = {};
  for (const fault of [...faults, 'none']) {
    await press(bench, desk, fault);
    found[fault] = await seen(bench, story.channels, expected(story, fault));
  }
  return found;
}

it('has a story for every fault that the page offers', () => {
  const offered = benches[0]?.desks.switches.map((each) => [each.id, each.faults.toSorted()]) ?? [];
  const told = Object.entries(STORIES).map(([desk, { faults }]) => [desk, Object.keys(faults).toSorted()]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(offered));
});

it.concurrent.each(Object.entries(STORIES))(
  'each fault of the desk for %s is told by its status and its cause, and mended',
  async (desk, story) => {
    const faults = Object.keys(story.faults);
    const parts = await Promise.all(
      benches.map((bench, part) => {
        const some = faults.filter((_, index) => index % BENCHES === part);
        return walk(bench, desk, some, story);
      }),
    );
    expect(Object.assign({}, ...parts)).toEqual(
      Object.fromEntries(faults.map((fault) => [fault, expected(story, fault)])),
    );
  },
  600_000,
);

it('a hotline that is down while its maintenance is announced is under maintenance, and nobody is accused of more', async () => {
  const [bench] = benches;
  if (bench === undefined) throw new Error('a bench');
  await Promise.all([press(bench, 'phone', 'down'), press(bench, 'announcements', 'notice')]);
  const found = await bench.see([['announcements'], ['phone']]);
  expect(found['phone']).toBe('major_outage: maintenance');
}, 150_000);
