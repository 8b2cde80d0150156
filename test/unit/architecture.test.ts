import { readdirSync, readFileSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import { expect, it } from 'vitest';

/** Which rooms of the house a room may import besides itself; the composition root and `main.ts` may everything. */
const ROOMS: Record<string, string[]> = {
  lib: [],
  config: ['lib'],
  engine: ['lib'],
  'upstreams/cloudesire': ['lib', 'upstreams/http\\.ts'],
  'upstreams/partner-center': ['lib', 'upstreams/(http|entra|refresh-token)\\.ts'],
  'upstreams/azure': ['lib', 'upstreams/(http|entra|names|refresh-token)\\.ts'],
  // What lies in no folder of its own: what all clients share, and clients of a single file.
  upstreams: ['lib'],
  report: ['lib', 'upstreams'],
  'workflows/license': ['lib', 'engine', 'upstreams', 'report', 'workflows/steps', 'workflows/[^/]+\\.ts'],
  'workflows/azure': ['lib', 'engine', 'upstreams', 'report', 'workflows/steps', 'workflows/[^/]+\\.ts'],
  'workflows/steps': ['lib', 'engine', 'upstreams', 'report', 'workflows/[^/]+\\.ts'],
  // Both look at subscriptions from outside; what is done for one of them knows neither.
  'workflows/drift': ['lib', 'engine', 'upstreams', 'report', 'workflows/([^/]+|(license|azure)/marked)\\.ts'],
  'workflows/ops': ['lib', 'engine', 'upstreams', 'report', 'workflows/[^/]+\\.ts'],
  workflows: ['lib', 'engine', 'upstreams', 'report'],
  // What it keeps for others is described by them: it imports their types, and nothing that runs.
  store: [
    'lib',
    'engine/journal.ts',
    'upstreams/(http|refresh-token)\\.ts',
    'workflows/([^/]+|(drift|ops|azure)/[^/]+)\\.ts',
  ],
  queue: ['lib', 'engine'],
  // The marketplace's questions are put in the words of those who answer them: types again.
  intake: ['lib', 'workflows/(checks|parameter-values)\\.ts'],
  announce: ['lib'],
  // What is told as JSON is told like the API does, and a story is folded as on the page.
  commands: [
    'lib',
    'workflows/([^/]+|(drift|ops)/[^/]+)\\.ts',
    'intake/ops-(answers|operations|present)\\.ts',
    'intake/console/chapters\\.js',
  ],
};

/** The room that alone may use a library. */
const OWNERS: Record<string, string> = {
  axios: '^src/upstreams/http\\.ts$',
  '@azure(-rest)?': '^src/upstreams/azure/',
  ioredis: '^src/(store|compose)/',
  bullmq: '^src/queue/',
  fastify: '^src/intake/',
  '@sentry/node': '^src/instrument\\.ts$',
  '@opentelemetry': '^src/otel\\.ts$',
  'prom-client': '^src/lib/metrics\\.ts$',
};

const forbidden = [
  ...Object.entries(ROOMS).map(([room, allowed]) => ({
    name: `${room} imports only ${allowed.join(', ') || 'nothing of ours'}`,
    severity: 'error' as const,
    from: { path: `^src/${room}/` },
    to: { path: '^src/', pathNot: [`^src/${room}/`, ...allowed.map((path) => `^src/${path}`)] },
  })),
  ...Object.entries(OWNERS).map(([library, owner]) => ({
    name: `only ${owner} uses ${library}`,
    severity: 'error' as const,
    from: { path: '^src/', pathNot: owner },
    to: { path: `node_modules/${library}/` },
  })),
  {
    name: 'what is done for one subscription knows neither drift nor ops',
    severity: 'error' as const,
    from: { path: '^src/workflows/', pathNot: '^src/workflows/(drift|ops)/' },
    to: { path: '^src/workflows/(drift|ops)/' },
  },
  {
    name: 'nothing imports itself in a circle, not even types',
    severity: 'error' as const,
    from: { path: '^src/' },
    to: { circular: true },
  },
  { name: 'src never imports test', severity: 'error' as const, from: { path: '^src/' }, to: { path: '^test/' } },
  {
    name: 'the emulators share nothing with the connector',
    severity: 'error' as const,
    from: { path: '^test/emulator/' },
    to: { path: '^(src|test/support)/' },
  },
  {
    name: 'whoever says what is to be done never talks HTTP',
    severity: 'error' as const,
    from: { path: '^src/(workflows|report)/' },
    to: { path: '^src/upstreams/http\\.ts$' },
  },
  {
    name: 'store and intake know interfaces only',
    severity: 'error' as const,
    from: { path: '^src/(store|intake)/' },
    to: { path: '^src/(workflows|upstreams)/', dependencyTypesNot: ['type-only' as const] },
  },
];

it('imports flow one way, each library has its room, and the emulators stand on the other side of the wire', async () => {
  const { output } = await cruise(['src', 'test'], {
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    ruleSet: { forbidden },
  });
  if (typeof output === 'string') throw new Error('expected a result object');

  expect(output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
  // A tree that could not be read must not pass as a clean one.
  expect(output.summary.totalCruised).toBeGreaterThan(100);
  expect(output.summary.totalDependenciesCruised).toBeGreaterThan(300);
});

it('every folder of src is told of in the documentation', () => {
  const at = (path: string) => new URL(`../../${path}`, import.meta.url);
  const documentation = readFileSync(at('docs/architecture.md'), 'utf8');
  const folders = readdirSync(at('src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.length).toBeGreaterThan(8);
  expect(folders.filter(({ name }) => !new RegExp(`^(\\| )?\`${name}/?\``, 'm').test(documentation))).toEqual([]);
});
