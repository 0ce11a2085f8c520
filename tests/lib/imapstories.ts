/** Mailboxes that cannot be opened, each with the code of the fault that a look brings home. It asserts nothing. */
import type { Turn, Wish } from './imap.ts';

const pour = (turn: Turn, line: string): void => {
  const lump = `${line}\r\n`.repeat(1_000);
  const more = (): void => {
    while (!turn.socket.destroyed && turn.socket.write(lump));
  };
  turn.socket.on('drain', more);
  more();
};

const drip = (turn: Turn, line: string): void => {
  const timer = setInterval(() => turn.say(line), 50);
  turn.socket.once('close', () => {
    clearInterval(timer);
  });
};

export const CLOSED: readonly (readonly [what: string, wish: Wish, code: string])[] = [
  ['never greets', { greeting: () => undefined }, 'DEADLINE'],
  ['greets with garbage', { greeting: 'SSH-2.0-OpenSSH_9.2' }, 'DEADLINE'],
  ['says BYE at once', { greeting: '* BYE too many connections' }, 'PROTO_CLOSED'],
  ['hangs at the login', { on: { AUTHENTICATE: () => undefined } }, 'DEADLINE'],
  ['refuses the login', { password: 'another' }, 'AUTH'],
  ['throttles the login', { on: { AUTHENTICATE: ({ say, tag }) => say(`${tag} NO [UNAVAILABLE] slow down`) } }, 'AUTH'],
  ['lets us in unasked', { greeting: '* PREAUTH welcome' }, 'AUTH'],
  ['drips without end at EXAMINE', { on: { EXAMINE: (turn) => drip(turn, '* OK still here') } }, 'DEADLINE'],
  ['floods without end at EXAMINE', { on: { EXAMINE: (turn) => pour(turn, '* 1 EXISTS') } }, 'TOO_LARGE'],
  ['refuses EXAMINE', { on: { EXAMINE: ({ say, tag }) => say(`${tag} NO not today`) } }, 'PROTO_REFUSED'],
  [
    'says BYE in the middle of EXAMINE',
    { on: { EXAMINE: ({ say, socket }) => (say('* BYE going down'), socket.end()) } },
    'PROTO_CLOSED',
  ],
  [
    'announces a literal of 4 GB [S-F4]',
    { on: { EXAMINE: ({ say }) => say('* OK [ALERT] {4294967295}', 'x') } },
    'TOO_LARGE',
  ],
  [
    'sends a line of 30 MB without an end',
    { on: { EXAMINE: ({ socket }) => void socket.write(Buffer.alloc(30_000_000, 'x')) } },
    'TOO_LARGE',
  ],
];
