import { describe, expect, it } from 'vitest';
import { audit } from '../../../src/commands/audit.ts';
import { UsageError } from '../../../src/commands/command.ts';
import { list } from '../../../src/commands/list.ts';
import { show } from '../../../src/commands/show.ts';
import type { OpsQuery, OpsRecord, OpsStory } from '../../../src/intake/ops-operations.ts';
import type { AuditEntry } from '../../../src/workflows/ops/audit.ts';
import { run } from './run.ts';

const STUCK: OpsRecord = {
  subscriptionId: 50010,
  productType: 'license',
  state: 'needs-attention',
  operation: 'provision',
  step: 'order placed',
  since: '2026-03-02T09:21:31.000Z',
  attempts: 1,
  lastError: { code: 'partner-center.refused', message: 'The credit line is too low.', at: '2026-03-02T09:21:31.000Z' },
  why: 'Has needed you since 2026-03-02 09:21 UTC.',
};

describe('list', () => {
  it('shows in a table what stands how and why, of the page that was asked for', async () => {
    const queries: OpsQuery[] = [];
    const parts = {
      async list(query: OpsQuery) {
        queries.push(query);
        const held = { kind: 'held', by: 'ada', reason: 'x', at: STUCK.since } as const;
        return { items: [STUCK, { ...STUCK, subscriptionId: 7, intervention: held }], total: 120 };
      },
    };
    const args = ['--state', 'needs-attention', '--customer', 'userCompany/512', '--page', '2'];
    const { code, text } = await run(list, args, parts);
    expect(code).toBe(0);
    expect(queries).toEqual([{ state: 'needs-attention', customer: 'userCompany/512', page: 2, pageSize: 50 }]);
    expect(text.split('\n')).toEqual([
      'subscription  product  state            since             operation  why',
      '50010         license  needs-attention  2026-03-02T09:21  provision  Has needed you since 2026-03-02 09:21 UTC.',
      '7             license  held             2026-03-02T09:21  provision  Has needed you since 2026-03-02 09:21 UTC.',
      'page 2 of 3, 120 in all',
      '',
    ]);
  });

  const standing = (counts: Partial<Record<string, number>>) => ({
    async list({ state = 'done', pageSize }: OpsQuery) {
      const total = counts[state] ?? 0;
      const record = { ...STUCK, state: state as OpsRecord['state'] };
      return { items: Array<OpsRecord>(Math.min(total, pageSize)).fill(record), total };
    },
  });

  it('shows what wants somebody, the most urgent first, unless more is asked for', async () => {
    const parts = standing({ retrying: 1, failed: 2, 'needs-attention': 51, waiting: 3, done: 1 });
    const statesOf = (text: string) =>
      text.split('\n').flatMap((line) => /^50010 +license +(\S+)/.exec(line)?.[1] ?? []);
    const { text } = await run(list, [], parts);
    expect(statesOf(text)).toEqual([...Array(50).fill('needs-attention'), 'failed', 'failed', 'retrying']);
    expect(text).toMatch(/\n50 of 51 that are needs-attention: --state needs-attention\n$/);
    expect(JSON.parse((await run(list, ['--json'], parts)).text)).toMatchObject({ page: 1, total: 54 });
    expect(statesOf((await run(list, ['--state', 'waiting'], parts)).text)).toEqual(Array(3).fill('waiting'));
    // Whoever looks for something finds it, however it stands.
    for (const args of [['--all'], ['--customer', 'userCompany/512']])
      expect(statesOf((await run(list, args, parts)).text)).toEqual(['done']);
  });

  it('says so when nothing wants anybody, and how to see the rest', async () => {
    const { code, text } = await run(list, [], standing({ done: 7 }));
    expect([code, text]).toEqual([0, 'Nothing needs you. With --all everything is listed.\n']);
    expect(list.summary).toContain('with --all everything');
  });

  it('takes no state that there is not, no page before the first or of what wants somebody, and not all with a filter', () => {
    for (const args of [
      ['--state', 'stuck'],
      ['--page', '2'],
      ['--all', '--state', 'failed'],
      ['--all', '--page', '0'],
    ]) {
      expect(() => list.read(args)).toThrow(UsageError);
    }
  });

  it('gives programs what the API gives', async () => {
    const { text } = await run(list, ['--all', '--json'], {
      list: async () => ({ items: [STUCK], total: 1 }),
    });
    expect(JSON.parse(text)).toMatchObject({ items: [{ subscriptionId: 50010, held: null }], page: 1, total: 1 });
  });
});

