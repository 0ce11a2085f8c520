/** Who is here now. Pure data; it knows nobody. */

/**
 * Many that come and go. Unlike those of a Set, its places are used again: a Set outgrows its table again and again, and each
 * table that it leaves behind, being old, keeps all that stood in it from small collections, thousands of looks in an hour.
 */
export class Roster<Member extends object> {
  readonly #places: (Member | undefined)[] = [];
  readonly #free: number[] = [];

  /** Its place, for `leave`. */
  enter(member: Member): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = member;
    return place;
  }

  /** To be called once for each that entered. */
  leave(place: number): void {
    this.#places[place] = undefined;
    this.#free.push(place);
  }

  /** Those who are here. */
  present(): readonly Member[] {
    return this.#places.filter((member) => member !== undefined);
  }
}
