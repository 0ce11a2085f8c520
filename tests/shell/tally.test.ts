/** Availability as it is kept while the monitor runs: the same whether it was added up bit by bit or at once. */
import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { openCalendar } from '../../src/core/calendar.ts';
import type { Instant } from '../../src/core/model.ts';
import { report } from '../../src/main/report.ts';
import { openMetrics } from '../../src/metrics.ts';
import { openTally, type Tally } from '../../src/tally.ts';
import { folder, freshStore } from '../lib/ledger.ts';
import { wib, writeMonths, type Months } from '../lib/months.ts';

function tallyOf({ store, loaded }: Pick<Months, 'store' | 'loaded'>, now: () => Instant): Tally {
  const channels = loaded.providers
    .flatMap((provider) => provider.channels)
    .map((channel) => ({ channel, calendar: openCalendar(channel.hours, channel.maintenance) }));
  return openTally({
    ledger: store,
    channels: () => channels,
    now,
    monotonic: () => performance.now(),
    rest: 0,
    onTrouble: (error) => {
      throw error;
    },
  });
}

function shown(tally: Tally): Record<string, string> {
  return Object.fromEntries(
    tally.ratios().map(({ channel, window, basis, ratio }) => [`${channel} ${window} ${basis}`, ratio.toFixed(6)]),
  );
}

describe('the tally', () => {
  it('kept up for days, with outages that open, go on and end, is what adding up anew gives', async () => {
    const months = await writeMonths(folder(), 'Hotline', wib(1));
    let at = wib(1);
    const kept = tallyOf(months, () => at);
    await kept.refresh();
    for (const next of [wib(2, 3), wib(2, 14), wib(6, 19), wib(7, 3), wib(7, 12), wib(14, 1), wib(23, 5, 17)]) {
      await months.goOn(next);
      at = next;
      await kept.refresh();
      const fresh = tallyOf(months, () => next);
      await fresh.refresh();
      expect(shown(kept)).toEqual(shown(fresh));
      fresh.close();
    }
    const found = shown(kept);
    // Two hours of a night's maintenance are in no part; the hour that was out on the day before is.
    expect(Number(found['dompet/chat 7d calendar'])).toBeGreaterThan(0.99);
    expect(Number(found['dompet/chat 7d calendar'])).toBeLessThan(1);
    expect(found['dompet/mail 30d promised']).toBe('1.000000');
    expect(found['uang/hotline 24h promised']).toBe('1.000000');
    kept.close();
    await months.store.close();
  });

  it('agrees with the report', async () => {
    const months = await writeMonths(folder());
    // In UTC, whose days the longer windows go by, these are 31 of them.
    const tally = tallyOf(months, () => wib(31, 7));
    await tally.refresh();
    const ratio =
      tally
        .ratios()
        .find((each) => each.channel === 'uang/hotline' && each.window === '30d' && each.basis === 'promised')?.ratio ??
      0;
    const text = await report(
      { config: months.config, from: '2026-10-01', to: '2026-10-30', format: 'json' },
      wib(31, 7),
    );
    const { providers } = JSON.parse(text) as { providers: { channels: { promised: { ratio: number } }[] }[] };
    expect(Math.abs(ratio - (providers[1]?.channels[0]?.promised.ratio ?? 0))).toBeLessThan(0.001);
    tally.close();
    await months.store.close();
  });

  it('says nothing of channels of which nothing is known', async () => {
    const { store } = freshStore();
    const months = await writeMonths(folder(), 'Hotline', wib(-30));
    const tally = tallyOf({ store, loaded: months.loaded }, () => wib(1));
    await tally.refresh();
    expect(tally.ratios()).toEqual([]);
    tally.close();
    await months.store.close();
  });
});

describe('support_channel_availability_ratio', () => {
  it('has a series for what is known, and loses it when it no longer is', async () => {
    let rows = [{ channel: 'gopay/hotline', window: '24h', basis: 'promised', ratio: 0.9975 }];
    const metrics = openMetrics('0', {
      channels: () => [],
      availability: () => rows,
      outbox: () => Promise.resolve({ waiting: 0, oldestAt: undefined }),
      storeBytes: () => 0,
      blind: () => false,
      loopDelay: () => ({ p50: 0, p99: 0, max: 0 }),
      now: () => 0,
    });
    const lines = async (): Promise<string[]> =>
      (await metrics.scrape()).text.split('\n').filter((line) => line.startsWith('support_channel_availability_ratio'));
    expect(await lines()).toEqual([
      'support_channel_availability_ratio{provider="gopay",channel="hotline",window="24h",basis="promised"} 0.9975',
    ]);
    rows = [];
    expect(await lines()).toEqual([]);
  });
});
