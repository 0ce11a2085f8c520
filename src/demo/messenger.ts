/** The demo wallet's chat in its app: a live chat with Rocket.Chat's API on loopback, with one agent, that can be broken. */
import { MAINTENANCE, OVERLOADED } from './help.ts';
import { openRocketchat } from './rocketchat.ts';
import type { Manner, Says } from './rocketchat.ts';
import { openWebDoor } from './webdoor.ts';
import type { WebDoor } from './webdoor.ts';
import type { ChatOptions } from './parlour.ts';
import { answerWith, CLOSED, NONSENSE, openTickets, QUEUE, QUEUE_PLACE, QUEUE_SECONDS } from './words.ts';

const FAULTS = [
  'none',
  'down',
  /** The agent answers late. */
  'slow',
  /** A place in the queue, and nobody. */
  'busy',
  /** 503 to everything. */
  'overload',
  /** No agent is online, and the server says so. */
  'offline',
  /** Out of office. */
  'closed',
  /** A bot says nonsense. */
  'wrong',
  /** An agent is shown as online, and never answers. */
  'unanswered',
  'silence',
  'maintenance',
  'expired',
] as const;

/** Opens the desk. Rejects when its port is taken. */
export function openMessenger(options: ChatOptions = {}): Promise<WebDoor> {
  const { replyMs = 400, slowMs = 8_000 } = options;
  const chat = openRocketchat();
  const ticketFor = openTickets();
  const answers = (fault: string): readonly Says[] => {
    if (fault === 'busy' || fault === 'unanswered') return [];
    if (fault === 'closed') return [{ msg: CLOSED, by: 'integration' }];
    if (fault === 'wrong') return [{ msg: NONSENSE, by: 'integration' }];
    return [{ msg: answerWith(ticketFor()), afterMs: fault === 'slow' ? slowMs : replyMs }];
  };
  const manner = (fault: string): Manner => ({
    enabled: true,
    online: fault !== 'offline',
    queue: fault === 'busy' ? { spot: QUEUE_PLACE, seconds: QUEUE_SECONDS, words: QUEUE } : undefined,
    answers: () => answers(fault),
  });
  return openWebDoor({ name: 'app-chat', faults: FAULTS }, options, (fault, asked) => {
    if (fault === 'overload') return OVERLOADED;
    return fault === 'maintenance' ? MAINTENANCE : chat.answer(asked, manner(fault));
  });
}
