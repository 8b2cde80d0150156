import { describe, expect, it } from 'vitest';
import { audit } from '../../../src/commands/audit.ts';
import { UsageError } from '../../../src/commands/command.ts';
import { list } from '../../../src/commands/list.ts';
import { show } from '../../../src/commands/show.ts';
import type { OpsQuery, OpsRecord, OpsStory } from '../../../src/intake/ops-operations.ts';
import type { AuditEntry } from '../../../src/workflows/audit.ts';
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
  why: 'Needs you since 2026-03-02 09:21 UTC.',
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
      '50010         license  needs-attention  2026-03-02T09:21  provision  Needs you since 2026-03-02 09:21 UTC.',
      '7             license  held             2026-03-02T09:21  provision  Needs you since 2026-03-02 09:21 UTC.',
      'page 2 of 3, 120 in all',
      '',
    ]);
  });

  it('takes no state that there is not, and no page before the first', () => {
    for (const args of [
      ['--state', 'stuck'],
      ['--page', '0'],
    ]) {
      expect(() => list.read(args)).toThrow(UsageError);
    }
  });

  it('gives programs what the API gives', async () => {
    const { text } = await run(list, ['--json'], { list: async () => ({ items: [STUCK], total: 1 }) });
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
      'Needs you since 2026-03-02 09:21 UTC.',
      'operation provision, step "order placed"',
      'last error, 2026-03-02T09:21:31.000Z: The credit line is too low. (partner-center.refused)',
      'possible now: look, retry',
      '',
      '2026-03-02T09:21:30.000Z  event     the marketplace told of a change',
      '2026-03-02T09:21:31.000Z  call      POST /v1/customers → 403 (c-1)',
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
