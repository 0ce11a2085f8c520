/** What a user can do about a channel's state: which advice applies, and which channel to use instead. Pure; it words nothing. */
import type { ChannelView, ProviderView } from '../core/snapshot.ts';
import { isBusy } from './answer.ts';
import type { Advice } from './words.ts';

export interface Counsel {
  /** The channel to use instead, when one works. */
  readonly instead?: ChannelView;
  readonly advice: readonly Advice[];
}

/** By state and cause; at most three things, for nobody in trouble reads four. */
export function counsel(channel: ChannelView, provider: ProviderView, best: ChannelView | undefined): Counsel {
  const instead = best !== undefined && best.id !== channel.id ? { instead: best } : {};
  switch (channel.status) {
    case 'operational':
      return { advice: ['check_yourself'] };
    case 'degraded_performance':
    case 'partial_outage':
      return { ...instead, advice: limited(channel, provider) };
    case 'major_outage':
      return { ...instead, advice: outage(channel, provider) };
    case 'under_maintenance':
      return { ...instead, advice: ['wait_for_maintenance'] };
    case 'closed':
      return { ...instead, advice: helpWorks(provider) ? ['use_self_service'] : ['keep_evidence'] };
    case 'unknown':
      return { advice: ['try_yourself'] };
  }
}

/** Patience means another thing on the phone than on a page. */
function limited(channel: ChannelView, provider: ProviderView): Advice[] {
  if (isBusy(channel)) return ['try_again_later'];
  const first = isMoved(channel) ? 'only_listed' : isSlow(channel) ? patience(channel) : otherwise(channel);
  return channel.kind !== 'app_help' && helpWorks(provider) ? [first, 'use_self_service'] : [first];
}

const patience = ({ kind }: ChannelView): Advice =>
  kind === 'phone' || kind === 'chat' ? 'wait_in_line' : 'be_patient';

/** Nobody waits in a line that is silent, and a receipt that does not come is not late. */
const otherwise = ({ cause }: ChannelView): Advice => (cause === 'no_receipt' ? 'keep_evidence' : 'try_once_more');

const isSlow = ({ cause }: ChannelView): boolean => cause === undefined || cause === 'slow' || cause === 'no_answer';

const isMoved = ({ cause }: ChannelView): boolean =>
  cause === 'not_in_service' || cause === 'contact_changed' || cause === 'contact_hidden';

function outage(channel: ChannelView, provider: ProviderView): Advice[] {
  if (isMoved(channel)) return ['only_listed'];
  if (isBusy(channel)) return ['try_again_later', 'theft'];
  return provider.fallbacks.length > 0 ? ['nothing_lost', 'theft'] : ['nothing_lost', 'keep_evidence'];
}

function helpWorks(provider: ProviderView): boolean {
  return provider.channels.some((each) => each.kind === 'app_help' && each.status === 'operational');
}
