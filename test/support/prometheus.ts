import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';

/** The rules as they are shipped. */
export const RULES = join(import.meta.dirname, '../../docker/prometheus/alerts.rules.yaml');

export interface AlertRule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
}

export function readRules(): AlertRule[] {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** What a process told at one moment: its series with their labels, as written. */
export interface Scrape {
  at: number;
  values: Map<string, number>;
  /** Names of what only grows. */
  growing: Set<string>;
}

/** Scrapes as Prometheus does, `up` included: a process that does not answer is down. */
export async function scrape(url: string): Promise<Scrape> {
  const text = await fetch(`${url}/metrics`).then(
    (response) => response.text(),
    () => undefined,
  );
  const values = new Map([[series('up', ''), text === undefined ? 0 : 1]]);
  const growing = new Set<string>();
  for (const line of text?.split('\n') ?? []) {
    const type = /^# TYPE (\S+) (counter|histogram)$/.exec(line);
    if (type?.[1]) for (const ending of ['', '_bucket', '_count', '_sum']) growing.add(type[1] + ending);
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample?.[1]) values.set(series(sample[1], sample[2] ?? ''), Number(sample[3]));
  }
  return { at: Date.now(), values, growing };
}

/** The value of one series, as `name{label="value"}`. */
export function valueIn({ values }: Scrape, name: string): number | undefined {
  const [, metric = '', labels = ''] = /^([\w:]+)(?:\{(.*)\})?$/.exec(name) ?? [];
  return values.get(series(metric, labels));
}

/** For so long everything is calm before there is trouble. */
const CALM_MINUTES = 70;
/** Rules look back for as long as this after they begin to hold. */
const BEYOND_MINUTES = 12;

/**
 * Whether an alert fires (`labels` among its own) when everything is as `calm` for more than an hour, and then as in `trouble` for as long as
 * the rule wants it to be. What only grows goes on growing, each minute by as much as it had when the trouble was scraped.
 */
export async function firesIn(
  rule: AlertRule,
  labels: Record<string, string>,
  { calm, trouble }: { calm: Scrape; trouble: Scrape },
): Promise<{ inCalm: boolean; inTrouble: boolean }> {
  const firing = Object.entries({ alertname: rule.alert, alertstate: 'firing', ...labels });
  const expr = `group(ALERTS{${firing.map(([name, value]) => `${name}="${value}"`).join(',')}})`;
  const inputs = seriesOf(calm, trouble, minutesOf(rule.for) + BEYOND_MINUTES);
  const fires = async (minute: number) => {
    const samples = [{ labels: '{}', value: 1 }];
    const test = { expr, eval_time: `${minute}m`, exp_samples: samples };
    return await promtoolAgrees({ interval: '1m', input_series: inputs, promql_expr_test: [test] });
  };
  return {
    inCalm: await fires(CALM_MINUTES - 1),
    inTrouble: await fires(CALM_MINUTES + minutesOf(rule.for) + BEYOND_MINUTES - 2),
  };
}

function series(name: string, labels: string): string {
  const all = [labels, 'instance="connector:8080"', 'job="microsoft-connector"'].filter((one) => one !== '');
  return `${name}{${all.join(',')}}`;
}

/** In the notation of promtool: `a+bxn` is n steps of b. https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
function seriesOf(calm: Scrape, trouble: Scrape, minutes: number): { series: string; values: string }[] {
  const all = [...new Set([...calm.values.keys(), ...trouble.values.keys()])];
  return all.map((name) => {
    const metric = name.slice(0, name.indexOf('{'));
    const before = calm.values.get(name);
    const after = trouble.values.get(name);
    if (metric.endsWith('_timestamp_seconds'))
      return { series: name, values: `${instant(before, calm, 0)} ${instant(after, trouble, CALM_MINUTES)}` };
    const steady = before === undefined ? `_x${CALM_MINUTES - 1}` : `${before}+0x${CALM_MINUTES - 1}`;
    if (after === undefined) return { series: name, values: steady };
    if (trouble.growing.has(metric) && after > 0)
      return { series: name, values: `${steady} ${(before ?? 0) + after}+${after}x${minutes}` };
    return { series: name, values: `${steady} ${after}+0x${minutes}` };

    /** As long ago as it was: time begins at nought in promtool. */
    function instant(value: number | undefined, { at }: Scrape, minute: number): string {
      const steps = minute === 0 ? CALM_MINUTES - 1 : minutes;
      if (value === undefined) return `_x${steps}`;
      return `${Math.round(value - at / 1_000) + 60 * minute}+60x${steps}`;
    }
  });
}

function minutesOf(duration = '0m'): number {
  return Number(/^(\d+)m$/.exec(duration)?.[1]);
}

async function promtoolAgrees(test: object): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'connector-alerts-'));
  try {
    const file = join(folder, 'test.yaml');
    writeFileSync(file, stringify({ rule_files: [RULES], evaluation_interval: '1m', tests: [test] }));
    await promisify(execFile)('promtool', ['test', 'rules', file]);
    return true;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    // That it found other samples, or none, is an answer; anything else is none.
    if (/got: *nil|got:\s*$|exp: *\{/.test(stdout + stderr)) return false;
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
