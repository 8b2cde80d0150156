import { createHash } from 'node:crypto';
import type { Journal, Lane } from '../engine/journal.ts';
import {
  type FlowEvent,
  type FlowParts,
  type LookOutcome,
  resumeFlow,
  Stopping,
  Suspended,
} from '../engine/workflow.ts';
import type { Alerts } from '../lib/alerts.ts';
import type { Clock } from '../lib/clock.ts';
import { compact } from '../lib/compact.ts';
import { AttentionError, ConnectorError, RetryableError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { toTheMinute } from '../lib/moment.ts';
import type { Turn, Turns } from '../lib/turn.ts';
import type { Wait } from '../lib/wait.ts';
import type { Report } from '../report/report.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Subscription, SubscriptionSummary } from '../upstreams/cloudesire/schema.ts';
import type { Catalog, Product } from './catalog.ts';
import { compare } from './comparison.ts';
import type { AtMicrosoft, Fulfillment, Wish } from './fulfillment.ts';
import type { Intervention, Interventions } from './interventions.ts';
import type { Look } from './look.ts';
import type { Measures, Operation, ProductType } from './operations.ts';
import {
  type Completeness,
  type CustomerDirectory,
  isUnseen,
  type PartnerSubscriptionIndex,
  type RecordState,
  type Records,
  type Run,
  type SubscriptionRecord,
  type Timeline,
} from './record.ts';
import { createRecordWriter, QUIET } from './record-writer.ts';
import { mayExist, TAKEN_UP_AGAIN } from './recovery.ts';
import { createSettle } from './settle.ts';

export interface ReconcileParts {
  cloudesire: Cloudesire;
  catalog: Catalog;
  report: Report;
  records: Records;
  completeness: Completeness;
  timeline: Timeline;
  journal: Journal;
  directory: CustomerDirectory;
  partnerSubscriptions: Pick<PartnerSubscriptionIndex, 'note'>;
  /** Does the work so that its calls to upstreams are made in this turn. */
  withinTurn: Turns['within'];
  interventions: Pick<Interventions, 'get'>;
  /** Gives up the place of a look in the lines for calls. */
  leaveLines(holder: string): Promise<void>;
  alerts: Alerts;
  /** Absent where nothing is counted. */
  measures?: Measures | undefined;
  /** Surrounds each step that is done; absent where nobody follows them. */
  aroundStep?: FlowParts['around'];
  log: Log;
  clock: Clock;
  /** How long to wait after so many failed tries in a row, in milliseconds. */
  backoffMs(attempts: number): number;
  settings: { sandboxOrders: 'refuse' | 'allow'; deadlineMs: number; retryBaseMs: number };
}

/** So many looks in a row may find nothing before an unknown subscription is forgotten: a new one may not be visible at once. */
const LOOKS_FOR_UNKNOWN = 5;

/**
 * Looks at the subscription of a lane: reads it, decides what it needs, carries that on as far as it goes, and writes down where it stands.
 * Every failure ends in a state that names what is waited for; thrown is only what the worker has to know.
 *
 * @throws {LaneLostError} when another worker has taken the subscription over
 * @throws {Stopping} when this process is to stop
 */
export function createReconcile(
  parts: ReconcileParts,
): (lane: Lane, asked: { isUrgent: boolean }) => Promise<LookOutcome> {
  const { cloudesire, records, clock, settings } = parts;
  const now = (): string => new Date(clock.now()).toISOString();

  return async (lane, { isUrgent }) => {
    const { subscriptionId } = lane;
    const log = parts.log.child({ subscriptionId });
    const stored = await records.get(subscriptionId);
    let awaitsDelivery = false;
    const turn: Turn = {
      holder: String(subscriptionId),
      urgency: isUrgent ? 'urgent' : 'background',
      sinceAt: stored?.heldUpSince ? Date.parse(stored.heldUpSince) : clock.now(),
      progress: stored && progressOf(stored),
    };
    const writer = createRecordWriter({ ...parts, lane, stored });
    const { keep, standAt, tell, tellOperations, alert } = writer;
    const { settle, tellFailure } = createSettle({ ...parts, writer, turn, log, isAwaited: () => awaitsDelivery });

    return await parts.withinTurn(turn, async () => {
      const outcome = await lookOrSettle();
      // Whoever has stopped waiting for a call must not keep those behind waiting.
      if (stored?.heldUpSince && !writer.record.heldUpSince) await parts.leaveLines(String(subscriptionId));
      return outcome;
    });

    async function lookOrSettle(): Promise<LookOutcome> {
      try {
        const intervention = await parts.interventions.get(subscriptionId);
        return await (intervention ? standAside(intervention) : look());
      } catch (error) {
        return await settle(error);
      }
    }

    async function look(): Promise<LookOutcome> {
      const subscription = await cloudesire.subscriptions.get(subscriptionId);
      if (!subscription) return notFound();
      awaitsDelivery = isAwaitingDelivery(subscription);

      const productType = await readProductType(subscription);
      if (productType === undefined) return { done: true };
      const asked: Asked = {
        look: await records.isLookAsked(subscriptionId),
        retry: await records.isRetryAsked(subscriptionId),
      };
      if (asked.look) await records.forgetLook(lane);
      // A press that outlives a try, since the upstreams failed, does not begin the back-off anew.
      const isPressedNow = asked.retry && writer.record.state !== 'retrying';
      await keep({
        productType,
        productId: subscription.productId,
        ...(asked.retry && { failure: undefined }),
        ...(isPressedNow && { attempts: 0, failingSince: undefined }),
      });

      await awaitWholeRecords();
      if (writer.record.failure && !writer.record.failure.reported && isAwaitingDelivery(subscription))
        return tellFailure(writer.record.failure);

      const product = parts.catalog[productType];
      await recover(subscription, product);
      const { decision, atMicrosoft, learned } = await compare(
        subscription,
        { ...writer.record, retryAsked: asked.retry, isUnseen: isUnseen(writer.record, clock.now()) },
        product,
        settings,
      );
      if (learned) await keepLearned(learned, atMicrosoft);
      if (asked.retry && decision.kind !== 'run') await records.forgetRetry(lane);
      switch (decision.kind) {
        case 'run':
          return runOperation(decision, product, subscription, asked);
        case 'attention':
          throw new AttentionError(decision.code, decision.message, decision.cure && { cure: decision.cure });
        case 'wait':
          await standAt(decision.state, {
            ...(decision.state === 'idle' && QUIET),
            waitingFor: decision.waitingFor,
            seen: digest(subscription),
          });
          break;
        case 'settled':
          await standAt(decision.state, {
            ...QUIET,
            run: undefined,
            aside: undefined,
            step: undefined,
            seen: digest(subscription),
          });
          break;
      }
      return { done: true };
    }

    /** After a loss of the store nothing is decided on what little is recorded, and least of all bought. */
    async function awaitWholeRecords(): Promise<void> {
      if ((await parts.completeness.extent()) !== undefined) return;
      const waitingFor = 'the records to be rebuilt, since Redis had lost them (connector rebuild)';
      throw new Suspended(clock.now() + UNTIL_REBUILT * settings.retryBaseMs, waitingFor);
    }

    /**
     * Operations hold the subscription, or have taken it over. Of one that is held the marketplace may go on to want its end: somebody has to
     * know that, for Microsoft charges on.
     */
    async function standAside({ kind, by, at, reason }: Intervention): Promise<LookOutcome> {
      const aside = asideOf(writer.record);
      if (kind === 'detached') {
        await standAt('idle', {
          ...QUIET,
          aside,
          waitingFor: `operations, who have detached it (${by}, ${toTheMinute(at)}: ${reason})`,
        });
        return { done: true };
      }
      const waitingFor: Wait = `operations to release it (held by ${by}, ${toTheMinute(at)}: ${reason})`;
      await standAt('waiting', { waitingFor, aside, attempts: 0, failingSince: undefined });
      let subscription: Subscription | undefined;
      try {
        subscription = await cloudesire.subscriptions.get(subscriptionId);
      } catch (error) {
        if (error instanceof ConnectorError) return { againInMs: UNREAD_PAUSE_MS };
        throw error;
      }
      if (subscription?.deploymentStatus === 'UNDEPLOY_SENT' && writer.record.alerted !== ENDING_WHILE_HELD) {
        alert(
          new AttentionError(
            ENDING_WHILE_HELD,
            `The marketplace wants subscription ${subscriptionId} to end, but it is held, so that nothing is ended and Microsoft charges on. Release it, or end it by hand and detach it.`,
          ),
        );
        await keep({ alerted: ENDING_WHILE_HELD });
      }
      return { done: true };
    }

    async function mayGoOn(): Promise<void> {
      const intervention = await parts.interventions.get(subscriptionId);
      if (intervention) throw new Suspended(clock.now(), `operations, who have ${intervention.kind} it`);
    }

    /**
     * Nothing is recorded of anything at Microsoft: either nothing was done yet, or the record was lost. Only the second leaves traces. That
     * it was looked for is noted only once there is an answer.
     */
    async function recover(subscription: Subscription, product: Product): Promise<void> {
      if (writer.record.fulfillment || writer.record.run || writer.record.searchedAt || !mayExist(subscription)) return;
      const fulfillment = await product.recover(subscription);
      await keep({ searchedAt: now(), fulfillment, customer: fulfillment?.owner });
      if (!fulfillment) return;
      await index(fulfillment);
      await tell('decision', TAKEN_UP_AGAIN, {});
    }

    async function keepLearned(learned: Fulfillment, atMicrosoft: AtMicrosoft | undefined): Promise<void> {
      const unseenSince = atMicrosoft?.status === 'unknown' ? (writer.record.unseenSince ?? now()) : undefined;
      await keep({ fulfillment: learned, inspectedAt: now(), unseenSince });
      if (!atMicrosoft?.movedTo) return;
      await index(learned);
      await tell('decision', `at Microsoft it goes on as partner subscription ${atMicrosoft.movedTo}`, {});
    }

    async function runOperation(
      decision: Pick<Run, 'operation' | 'target'>,
      product: Product,
      subscription: Subscription,
      asked: Asked,
    ): Promise<LookOutcome> {
      const { operation, target } = decision;
      const workflow = product.operations[operation];
      if (!workflow) {
        throw new AttentionError(
          'operation.not-offered',
          `Subscription ${subscriptionId} is a product of type ${writer.record.productType}, for which this version of the connector has no operation ${operation}. Update the connector.`,
        );
      }
      if (!isRunOf(writer.record.run, decision)) {
        const aside = asideOf(writer.record);
        // What was put aside goes on where it stood: begun anew, it would ask again for what only a person may have asked for again.
        const takenUp = isRunOf(aside, decision) ? aside : undefined;
        const run = takenUp ?? begin(decision, subscription);
        await keep({
          run,
          aside: takenUp ? undefined : aside,
          operation,
          step: undefined,
          attempts: 0,
          failingSince: undefined,
        });
        await tell('decision', `${workflow.name} ${takenUp ? 'goes on' : 'begins'}`, {
          status: subscription.deploymentStatus,
          ...(target && { target }),
        });
      }
      turn.progress = progressOf(writer.record);
      if (asked.retry) await records.forgetRetry(lane);
      const runId = writer.record.run?.id ?? '';
      // Whoever asked for the look, somebody waits for what it found to do, unless it has been waiting for a person anyway.
      if (writer.record.state !== 'needs-attention') turn.urgency = 'urgent';
      if (!ON_ITS_WAY.has(writer.record.state)) await standAt('running', {});

      const flow = await resumeFlow({
        journal: parts.journal,
        lane,
        runId,
        clock,
        mayGoOn,
        observe,
        around: parts.aroundStep,
      });
      const carriedOut = lookFor(subscription, asked);
      const stoodAt = writer.record.step;
      try {
        await workflow.run(flow, carriedOut);
      } catch (error) {
        // Upstreams that fail for a moment do not use up a press, as long as it got no further than where it was pressed.
        if (carriedOut.isRetryAsked() && mayPass(error) && writer.record.step === stoodAt)
          await records.askRetry(subscriptionId);
        throw error;
      }

      await tell('decision', `${workflow.name} is done`, {});
      writer.measureOperation('done');
      if (operation === 'deprovision') await endProvisioning(subscription);
      return doneWith(operation, target);
    }

    function begin({ operation, target }: Pick<Run, 'operation' | 'target'>, subscription: Subscription): Run {
      return {
        id: `${subscriptionId}-${operation}-${lane.fence}`,
        operation,
        ...(target && { target }),
        startedAt: now(),
        status: subscription.deploymentStatus,
      };
    }

    /**
     * One more look follows at once, which finds the next difference. If it finds the same one, what was done does not show: it is done
     * again ever more slowly, and a person is told.
     */
    async function doneWith(operation: Operation, target: string | undefined): Promise<LookOutcome> {
      const done = `${operation} ${target ?? ''}`;
      const again = writer.record.lastDone?.run === done ? writer.record.lastDone.again + 1 : 0;
      const isInVain = again >= MOST_IN_VAIN;
      await standAt('done', {
        ...QUIET,
        ...(isInVain && { alerted: writer.record.alerted, attempts: again - MOST_IN_VAIN }),
        lastDone: { run: done, again },
        run: undefined,
        ...(CHANGES_OF_PLAN.has(operation) && { aside: undefined }),
        step: undefined,
        failure: undefined,
      });
      if (isInVain) throw inVain(operation);
      // The marketplace takes a moment to show a report.
      return { againInMs: operation === 'report' || again > 0 ? parts.backoffMs(again + 3) : 0 };
    }

    function inVain(operation: Operation): AttentionError {
      if (operation === 'report') {
        return new AttentionError(
          'cloudesire.status-ignored',
          `The marketplace accepts the report that subscription ${subscriptionId} is deployed, but does not show it. Look at it there; it is reported again.`,
        );
      }
      return new AttentionError(
        'operation.in-vain',
        `For subscription ${subscriptionId} "${operation}" was done ${MOST_IN_VAIN + 1} times, each time with success, and is needed again. Compare in Partner Center and in the marketplace what it is about; it is tried again.`,
      );
    }

    function lookFor(subscription: Subscription, asked: Asked): Look {
      let retryToTake = asked.retry;
      return {
        lane,
        subscription,
        isAskedFor: asked.look || asked.retry,
        isRetryAsked: () => retryToTake,
        takeRetry() {
          const taken = retryToTake;
          retryToTake = false;
          return taken;
        },
        fulfillment: () => writer.record.fulfillment ?? { productType: writer.record.productType ?? 'license' },
        note,
        tellOperations,
        async settle(done) {
          await note({ settled: compact({ trial: false, ...writer.record.fulfillment?.settled, ...done }) as Wish });
        },
        async stillIn(statuses, isWanted = () => true) {
          const fresh = await cloudesire.subscriptions.get(subscriptionId);
          if (fresh && statuses.includes(fresh.deploymentStatus) && isWanted(fresh)) return fresh;
          throw new Suspended(
            clock.now(),
            `a new decision: the marketplace shows ${fresh?.deploymentStatus ?? 'nothing'} now`,
          );
        },
        async isStillIn(statuses, isWanted) {
          const fresh = await cloudesire.subscriptions.get(subscriptionId);
          return fresh !== undefined && statuses.includes(fresh.deploymentStatus) && isWanted(fresh);
        },
      };
    }

    async function note(facts: Parameters<Look['note']>[0]): Promise<void> {
      const before = writer.record.fulfillment ?? { productType: writer.record.productType ?? 'license' };
      const after = compact({ ...before, ...facts }) as Fulfillment;
      if (JSON.stringify(after) === JSON.stringify(before)) return;
      await keep({ fulfillment: after, customer: after.owner });
      turn.progress = progressOf(writer.record);
      await index(after);
    }

    /** Partner Center's events name the partner subscription only. */
    async function index({ partnerSubscriptionId }: Partial<Fulfillment>): Promise<void> {
      if (partnerSubscriptionId) await parts.partnerSubscriptions.note(partnerSubscriptionId, subscriptionId);
    }

    async function endProvisioning(subscription: Subscription): Promise<void> {
      if (writer.record.customer) await parts.directory.release(lane, writer.record.customer);
      const shownBefore = writer.record.run?.status ?? subscription.deploymentStatus;
      if (shownBefore === 'UNDEPLOY_SENT') return;
      await tellOperations({
        code: 'subscription.ended-without-us',
        message: `The marketplace showed subscription ${subscriptionId} as ${shownBefore} before it was ended at Microsoft; it is ended there now. Find out who set that status.`,
      });
    }

    async function observe(event: FlowEvent): Promise<void> {
      if (event.kind === 'step-started') {
        writer.foresee({ step: event.step });
        return;
      }
      const facts = event.kind === 'step-finished' ? { durationMs: event.durationMs } : {};
      const { productType } = writer.record;
      if (event.kind === 'step-finished' && productType) parts.measures?.step({ productType, ...event });
      const isNews = writer.record.state !== 'running';
      writer.foresee({
        ...(isNews && {
          state: 'running',
          since: now(),
          waitingFor: undefined,
          heldUpBy: undefined,
          before: undefined,
        }),
        attempts: 0,
        failingSince: undefined,
        troubledSince: undefined,
        told: undefined,
        // What succeeds once more is not yet what shows.
        ...((writer.record.lastDone?.again ?? 0) < MOST_IN_VAIN && { alerted: undefined }),
      });
      if (isNews) await keep({});
      await tell('step', event.kind === 'step-finished' ? event.step : `${event.step}: had happened already`, facts);
      log.info(
        { runId: writer.record.run?.id, step: event.step, ...facts },
        event.kind === 'step-finished' ? 'step finished' : 'effect found',
      );
    }

    async function notFound(): Promise<LookOutcome> {
      const { fulfillment } = writer.record;
      if (mayBeCharged(fulfillment) && !fulfillment?.endedAt) {
        throw new AttentionError(
          'subscription.vanished',
          `The marketplace no longer shows subscription ${subscriptionId}, but it exists at Microsoft and may be charged. Nothing is ended on that alone: find out why, then end it by hand.`,
        );
      }
      if (writer.record.fulfillment) {
        await standAt('done', {});
        return { done: true };
      }
      const attempts = writer.record.attempts + 1;
      const waitingFor = 'the marketplace to show the subscription';
      if (attempts > LOOKS_FOR_UNKNOWN) {
        await standAt('idle', { attempts: 0, waitingFor });
        return { done: true };
      }
      await standAt('waiting', { attempts, waitingFor });
      return { againInMs: parts.backoffMs(attempts + 2) };
    }

    /** Undefined for what is not ours: products that are not sold through the Cloud Solution Provider programme. */
    async function readProductType(subscription: Subscription): Promise<ProductType | undefined> {
      if (writer.record.productType) return writer.record.productType;
      const product = await cloudesire.catalogue.product(subscription.productId);
      if (product && product.type !== 'CSP') return undefined;
      if (product?.cspProductType) return product.cspProductType;
      throw new AttentionError(
        'product.unreadable',
        `The marketplace does not show product ${subscription.productId}, or it does not say whether it is license, azure or arm. Check its import in the marketplace.`,
      );
    }
  };
}

/** Whether something may exist at Microsoft that is charged. */
function mayBeCharged({ checkoutAt, orderId, partnerSubscriptionId, azure }: Partial<Fulfillment> = {}): boolean {
  const first = checkoutAt ?? orderId ?? partnerSubscriptionId ?? azure?.subscriptionAskedAt ?? azure?.subscriptionId;
  return first !== undefined;
}

/** What an operation has reached decides how soon its next call comes. */
function progressOf({ run, fulfillment }: SubscriptionRecord): Turn['progress'] {
  if (!run) return undefined;
  if (run.operation === 'provision' && mayBeCharged(fulfillment)) return 'bought';
  return fulfillment?.customerId === undefined ? undefined : 'begun';
}

/** Whether the same may get further a little later, without anybody. */
function mayPass(error: unknown): boolean {
  return error instanceof RetryableError || error instanceof Stopping;
}

/** What is put aside when it needs a person, since the rest is not held up by it. */
const CHANGES_OF_PLAN = new Set<Operation>(['change-plan', 'convert-trial']);

/** The change of plan that needs a person, whatever else the record stands for by now. */
function asideOf({ state, before, run, aside }: SubscriptionRecord): Run | undefined {
  const isStuck = state === 'needs-attention' || before?.state === 'needs-attention';
  return isStuck && run && CHANGES_OF_PLAN.has(run.operation) ? run : aside;
}

function isRunOf(run: Run | undefined, { operation, target }: Pick<Run, 'operation' | 'target'>): boolean {
  return run?.operation === operation && run.target === target;
}

/** So many first back-offs lie between two looks while the records are rebuilt. */
const UNTIL_REBUILT = 20;
/** So often something may be done again in a row before a person is told. */
const MOST_IN_VAIN = 5;
const ENDING_WHILE_HELD = 'subscription.ending-while-held';
/** Pause before the marketplace is asked again about a subscription that is held. */
const UNREAD_PAUSE_MS = 60_000;
/** A run in these states has been told of; looking at it is no change. */
const ON_ITS_WAY = new Set<RecordState>(['running', 'waiting', 'retrying', 'needs-attention']);

/** What operations have pressed. */
interface Asked {
  look: boolean;
  retry: boolean;
}

/**
 * Digest of what decides about a subscription; where it and the record are unchanged and at rest, no look is needed.
 */
export function digest(seen: SubscriptionSummary): string {
  const seats = seen.extraResources.map(({ identifier, value }) => `${identifier}=${value}`).sort();
  const facts = [seen.deploymentStatus, seen.type, seen.paid, seen.planId, seen.endDate, ...seats];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url').slice(0, 16);
}

function isAwaitingDelivery({ deploymentStatus }: Subscription): boolean {
  return deploymentStatus === 'PENDING' || deploymentStatus === 'FAILED';
}
