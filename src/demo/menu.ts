/** The menu of the demo desk's telephone: two levels, and what is said at each place. It knows no packet and no call. */
import { greeting, speech } from './voice.ts';

export type Place = 'main' | 'account' | 'payments' | 'person';

interface Room {
  readonly says: () => Buffer;
  /** Where a key leads to; other keys are not understood. */
  readonly keys: Readonly<Partial<Record<string, Place>>>;
}

// Voices differ in pitch, so that an ear tells the machine from the person it leads to.
const MACHINE = 120;
const PERSON = 190;
/** Whoever is put through hears nothing meanwhile: longer than any pause between the machine's words. */
const THROUGH_S = 0.9;

const ROOMS: Readonly<Record<Place, Room>> = {
  main: { says: greeting, keys: { '1': 'account', '2': 'payments', '0': 'person' } },
  account: { says: () => speech([0, 2, 1], MACHINE), keys: { '1': 'person', '9': 'main' } },
  payments: { says: () => speech([3, 4, 5, 3], MACHINE), keys: { '1': 'person', '9': 'main' } },
  person: { says: () => speech([1, 0, 3, 5, 2, 4, 1, 0], PERSON, THROUGH_S), keys: {} },
};
const SORRY = [4, 4] as const;

const said = new Map<string, Buffer>();
function once(name: string, make: () => Buffer): Buffer {
  const sound = said.get(name) ?? make();
  said.set(name, sound);
  return sound;
}

export const promptOf = (place: Place): Buffer => once(place, ROOMS[place].says);

/** What a key does: where the caller is then, and what is heard. */
export function press(place: Place, key: string): { readonly place: Place; readonly prompt: Buffer } {
  const next = ROOMS[place].keys[key];
  if (next !== undefined) return { place: next, prompt: promptOf(next) };
  return { place, prompt: once('sorry', () => speech(SORRY, MACHINE)) };
}
