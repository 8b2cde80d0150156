import { expect, it } from 'vitest';
import { UsageError } from '../../../src/commands/command.ts';
import { press } from '../../../src/commands/press.ts';
import { PermanentError } from '../../../src/lib/errors.ts';
import { run } from './run.ts';

const readOperator = () => 'ada';

function recording() {
  const presses: unknown[][] = [];
  return {
    presses,
    async act(...given: unknown[]) {
      presses.push(given);
      if (given[1] === 7) throw new PermanentError('ops.held', 'Subscription 7 is held already.', { effect: 'none' });
      return given[1] === 9 ? ('backlog-full' as const) : ('queued' as const);
    },
  };
}

it('presses for each subscription, under the name of who sits there and with the reason', async () => {
  const parts = recording();
  const { code, text } = await run(press('hold', readOperator), ['50010', '50011', '--reason', ' a dispute '], parts);
  expect(code).toBe(0);
  expect(parts.presses).toEqual([
    ['hold', 50010, { by: 'ada', reason: 'a dispute' }],
    ['hold', 50011, { by: 'ada', reason: 'a dispute' }],
  ]);
  expect(text).toBe('50010: hold is accepted.\n50011: hold is accepted.\n');
});

it('says of each one what does not fit, goes on with the others, and ends with 1', async () => {
  const { code, text } = await run(press('hold', readOperator), ['7', '8', '--reason', 'x'], recording());
  expect(code).toBe(1);
  expect(text).toBe('7: Subscription 7 is held already. (ops.held)\n8: hold is accepted.\n');
});

it('says which one is looked at only once there is room, and counts it as pressed', async () => {
  const { code, text } = await run(press('release', readOperator), ['8', '9', '--reason', 'x'], recording());
  expect(code).toBe(0);
  expect(text).toMatch(
    /^8: release is accepted\.\n9: release is accepted\. Too many .* the next sweep asks for this one\.\n$/,
  );
});

it('does nothing without a reason, without a subscription, or for what is no number', () => {
  const wrong = [['50010'], ['50010', '--reason', ' '], ['50010', '--reason', 'x'.repeat(501)], ['--reason', 'x']];
  for (const args of [...wrong, ['abc', '--reason', 'x'], ['0', '--reason', 'x'], ['50010', '-1', '--reason', 'x']]) {
    expect(() => press('retry', readOperator).read(args), args.join(' ')).toThrow();
  }
});

it('detaches one subscription whose id was given twice', async () => {
  const detach = press('detach', readOperator);
  for (const confirm of [[], ['--confirm', '50011']]) {
    expect(() => detach.read(['50010', '--reason', 'x', ...confirm])).toThrow(UsageError);
  }
  expect(() => detach.read(['50010', '50011', '--confirm', '50010', '--reason', 'x'])).toThrow(UsageError);
  const parts = recording();
  await run(detach, ['50010', '--confirm', '50010', '--reason', 'x'], parts);
  expect(parts.presses).toEqual([['detach', 50010, { by: 'ada', reason: 'x' }]]);
});