describe('show', () => {
  const story: OpsStory = {
    ...STUCK,
    timeline: [
      { at: '2026-03-02T09:21:31.000Z', kind: 'call', text: 'POST /v1/customers → 403', ...{ correlationId: 'c-1' } },
      { at: '2026-03-02T09:21:30.000Z', kind: 'event', text: 'the marketplace told of a change' },
    ],
    actions: ['look', 'retry'],
  };

  it('tells why it does not move, what can be done, and its story with the identifiers that Microsoft asks for', async () => {
    const { code, text } = await run(show, ['50010'], { show: async () => story });
    expect(code).toBe(0);
    expect(text.split('\n')).toEqual([
      'subscription 50010 (license): needs-attention',
      'Has needed you since 2026-03-02 09:21 UTC.',
      'operation provision, step "order placed"',
      'last error, 2026-03-02T09:21:31.000Z: The credit line is too low. (partner-center.refused)',
      'once that is cured: look',
      'possible now: look, retry',
      '',
      '2026-03-02T09:21:30.000Z  event     the marketplace told of a change',
      '2026-03-02T09:21:31.000Z  call      POST /v1/customers → 403 (c-1)',
      '',
    ]);
  });

  it('tells once what repeats itself, how often and since when, and keeps apart what differs', async () => {
    const at = (second: number) => new Date(Date.parse('2026-03-02T09:00:00Z') + second * 1_000).toISOString();
    const oneTry = (count: number) => [
      { at: at(10 * count), kind: 'call', text: 'POST /v1/carts → 503', correlationId: `c-${count}` },
      { at: at(10 * count + 1), kind: 'call', text: 'GET /v1/customers → 200', correlationId: `g-${count}` },
      { at: at(10 * count + 2), kind: 'error', text: `Partner Center is out, try ${count}.` },
    ];
    const timeline = [
      { at: at(0), kind: 'event', text: 'the marketplace told of a change' },
      ...Array.from({ length: 15 }, (_, count) => oneTry(count + 1)).flat(),
      { at: at(200), kind: 'call', text: 'POST /v1/carts → 201', correlationId: 'c-200' },
      { at: at(201), kind: 'step', text: 'the cart is filled' },
    ].toReversed();
    const { text } = await run(show, ['50010'], { show: async () => ({ ...story, timeline }) });
    expect(text.split('\n').slice(7)).toEqual([
      '2026-03-02T09:00:00.000Z  event     the marketplace told of a change',
      '2026-03-02T09:02:30.000Z  call      POST /v1/carts → 503 (c-15, 15 times since 2026-03-02T09:00:10.000Z)',
      '2026-03-02T09:02:31.000Z  call      GET /v1/customers → 200 (g-15, 15 times since 2026-03-02T09:00:11.000Z)',
      '2026-03-02T09:02:32.000Z  error     Partner Center is out, try 15. (15 times since 2026-03-02T09:00:12.000Z)',
      '2026-03-02T09:03:20.000Z  call      POST /v1/carts → 201 (c-200)',
      '2026-03-02T09:03:21.000Z  step      the cart is filled',
      '',
    ]);
  });

  it('ends with 1 and says what to do when nothing is known of it', async () => {
    const { code, text } = await run(show, ['50010'], { show: async () => undefined });
    expect([code, text]).toEqual([
      1,
      'Nothing is known of subscription 50010. The command look makes the connector read it.\n',
    ]);
  });

  it('wants exactly one subscription', () => {
    for (const args of [[], ['1', '2'], ['x']]) expect(() => show.read(args)).toThrow(UsageError);
  });
});

describe('audit', () => {
  it('lists who changed what, when and why, and what became of it', async () => {
    const entries: AuditEntry[] = [
      {
        at: '2026-03-02T09:21:31.000Z',
        by: 'ada',
        action: 'hold',
        subscriptionId: 50010,
        reason: 'x',
        outcome: 'accepted',
      },
      {
        at: '2026-03-02T09:20:00.000Z',
        by: 'bob',
        action: 'discard',
        target: 'ab',
        reason: 'y',
        outcome: 'failed',
        code: 'bug',
      },
    ];
    const asked: unknown[] = [];
    const { text } = await run(audit, ['--subscription', '50010'], {
      async listAudit(query) {
        asked.push(query);
        return { items: entries, total: 2 };
      },
    });
    expect(asked).toEqual([{ page: 1, pageSize: 50, subscriptionId: 50010 }]);
    expect(text.split('\n')).toEqual([
      'at                        by   action   on     outcome       reason',
      '2026-03-02T09:21:31.000Z  ada  hold     50010  accepted      x',
      '2026-03-02T09:20:00.000Z  bob  discard  ab     failed (bug)  y',
      '',
    ]);
  });
});
