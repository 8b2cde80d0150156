import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/commands/command.ts';
import { deadLetters as createDeadLetters, type DeadLetterParts } from '../../../src/commands/dead-letters.ts';
import type { DeadLetters } from '../../../src/workflows/ops/dead-letters.ts';
import { run } from './run.ts';

const deadLetters = createDeadLetters(() => 'ada');
const LETTERS: DeadLetters[] = [
  {
    code: 'entra.consent-needed',
    state: 'needs-attention',
    count: 25,
    oldestAt: '2026-03-02T10:35:00.000Z',
    subscriptionIds: [7, 8],
  },
  {
    code: 'event.unreadable',
    state: 'quarantined',
    count: 3,
    oldestAt: '2026-03-01T00:00:00.000Z',
    subscriptionIds: [],
  },
];

function setup(letters: DeadLetters[], left = 0) {
  const asked: unknown[] = [];
  const parts: DeadLetterParts = {
    listDeadLetters: async () => letters,
    async retryAll(...given) {
      asked.push(given);
      return { queued: 25, left };
    },
  };
  return { asked, parts };
}

it('shows what stands still, and where there are more than it names', async () => {
  expect(await run(deadLetters, [], setup(LETTERS).parts)).toEqual({
    code: 0,
    text: [
      'reason                state            count  oldest                    subscriptions',
      'entra.consent-needed  needs-attention  25     2026-03-02T10:35:00.000Z  7 8 …',
      'event.unreadable      quarantined      3      2026-03-01T00:00:00.000Z',
      '',
    ].join('\n'),
  });
  expect((await run(deadLetters, [], setup([]).parts)).text).toBe('Nothing stands still.\n');
  const { text } = await run(deadLetters, ['--json'], setup(LETTERS).parts);
  expect(JSON.parse(text)).toEqual({ items: LETTERS });
});

describe('a retry', () => {
  const RETRY = ['--retry', 'arm.overdue', '--reason', ' consent was given '];

  it('is asked for in the name of who sits there, with the reason', async () => {
    const { asked, parts } = setup([], 4);
    expect(await run(deadLetters, RETRY, parts)).toEqual({ code: 0, text: '25 are tried again; 4 are left.\n' });
    expect(asked).toEqual([['arm.overdue', { by: 'ada', reason: 'consent was given' }]]);
    const { text } = await run(deadLetters, [...RETRY, '--json'], parts);
    expect(JSON.parse(text)).toEqual({ queued: 25, left: 4 });
  });

  it.each([
    ['without a reason', ['--retry', 'arm.overdue']],
    ['with an empty one', ['--retry', 'arm.overdue', '--reason', ' ']],
    ['with one that is too long', ['--retry', 'arm.overdue', '--reason', 'x'.repeat(501)]],
    ['of nothing', ['--reason', 'why']],
  ])('%s is not understood', async (_, args) => {
    const { asked, parts } = setup([]);
    await expect(run(deadLetters, args, parts)).rejects.toThrow(UsageError);
    expect(asked).toEqual([]);
  });
});
