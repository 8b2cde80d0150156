import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openStage, SCENARIOS, type Stage } from '../alerts/scenarios.ts';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { readRules, type Scrape, scrape } from '../support/prometheus.ts';

const LIFE_MS = 120_000;
const RULES = readRules();

interface Dashboard {
  panels: { title: string; targets?: { expr: string }[] }[];
  annotations: { list: { expr: string }[] };
}

let emulators: Emulators;
let stage: Stage;
let told: Scrape;

/** A world in which each series is told: something sold, something that costs on, something stuck, a token that was renewed. */
beforeAll(async () => {
  emulators = await startEmulators();
  stage = openStage(emulators);
  const { cloudesire, partnerCenter, clock, faults } = emulators;
  const service = await stage.start({ PUBLIC_URL: 'https://connector.example.com' });
  partnerCenter.acceptAllAttestations(true);
  const buy = (paid = true) => cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid });
  const ended = buy();
  await cloudesire.whenStatus(ended, 'DEPLOYED', LIFE_MS);
  await clock.advance(10 * 86_400_000);
  cloudesire.terminate(ended);
  await cloudesire.whenStatus(ended, 'UNDEPLOYED', LIFE_MS);
  const body = { code: 800_999, description: 'no' };
  faults.inject({ server: 'partner-center', path: '/carts', kind: 'status', status: 400, body, times: 1_000 });
  buy();
  buy(false);
  await fetch(`${service.url}/event`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
  await fetch(`${service.url}/partner-center/event`, { method: 'POST', body: '{}' });
  await vi.waitFor(
    async () => {
      told = await scrape(service.url);
      for (const name of ['stuck', 'waiting']) expect(samplesOf(`connector_subscriptions_${name}`)).not.toEqual([]);
    },
    { timeout: LIFE_MS, interval: 50 },
  );
});

afterAll(async () => {
  await stage.end();
  await emulators.close();
});

function samplesOf(metric: string): string[] {
  return [...told.values.keys()].filter((series) => series.startsWith(`${metric}{`));
}

/** What an expression reads: each metric with the labels that it is chosen and grouped by. */
function readings(expr: string): { metric: string; labels: string[] }[] {
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/,\s*/));
  return [...expr.matchAll(/\b((?:connector|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', matchers = '']) => ({
      metric,
      labels: [...matchers.matchAll(/(\w+)=/g)].map(([, name = '']) => name).concat(grouped),
    }),
  );
}

const dashboard = JSON.parse(
  readFileSync(new URL('../../docker/grafana/connector.json', import.meta.url), 'utf8'),
) as Dashboard;
const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ name: title, expr })),
);
const rules = RULES.map(({ alert, expr }) => ({ name: alert, expr }));

it.each([...rules, ...panels])('$name reads what the service tells: $expr', ({ expr }) => {
  const read = readings(expr);
  expect(read.length).toBeGreaterThan(0);
  for (const { metric, labels } of read) {
    const samples = samplesOf(metric);
    expect(samples, metric).not.toEqual([]);
    for (const label of labels)
      expect(samples.join('\n'), `${label} of ${metric}`).toMatch(new RegExp(`[{,]${label}="`));
  }
});

it('what a person is told once grows from nought, for an alert that looks for exactly these codes', () => {
  const nought = samplesOf('connector_alerts_total').filter((series) => told.values.get(series) === 0);
  const once = nought.map((series) => /code="([^"]*)"/.exec(series)?.[1] ?? '').filter((code) => code !== 'bug');
  const { expr } = RULES.find(({ alert }) => alert === 'ConnectorPersonAsked')!;
  const wanted = /code=~"([^"]*)"/.exec(expr)?.[1]?.replaceAll('[.]', '.').split('|');
  expect(once.length).toBeGreaterThan(10);
  expect(wanted?.toSorted()).toEqual(once.toSorted());
});

it('each alert has the trouble in which it was seen to fire, and an entry of the runbook', () => {
  expect(Object.keys(SCENARIOS).toSorted()).toEqual(RULES.map(({ alert }) => alert).toSorted());
  const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
  const entries = [...runbook.matchAll(/^\| `(Connector\w+)` \|/gm)].map(([, name]) => name);
  expect(entries).toEqual(RULES.map(({ alert }) => alert));
});

it('labels name no subscription, customer or tenant, and are few', () => {
  const series = [...told.values.keys()].filter((name) => name.startsWith('connector_'));
  const guid = /[0-9a-f]{8}-[0-9a-f]{4}-/;
  expect(series.filter((name) => guid.test(name) || /"5\d{4}"|onmicrosoft|userCompany/.test(name))).toEqual([]);
  expect(series.length).toBeLessThan(1_500);
});
