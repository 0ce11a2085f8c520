/** How often a test is repeated, and what it counted. It knows no test; `tests/abuse/full.ts` sets the numbers and gathers the lines. */

/** A few each time; the figure of a release where `NAME_ROUNDS` says so. */
export function rounds(name: string, few: number): number {
  return Number(process.env[`${name}_ROUNDS`] ?? few);
}

/** One line of what was counted, for people and for the table of the full run. */
export function figure(id: string, counted: Readonly<Record<string, number | string>>): void {
  const parts = Object.entries(counted).map(([name, value]) => `${name} ${value}`);
  console.log(`figure ${id}: ${parts.join(', ')}`);
}
