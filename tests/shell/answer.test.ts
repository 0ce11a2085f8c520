/** The one sentence on top, and what can be done, in all three languages. */
import { describe, expect, it } from 'vitest';
import { CAUSES } from '../../src/core/model.ts';
import type { ChannelKind, ChannelStatus, Language } from '../../src/core/model.ts';
import type { ChannelView, Snapshot } from '../../src/core/snapshot.ts';
import { counsel } from '../../src/page/advice.ts';
import { answer } from '../../src/page/answer.ts';
import { notices } from '../../src/page/sections.ts';
import { WORDS } from '../../src/page/view.ts';
import * as day from '../lib/snapshots.ts';

function lead(snapshot: Snapshot, language: Language, now = day.NOW): string {
  const [provider] = snapshot.providers;
  if (provider === undefined) throw new Error('no provider');
  const { lead: first, rest } = answer(snapshot, provider, now, WORDS[language]);
  return [first, ...rest].join(' ');
}

describe('can I reach support now?', () => {
  it.each([
    ['all is well', day.good, /^Chat answers now/, /^Chat menjawab sekarang/, /^在线客服现在有应答/],
    [
      'the hotline is down',
      day.hotlineDown,
      /hotline cannot be reached/,
      /[Tt]elepon tidak bisa dihubungi/,
      /热线|电话/,
    ],
    ['a busy morning', day.rush, /busy/, /sibuk|ramai|penuh/, /忙/],
    ['everything is closed', day.night, /closed/, /tutup/, /休息|非服务|关闭|下班|服务时间/],
    ['everything is down', day.allDown, /cannot be reached|No way|Nothing|none/i, /tidak/, /无法|都/],
    ['maintenance', day.maintenance, /maintenance/, /pemeliharaan/, /维护/],
    ['nothing was seen yet', day.unseen, /know|see/, /belum|tidak/, /不清楚|无法|尚|未/],
    ['we are blind ourselves', day.blind, /our/i, /kami/, /我们/],
  ])('%s', (_name, snapshot, en, id, zh) => {
    expect(lead(snapshot, 'en')).toMatch(en);
    expect(lead(snapshot, 'id')).toMatch(id);
    expect(lead(snapshot, 'zh')).toMatch(zh);
  });

  it('says that its data is old instead of saying that all is well', () => {
    const later = day.NOW + day.good.staleAfterMs + 1;
    expect(lead(day.good, 'en', later)).not.toMatch(/answers now/);
    expect(answer(day.good, day.DOMPET, later, WORDS.en).mood).toBe('unknown');
  });

  it('offers the official fallbacks when every way is down, and only then', () => {
    const offered = (snapshot: Snapshot) => {
      const [provider] = snapshot.providers;
      return provider && answer(snapshot, provider, day.NOW, WORDS.en).fallbacks;
    };
    expect([offered(day.allDown), offered(day.good), offered(day.hotlineDown)]).toEqual([true, false, false]);
  });

  it('never offers announcements or the community as a way to reach support', () => {
    const ways = answer(day.good, day.DOMPET, day.NOW, WORDS.en).ways.map((each) => each.kind);
    expect(ways.length).toBeGreaterThan(0);
    expect(ways).not.toContain('announcements');
    expect(ways).not.toContain('community');
  });

  it('tells a slow channel’s wait in seconds', () => {
    const slow: ChannelView = { ...day.CHAT, status: 'degraded_performance', cause: 'slow', answerMs: 2_600 };
    expect(lead(day.snapshot({ channels: [slow] }), 'en')).toMatch(/slowly, in about 3 s/);
  });
});

describe('what can I do?', () => {
  const KINDS: readonly ChannelKind[] = [
    'phone',
    'chat',
    'email',
    'app_help',
    'social',
    'announcements',
    'community',
    'form',
  ];
  const STATES: readonly ChannelStatus[] = [
    'operational',
    'degraded_performance',
    'partial_outage',
    'major_outage',
    'under_maintenance',
    'closed',
    'unknown',
  ];
  const cases = KINDS.flatMap((kind) => STATES.flatMap((status) => CAUSES.map((cause) => ({ kind, status, cause }))));

  it.each(['id', 'en', 'zh'] as const)(
    'has one to three things to say of every kind, state and cause in %s',
    (language) => {
      const { advice: words } = WORDS[language];
      for (const each of cases) {
        const { advice } = counsel({ ...day.CHAT, ...each }, day.DOMPET, undefined);
        expect([each, advice.length >= 1 && advice.length <= 3]).toEqual([each, true]);
        for (const piece of advice) expect(words[piece].length).toBeGreaterThan(5);
      }
    },
  );

  it('speaks of a line only where one can wait in it, and never sends the help page to itself', () => {
    for (const each of cases) {
      const { advice } = counsel({ ...day.CHAT, ...each }, day.DOMPET, undefined);
      if (advice.includes('wait_in_line')) expect(['phone', 'chat']).toContain(each.kind);
      if (each.kind === 'app_help' && each.status !== 'closed') expect(advice).not.toContain('use_self_service');
    }
  });

  it('tells nobody to wait in a line that is silent, or for a receipt that does not come', () => {
    const partly = { ...day.HOTLINE, status: 'partial_outage' } as const;
    const first = (channel: ChannelView) => counsel(channel, day.DOMPET, undefined).advice[0];
    expect(first({ ...partly, cause: 'slow' })).toBe('wait_in_line');
    expect(first({ ...partly, cause: 'silence' })).toBe('try_once_more');
    expect(first({ ...partly, kind: 'email', cause: 'no_receipt' })).toBe('keep_evidence');
    expect(first({ ...partly, kind: 'email', cause: 'slow' })).toBe('be_patient');
    expect(first({ ...partly, cause: 'contact_hidden' })).toBe('only_listed');
  });

  it('names another way only when there is one', () => {
    const broken: ChannelView = { ...day.HOTLINE, status: 'major_outage' };
    expect(counsel(broken, day.DOMPET, day.CHAT).instead?.id).toBe('chat');
    expect(counsel(broken, day.DOMPET, undefined).instead).toBeUndefined();
    expect(counsel(broken, day.DOMPET, broken).instead).toBeUndefined();
  });
});

describe('the window of an announcement', () => {
  it.each([
    [{ zoneExplicit: true }, undefined],
    [{ zoneExplicit: true, ambiguous: true }, 'windowDoubtful'],
    [{ zoneExplicit: false, ambiguous: true }, 'zoneAssumed'],
  ] as const)('with %j says what of it is a guess: %s', (traits, label) => {
    const [provider] = day.hotlineDown.providers;
    const [notice] = provider?.notices ?? [];
    if (provider === undefined || notice === undefined) throw new Error('no notice');
    for (const language of ['id', 'en', 'zh'] as const) {
      const words = WORDS[language];
      const view = { words, now: day.NOW, language, snapshot: day.hotlineDown };
      const text = notices({ ...provider, notices: [{ ...notice, ...traits }] }, view).text;
      for (const each of ['windowDoubtful', 'zoneAssumed'] as const)
        expect(text.includes(words.labels[each]), each).toBe(each === label);
    }
  });
});
