import type { Journal } from '../engine/journal.ts';
import { type FlowParts, resumeFlow, Stopping, Suspended } from '../engine/workflow.ts';
import { AttentionError, RetryableError } from '../lib/errors.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import { createEndRun, type EndRunParts } from './end-run.ts';
import type { FulfillmentWriter } from './fulfillment-writer.ts';
import type { Interventions } from './interventions.ts';
import { type Asked, createLook, type LookOutcome } from './look.ts';
import type { Product } from './product.ts';
import { progressOf, type RecordState, type Records, type Run, standingOf } from './record.ts';
import { createStepObserver, type StepObserverParts } from './step-observer.ts';
import { stuckChangeOf } from './stuck-change.ts';
import type { Turn } from './turn.ts';

export interface RunOperationParts extends EndRunParts, StepObserverParts {
  turn: Turn;
  facts: Pick<FulfillmentWriter, 'fulfillment' | 'note'>;
  cloudesire: Pick<Cloudesire, 'subscriptions'>;
  records: Pick<Records, 'askRetry' | 'forgetRetry'>;
  journal: Journal;
  interventions: Pick<Interventions, 'get'>;
  /** Surrounds each step that is done; absent where nobody follows them. */
  aroundStep?: FlowParts['around'];
}

/** A run in these states has been told of; looking at it is no change. */
const ON_ITS_WAY = new Set<RecordState>(['running', 'waiting', 'retrying', 'needs-attention']);

/**
 * Carries out the operation that was decided on: begins a run of it, or takes up the one that is recorded, and goes on as far as it goes.
 *
 * @throws {AttentionError} `operation.not-offered` for what the product does not have
 * @throws whatever ends the run before its time
 */
export function createRunOperation(parts: RunOperationParts) {
  const { lane, writer, turn, facts, records, clock } = parts;
  const { subscriptionId } = lane;
  const observe = createStepObserver(parts);
  const endRun = createEndRun(parts);

  return async (
    decision: Pick<Run, 'operation' | 'target'>,
    product: Pick<Product, 'operations'>,
    subscription: Subscription,
    asked: Asked,
  ): Promise<LookOutcome> => {
    const { operation } = decision;
    const workflow = product.operations[operation];
    if (!workflow) {
      throw new AttentionError(
        'operation.not-offered',
        `Subscription ${subscriptionId} is a product of type ${writer.record.productType}, for which this version of the connector has no operation ${operation}. Update the connector.`,
      );
    }
    const underWay = writer.record.run;
    const isTakenUp = isRunOf(underWay, decision);
    const { id: runId } = isTakenUp ? underWay : await begin(decision, workflow.name, subscription);
    turn.progress = progressOf(writer.record);
    if (asked.retry) await records.forgetRetry(lane);
    // Whoever asked for the look, somebody waits for what it found to do, unless it has been waiting for a person anyway.
    if (writer.record.state !== 'needs-attention') turn.urgency = 'urgent';
    if (!ON_ITS_WAY.has(writer.record.state)) {
      // Should a look alone find the same failure, it has stood there all the time.
      const mayStandAgain = writer.record.state === 'failed' && isTakenUp && !asked.retry;
      await writer.standAt('running', mayStandAgain ? { before: standingOf(writer.record) } : {});
    }

    const { journal, aroundStep: around } = parts;
    const flow = await resumeFlow({ journal, lane, runId, clock, mayGoOn, observe, around });
    const look = createLook(
      { ...parts, ...facts, record: writer.record, tellOperations: writer.tellOperations },
      subscription,
      asked,
    );
    const stoodAt = writer.record.step;
    try {
      await workflow.run(flow, look);
    } catch (error) {
      // Upstreams that fail for a moment do not use up a press, as long as it got no further than where it was pressed.
      if (look.isRetryAsked() && mayPass(error) && writer.record.step === stoodAt)
        await records.askRetry(subscriptionId);
      throw error;
    }

    await writer.tell('decision', `${workflow.name} is done`, {});
    return endRun(decision, subscription);
  };

  /** What was put aside goes on where it stood: begun anew, it would ask again for what only a person may have asked for again. */
  async function begin(
    decision: Pick<Run, 'operation' | 'target'>,
    name: string,
    { deploymentStatus: status }: Subscription,
  ): Promise<Run> {
    const { operation, target } = decision;
    const aside = stuckChangeOf(writer.record);
    const takenUp = isRunOf(aside, decision) ? aside : undefined;
    const run = takenUp ?? {
      id: `${subscriptionId}-${operation}-${lane.fence}`,
      operation,
      ...(target && { target }),
      startedAt: new Date(clock.now()).toISOString(),
      status,
    };
    await writer.keep({
      run,
      aside: takenUp ? undefined : aside,
      operation,
      step: undefined,
      attempts: 0,
      failingSince: undefined,
    });
    await writer.tell('decision', `${name} ${takenUp ? 'goes on' : 'begins'}`, { status, ...(target && { target }) });
    return run;
  }

  async function mayGoOn(): Promise<void> {
    const intervention = await parts.interventions.get(subscriptionId);
    if (intervention) throw new Suspended(clock.now(), `operations, who have ${intervention.kind} it`);
  }
}

function isRunOf(run: Run | undefined, { operation, target }: Pick<Run, 'operation' | 'target'>): run is Run {
  return run?.operation === operation && run.target === target;
}

/** Whether the same may get further a little later, without anybody. */
function mayPass(error: unknown): boolean {
  return error instanceof RetryableError || error instanceof Stopping;
}
