/** The text of a message about ourselves, for whoever looks after the monitor, in English. It says nothing about any channel. */
import type { OwnMessage, OwnTrouble } from '../core/model.ts';
import { clockTime, formatSpan, fullTime, layOut, refusals, refusedBy, type FactLine, type Wording } from './letter.ts';

interface Words {
  /** What Ringback does or suffers, as the rest of a sentence that begins with its name. */
  readonly now: string;
  readonly over: string;
  /** What it means while it lasts, and once it is over. */
  readonly meaning: string;
  readonly was: string;
  readonly advice: string;
}

const NOTHING_KNOWN =
  'We cannot see: nothing is known about the channels. Every look counts as unknown, nobody is accused, and the status page says so.';
const NOTHING_WAS_KNOWN =
  'Nothing is known about the channels for that time: it is neither good nor bad, and counts nowhere. What failed meanwhile and still does is told by itself.';

const WORDS: Readonly<Record<OwnTrouble, Words>> = {
  network: {
    now: 'cannot see: its own network is lost',
    over: 'can see again',
    meaning: NOTHING_KNOWN,
    was: NOTHING_WAS_KNOWN,
    advice:
      'Look at the link, the default route, the gateway, the name server and the way beyond, on the machine where Ringback runs.',
  },
  loop: {
    now: 'stands still again and again',
    over: 'keeps up again',
    meaning: 'Looks that ran meanwhile count as unknown, and others were not made. Nobody is accused.',
    was: NOTHING_WAS_KNOWN,
    advice: 'Look whether the machine is overloaded, swaps, or was suspended.',
  },
  clock: {
    now: 'has a clock that jumps',
    over: 'has a steady clock again',
    meaning: 'Looks across a jump count as unknown. Hours, maintenance and certificates are held against this clock.',
    was: 'Looks across a jump count as unknown. Times written before it are those of the clock of then.',
    advice: 'Look whether this machine keeps its time: one time service at work, and no other.',
  },
  disk: {
    now: 'has a full disk',
    over: 'has room on its disk again',
    meaning:
      'Looks, incidents and alerts go on in the room kept for this. History waits in memory and is lost if the process ends.',
    was: 'History that waited in memory is written.',
    advice: 'Make room on the disk of the store. Nothing has to be restarted.',
  },
  store: {
    now: 'cannot write its store',
    over: 'can write its store again',
    meaning: 'What is seen is not kept, and outages are told late or not at all.',
    was: 'What waited in memory is written; what there was no room for is unknown.',
    advice: 'Look at the disk, the folder and its owner, and whether another program holds the file.',
  },
  file: {
    now: 'found its store broken and has begun a new one',
    over: 'found its store whole',
    meaning: 'Looks and alerts go on, without history: outages that were open are told anew.',
    was: 'History goes on from the new store.',
    advice: 'The broken file is kept. “ringback restore” brings back a backup.',
  },
  configuration: {
    now: 'refuses its new configuration',
    over: 'has taken a configuration again',
    meaning: 'The old configuration stays in force: what was changed is not looked at.',
    was: 'The configuration on disk is the one in force.',
    advice: '“ringback validate” prints every problem with its line.',
  },
};

export function wordOwn(message: OwnMessage): Wording {
  const { event, severity, own, location } = message;
  const isOver = event === 'resolved';
  return layOut({
    headline: refusedBy(message) + headlineOf(message),
    from: 'Ringback',
    opening: `Ringback at ${location} ${isOver ? WORDS[own.trouble].over : WORDS[own.trouble].now}.`,
    facts: [...refusals(message), ...factsOf(message)],
    footer: `Incident ${own.id}, severity ${severity}. It is about Ringback itself, not about a channel.`,
    mark: isOver ? 'over' : severity,
  });
}

function headlineOf({ event, own, timezone }: OwnMessage): string {
  const { now, over } = WORDS[own.trouble];
  const since = `since ${clockTime(own.openedAt, timezone)}`;
  switch (event) {
    case 'opened':
      return `Ringback ${now}, ${since}`;
    case 'again':
      return `Ringback ${now}, for the ${ordinal(own.spells)} time ${since}`;
    case 'resolved':
      return `Ringback ${over} after ${lasted(own)}`;
  }
}

function factsOf({ event, own, timezone, told }: OwnMessage): readonly FactLine[] {
  const { meaning, was, advice } = WORDS[own.trouble];
  const isOver = event === 'resolved';
  const lines: (FactLine | undefined)[] = [
    ['Since', fullTime(own.openedAt, timezone)],
    own.resolvedAt === undefined ? undefined : ['Until', fullTime(own.resolvedAt, timezone)],
    isOver ? ['Duration', lasted(own)] : undefined,
    ['What', own.detail],
    own.spells < 2 ? undefined : ['Times', `${own.spells}`],
    ['Meaning', isOver ? was : meaning],
    ['To do', advice],
    event === 'again' && own.occasion === undefined
      ? ['Next', 'The next message comes when it has held for ten minutes.']
      : undefined,
    ['Told', told.join(', ')],
  ];
  return lines.filter((each) => each !== undefined);
}

function lasted({ openedAt, resolvedAt = openedAt }: OwnMessage['own']): string {
  return formatSpan(Math.max(0, resolvedAt - openedAt));
}

function ordinal(count: number): string {
  const ending = count % 100 > 10 && count % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th');
  return `${count}${ending}`;
}
