// Who may import whom: the table of the architecture as rules of dependency-cruiser. It knows rooms and libraries, no code.

const ANYWHERE = '^(src|probes)/';

/**
 * One library, one room: a library can be replaced by rewriting one place. Each runtime dependency has its line here (a test
 * compares), as one regular expression of the files that may import it. The demo wallet is the far side of what the probes
 * and receivers speak, so it may use the same wire libraries.
 */
export const LIBRARIES = {
  '@peculiar/x509': '^src/demo/',
  'better-sqlite3': '^src/store/',
  cheerio: '^probes/',
  commander: '^src/cli\\.ts$',
  compression: '^src/server(\\.ts$|/)',
  'date-holidays': '^src/core/',
  express: '^src/server(\\.ts$|/)',
  feedsmith: '^(probes|src/page)/',
  ghtml: '^src/(page|operator|demo)/',
  helmet: '^src/server(\\.ts$|/)',
  imapflow: '^probes/lib/mail/',
  'node-cron': '^src/main/ledger\\.ts$',
  nodemailer: '^src/receivers/',
  pino: '^src/log\\.ts$',
  'postal-mime': '^probes/lib/mail/',
  'prom-client': '^src/metrics(\\.ts$|/)',
  re2js: '^(src/core|probes)/',
  'reflect-metadata': '^src/demo/',
  'smtp-server': '^src/demo/',
  'temporal-polyfill': '^(src/core|probes)/|^src/(scheduler\\.ts$|page/)',
  undici: '^(probes/lib|src/receivers)/',
  ws: '^(probes|src/demo)/',
  yaml: '^src/(config/|cli\\.ts$)',
  // Settings are described where they are used.
  zod: ANYWHERE,
};

/** Libraries without I/O, clock or dice: what the quiet rooms may stand on. */
const PURE = ['zod', 'temporal-polyfill', 're2js', 'date-holidays'];

/** What of core a probe may know: its contract, and what a finding is made of. Judging is none of its business. */
const PROBE_CORE = ['probe', 'model', 'fault', 'secret', 'duration'];

const literal = (name) => name.replaceAll(/[.\\/]/g, '\\$&');
const packages = (names) => `(^|/)node_modules/(@types/)?(${names.map(literal).join('|')})/`;
const values = { dependencyTypesNot: ['type-only'] };

const housed = Object.entries(LIBRARIES).filter(([, room]) => room !== ANYWHERE);
const oneRoom = housed.map(([name, room]) => ({
  name: `one-room-for-${name}`,
  comment: `${name} is imported by ${room} alone, so that it can be replaced by rewriting one place.`,
  severity: 'error',
  from: { path: '^(src|probes)/', pathNot: room },
  to: { path: packages([name]), ...values },
}));

export default {
  forbidden: [
    {
      name: 'no-circles',
      comment:
        'Two files that need each other are one file, or the part between them is a third. Types may refer to each other.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: values },
    },
    {
      name: 'core-is-quiet',
      comment: 'The quiet rooms import the quiet rooms and pure libraries: no I/O, no clock, no dice.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: ['^src/core/', packages(PURE)] },
    },
    {
      name: 'a-kind-is-one-file',
      comment: 'What two kinds share goes to probes/lib: a kind can be added, read and removed alone.',
      severity: 'error',
      from: { path: '^probes/([^/]+)\\.ts$' },
      to: { path: '^probes/[^/]+\\.ts$', pathNot: '^probes/$1\\.ts$' },
    },
    {
      name: 'lib-knows-no-kind',
      comment: 'probes/lib is below the kinds.',
      severity: 'error',
      from: { path: '^probes/lib/' },
      to: { path: '^probes/[^/]+\\.ts$' },
    },
    {
      name: 'probes-know-their-contract',
      comment: `Of src a probe knows only src/core/{${PROBE_CORE.join(',')}}: it looks, and others judge.`,
      severity: 'error',
      from: { path: '^probes/' },
      to: { path: '^src/', pathNot: `^src/core/(${PROBE_CORE.join('|')})\\.ts$` },
    },
    {
      name: 'rooms-meet-in-main',
      comment: 'A room knows another one only by its types; main hands them to each other.',
      severity: 'error',
      from: { path: '^src/([^/.]+)', pathNot: '^src/(core/|main(\\.ts$|/)|cli\\.ts$|ringback\\.js$)' },
      to: { path: '^src/', pathNot: ['^src/core/', '^src/$1(/|\\.ts$)'], ...values },
    },
    {
      name: 'the-command-line-calls-main',
      comment: 'cli.ts reads the verb and calls main; ringback.js checks the version of Node and calls cli.ts.',
      severity: 'error',
      from: { path: '^src/(cli\\.ts|ringback\\.js)$' },
      to: { path: '^(src|probes)/', pathNot: '^src/(core/|main(\\.ts$|/)|cli\\.ts$)', ...values },
    },
    {
      name: 'nobody-imports-main',
      comment: 'main knows every room, so a room that knows main knows them all.',
      severity: 'error',
      from: { path: '^(src|probes)/', pathNot: '^src/(cli\\.ts$|ringback\\.js$|main(\\.ts$|/))' },
      to: { path: '^src/(main(\\.ts$|/)|cli\\.ts$|ringback\\.js$)', pathNot: '^src/main/kinds\\.ts$' },
    },
    {
      // The drawer is found by its folder while running. The demo wallet speaks the wire formats that probes/lib reads:
      // two copies of a SIP parser would be two opinions of the same RFC.
      name: 'probes-are-found-by-folder',
      comment:
        'No room imports a kind; only the demo wallet, as the far side of the same wire formats, uses probes/lib.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(demo/|main(\\.ts$|/))' },
      to: { path: '^probes/' },
    },
    {
      name: 'the-demo-imports-no-kind',
      comment: 'The demo wallet is looked at by the kinds and must not know them.',
      severity: 'error',
      from: { path: '^src/demo/' },
      to: { path: '^probes/[^/]+\\.ts$' },
    },
    {
      name: 'no-tests-in-the-product',
      comment: 'Production code never asks whether it is being tested.',
      severity: 'error',
      from: { path: '^(src|probes)/' },
      to: { path: '^(tests|dashboards)/' },
    },
    {
      name: 'no-development-packages',
      comment: 'What the product imports is in `dependencies`, or an installation without development packages breaks.',
      severity: 'error',
      from: { path: '^(src|probes)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        pathNot: '/@types/',
      },
    },
    {
      name: 'no-shell',
      comment: 'No process is started, and no code is made from text, by anything that meets hostile input.',
      severity: 'error',
      from: { path: '^(src|probes)/' },
      to: { path: '^(node:)?(child_process|vm|repl|inspector)$' },
    },
    {
      name: 'nothing-unresolved',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    ...oneRoom,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
    builtInModules: { add: ['node:sqlite', 'node:test'] },
  },
};
