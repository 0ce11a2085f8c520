// What lint asks of every file, and what it asks more of the quiet rooms; it knows nothing of imports between rooms.
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import house from './rules.js';

const ROOT = new URL('../../', import.meta.url).pathname;

const DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: only a probe kind, a receiver and a tool configuration are found by their file.',
};

/** One clock, at the door: a look's instant arrives as an argument, so a story can be told again exactly as it was. */
const CLOCK = [
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0], CallExpression[callee.name="Date"]',
    message: 'The quiet rooms have no clock: take the instant as an argument.',
  },
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length>1]',
    message: "This is read in the time zone of the process; use Temporal with the provider's zone.",
  },
  {
    selector:
      'CallExpression[callee.property.name=/^(get|set)(FullYear|Month|Date|Day|Hours|Minutes|Seconds|TimezoneOffset)$/]',
    message: "This is read in the time zone of the process; use Temporal with the provider's zone, or the UTC methods.",
  },
  {
    selector: 'MemberExpression[object.name="Temporal"][property.name="Now"]',
    message: 'The quiet rooms have no clock: take the instant as an argument.',
  },
  {
    selector: 'CallExpression[callee.property.name="resolvedOptions"]',
    message: 'What the machine is set to is no business of the quiet rooms: take it as an argument.',
  },
];

const LOUD_GLOBALS = [
  'process',
  'console',
  'fetch',
  'performance',
  'crypto',
  'navigator',
  'globalThis',
  'global',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'WebSocket',
  'EventSource',
  'XMLHttpRequest',
  'BroadcastChannel',
  'Worker',
  'require',
];

const DICE = { object: 'Math', property: 'random' };
const ENVIRONMENT = {
  object: 'process',
  property: 'env',
  message: 'Only src/config, the command line and the entry read the environment; take the value as an argument.',
};

export default defineConfig(
  globalIgnores(['dist/', 'data/', 'coverage/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,js}'],
    plugins: { house },
    rules: {
      'house/first-line': 'error',
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-eval': 'error',
      'no-new-func': 'error',
      'no-self-compare': 'error',
      'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
      'no-constant-binary-expression': 'error',
      'no-unsafe-finally': 'error',
      'no-fallthrough': 'error',
      'no-duplicate-case': 'error',
      'no-irregular-whitespace': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-else-return': 'error',
      'no-param-reassign': 'error',
      'max-depth': ['error', 4],
      'max-params': ['error', 5],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: ROOT } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `return refuse(…)` is how an early return reads best, also where nothing is returned.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_+$',
          destructuredArrayIgnorePattern: '^_',
          ignoreRestSiblings: true,
          caughtErrors: 'none',
        },
      ],
      // `async` without `await` keeps an asynchronous promise of an interface, and turns a throw into a rejection.
      '@typescript-eslint/require-await': 'off',
      // An index signature is reached with brackets: the compiler asks for it (noPropertyAccessFromIndexSignature).
      '@typescript-eslint/dot-notation': 'off',
    },
  },
  {
    files: ['{src,probes}/**/*.{ts,js}'],
    rules: {
      'max-lines': ['error', 450],
      'max-lines-per-function': ['error', 80],
      complexity: ['error', 15],
      'no-console': 'error',
      'no-restricted-syntax': ['error', DEFAULT_EXPORT],
      'no-restricted-properties': ['error', ENVIRONMENT],
    },
  },
  {
    files: ['src/ringback.js', 'src/cli.ts', 'src/main.ts', 'src/main/**', 'src/config/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  { files: ['src/ringback.js', 'src/cli.ts'], rules: { 'no-console': 'off' } },
  { files: ['probes/*.ts', 'src/receivers/*.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    // Chance comes to a probe as `runId`, so that what it sent can be found again in a capture and in a log.
    files: ['probes/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        ENVIRONMENT,
        { ...DICE, message: 'Probes throw no dice: derive it from `runId`.' },
      ],
    },
  },
  {
    files: ['src/core/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...LOUD_GLOBALS.map((name) => ({ name, message: 'The quiet rooms do no I/O: take it as an argument.' })),
      ],
      'no-restricted-properties': [
        'error',
        { ...DICE, message: 'The quiet rooms throw no dice: take the chance as an argument.' },
        { object: 'Date', property: 'now', message: 'The quiet rooms have no clock: take the instant as an argument.' },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [{ regex: '^(node:|fs$|path$|crypto$|timers)', message: 'The quiet rooms use nothing of node:.' }],
        },
      ],
      'no-restricted-syntax': [
        'error',
        DEFAULT_EXPORT,
        ...CLOCK,
        { selector: 'ImportExpression', message: 'The quiet rooms load nothing while they run.' },
      ],
    },
  },
  {
    files: ['tests/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[object.name="vi"][property.name=/^(mock|doMock|hoisted|mocked)$/]',
          message: 'No mocks of our own modules: use the real one, or a real far side.',
        },
        {
          selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name="only"]',
          message: 'This silences every other test.',
        },
      ],
      // What JSON says is looked at by the assertion itself; where it is wrong, the test fails.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
