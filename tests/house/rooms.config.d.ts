/** The types of the import rules, for the tests that read them. */
export const LIBRARIES: Readonly<Record<string, string>>;
declare const rooms: { readonly forbidden: readonly { readonly name: string }[] };
export default rooms;
