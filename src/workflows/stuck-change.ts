import type { Operation } from './operations.ts';
import type { Run, SubscriptionRecord } from './record.ts';

const CHANGES_OF_PLAN = new Set<Operation>(['change-plan', 'convert-trial']);

/** Whether an operation is put aside when it needs a person, since the rest is not held up by it. */
export function isChangeOfPlan(operation: Operation): boolean {
  return CHANGES_OF_PLAN.has(operation);
}

/** The change of plan that needs a person, whatever else the record stands for by now. */
export function stuckChangeOf({
  state,
  before,
  run,
  aside,
}: Pick<SubscriptionRecord, 'state' | 'before' | 'run' | 'aside'>): Run | undefined {
  const isStuck = state === 'needs-attention' || before?.state === 'needs-attention';
  return isStuck && run && isChangeOfPlan(run.operation) ? run : aside;
}
