import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from '@swc/core';
import { expect, it } from 'vitest';
import { whyOf } from '../../../../src/workflows/ops/standing.ts';
import type { SubscriptionRecord } from '../../../../src/workflows/record.ts';

const ROOT = join(import.meta.dirname, '../../../..');
/** Where the errors arise that a record keeps. */
const SOURCES = globSync('src/{engine,store,upstreams,workflows}/**/*.ts', { cwd: ROOT })
  .concat('src/report/report.ts', 'src/lib/secret-box.ts')
  .filter((path) => !/^src\/workflows\/(ops\/|drift\/|webhook-registration)/.test(path));

/** Every text in the sources, with an ellipsis for what is put into it. */
function textsIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  const { type, value, quasis } = node as { type?: string; value?: unknown; quasis?: { cooked: string }[] };
  const inside = Object.values(node).flatMap(textsIn);
  if (type === 'StringLiteral') return [String(value)];
  return type === 'TemplateLiteral' ? [(quasis ?? []).map(({ cooked }) => cooked).join('…'), ...inside] : inside;
}

const TEXTS = SOURCES.flatMap((path) =>
  textsIn(parseSync(readFileSync(join(ROOT, path), 'utf8'), { syntax: 'typescript', target: 'esnext' })),
).filter((text) => /\w \w+ \w/.test(text) && text.endsWith('.'));

const GOES_ON = /\b(?:tried|asked|asked for|looked at|looked for|reported) again\b|\b(?:goes on|ends) by itself\b/g;

const since = '2026-03-02T09:21:31.000Z';

it.each<Pick<SubscriptionRecord, 'state'> & Partial<SubscriptionRecord>>([
  { state: 'retrying', nextTryAt: since, deadlineAt: since },
  { state: 'needs-attention' },
])('whatever an error says, it is said once that it goes on: $state', (stands) => {
  expect(TEXTS.length).toBeGreaterThan(250);
  const twice = TEXTS.map((message) => {
    const lastError = { code: 'some.code', message, at: since };
    return whyOf({ subscriptionId: 50010, since, attempts: 1, lastError, ...stands }, undefined) ?? '';
  }).filter((why) => why.match(GOES_ON)?.length !== 1);
  expect(twice).toEqual([]);
});
