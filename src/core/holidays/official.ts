/** What a government's own list of public holidays says of one year. It knows no country. */

export interface OfficialYear {
  /** The decree or notice, with its number and date. */
  readonly source: string;
  readonly url: string;
  /** Days off for everybody: name by local date `YYYY-MM-DD`. */
  readonly holidays: Readonly<Record<string, string>>;
  /** Days of leave that an employer may grant, such as Indonesia's cuti bersama: no public holidays. */
  readonly jointLeave: Readonly<Record<string, string>>;
  /** Weekend days on which people work, because a holiday was made longer by them. */
  readonly workdays: Readonly<Record<string, string>>;
}
