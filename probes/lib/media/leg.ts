/** Our end of one call's sound: an RTP port that hears, keeps and sends. It lives in the media thread and knows no SIP. */
import type { RemoteInfo } from 'node:dgram';
import { setImmediate as turn } from 'node:timers/promises';
import { sharedMs } from './clock.ts';
import { decode, RATE } from './g711.ts';
import { classifyBlocks } from './hearing.ts';
import type { Hearing } from './hearing.ts';
import { openMouth } from './mouth.ts';
import { bindSound } from './port.ts';
import type { PortRange } from './range.ts';
import type { Direction, Phase } from './mouth.ts';
import { openTally, parsePacket } from './rtp.ts';
import type { Packet, RtpReport, Tally } from './rtp.ts';
import { openGuard } from './srtp.ts';
import type { Guard } from './srtp.ts';
import { BLOCK, blocksOf } from './tones.ts';
import type { Block } from './tones.ts';
import { openTape } from './tape.ts';
import type { Tape } from './tape.ts';
import { openWatch } from './watch.ts';
import type { Awaited, Watch } from './watch.ts';

export interface PhaseReport {
  readonly hearing: Hearing;
  readonly rtp: RtpReport;
  /** Of the first packet, by `sharedMs`. */
  readonly firstAt: number | undefined;
  /** Sound that came from elsewhere than the description said. */
  readonly elsewhere: boolean;
  /** Packets that were no sound: damaged, forged, of another codec, or before anybody could know what they are. */
  readonly unheard: number;
}

export interface LegReport {
  readonly phases: Partial<Record<Phase, PhaseReport>>;
  /** The last seconds that were heard, all phases in a row. */
  readonly sound: Int16Array;
}

export interface Leg {
  readonly port: number;
  /** Speaks and listens so from now on. */
  direct(direction: Direction): void;
  /** Presses keys one after the other; resolves when the last one is released. */
  press(keys: string): Promise<void>;
  /** Waits for a kind of sound, from now on. */
  wait(sound: Awaited, withinMs: number): Promise<boolean>;
  /** Stops at once, and tells what was heard. */
  close(): Promise<LegReport>;
}

const PACKET = (RATE * 20) / 1_000;
/** Comfort noise (RFC 3389): the far side is there and says nothing. */
const COMFORT_NOISE = 13;
/** More than this is no telephone: nobody is made to work through a flood. */
const MOST_PACKETS = 20_000;
const KEPT = RATE * 18;

interface Ear {
  readonly tape: Tape;
  readonly tally: Tally;
  readonly watch: Watch;
  firstAt: number | undefined;
  elsewhere: boolean;
  unheard: number;
}

const openEar = (): Ear => {
  const tape = openTape();
  const watch = openWatch(tape);
  return { tape, tally: openTally(RATE), watch, firstAt: undefined, elsewhere: false, unheard: 0 };
};

/** Rejects when no port is to be had. `turn`: as in `bindSound`. */
export async function openLeg(host: string, ports: PortRange | undefined, turn: number): Promise<Leg> {
  const socket = await bindSound(host, ports, turn);
  const ears: Partial<Record<Phase, Ear>> = {};
  let direction: Direction | undefined;
  let theirs: Guard | undefined;
  let datagrams = 0;
  let early = 0;
  const mouth = openMouth(socket);

  const hear = (bytes: Buffer, from: RemoteInfo): void => {
    datagrams += 1;
    if (datagrams > MOST_PACKETS || bytes.length > 2_048) return;
    const ear = direction === undefined ? undefined : ears[direction.phase];
    // Sound may overtake the answer that says what it is, and its key (seen over TLS: 42 ms).
    if (direction === undefined || ear === undefined) {
      early += 1;
      return;
    }
    const packet = openPacket(bytes, direction, theirs);
    const samples = packet && samplesOf(packet, direction);
    if (packet === undefined || samples === undefined) {
      ear.unheard += 1;
      return;
    }
    if (!ear.tally.take(packet, performance.now())) return;
    ear.firstAt ??= sharedMs();
    if (from.address !== direction.address || from.port !== direction.port) ear.elsewhere = true;
    ear.tape.write(samples, packet);
    ear.watch.heard();
  };
  socket.on('message', hear);
  // Their port may be closed: that is told by what does not come.
  socket.on('error', () => undefined);

  return {
    port: socket.address().port,
    direct(next) {
      ears[next.phase] ??= openEar();
      // The same keys go on with their counters; a new description may bring new ones.
      if (next.keys !== undefined && !sameKeys(next, direction)) theirs = openGuard(Buffer.from(next.keys.theirs));
      direction = next;
      mouth.direct(next);
    },
    press: (keys) => mouth.press(keys),
    async wait(sound, withinMs) {
      const ear = direction === undefined ? undefined : ears[direction.phase];
      return ear === undefined ? false : ear.watch.wait(sound, withinMs);
    },
    close() {
      mouth.close();
      socket.close();
      for (const ear of Object.values(ears)) ear.watch.close();
      return reportOf(ears, early);
    },
  };
}

function sameKeys(next: Direction, last: Direction | undefined): boolean {
  return next.keys !== undefined && last?.keys !== undefined && Buffer.from(next.keys.theirs).equals(last.keys.theirs);
}

function openPacket(bytes: Buffer, { keys }: Direction, theirs: Guard | undefined): Packet | undefined {
  const plain = keys === undefined ? bytes : theirs?.unprotect(bytes);
  return plain && parsePacket(plain);
}

function samplesOf(packet: Packet, { payloadType, codec, events }: Direction): Int16Array | undefined {
  if (packet.payloadType === payloadType) return decode(codec, packet.payload);
  return packet.payloadType === COMFORT_NOISE || packet.payloadType === events ? new Int16Array(PACKET) : undefined;
}

/** So many blocks at a time: whoever else is heard in this thread does not wait for longer. */
const PORTION = BLOCK * 4;

async function listenTo(tape: Tape): Promise<Hearing> {
  const samples = tape.samples();
  const blocks: Block[] = [];
  for (let at = 0; at < samples.length; at += PORTION) {
    blocks.push(...blocksOf(samples.subarray(at, at + PORTION), (from, to) => tape.known(at + from, at + to)));
    await turn();
  }
  return classifyBlocks(blocks);
}

async function reportOf(ears: Partial<Record<Phase, Ear>>, early: number): Promise<LegReport> {
  const phases: Partial<Record<Phase, PhaseReport>> = {};
  const sounds: Int16Array[] = [];
  let unheard = early;
  for (const phase of ['early', 'answered'] as const) {
    const ear = ears[phase];
    if (ear === undefined) continue;
    const { tape, tally, firstAt, elsewhere } = ear;
    const hearing = await listenTo(tape);
    phases[phase] = { hearing, rtp: tally.report(), firstAt, elsewhere, unheard: ear.unheard + unheard };
    unheard = 0;
    sounds.push(tape.samples());
  }
  const whole = new Int16Array(sounds.reduce((sum, each) => sum + each.length, 0));
  sounds.reduce((at, each) => {
    whole.set(each, at);
    return at + each.length;
  }, 0);
  return { phases, sound: whole.slice(-KEPT) };
}
