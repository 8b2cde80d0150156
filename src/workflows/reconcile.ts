import { createHash } from 'node:crypto';
import { type Journal, type Lane, LaneLostError } from '../engine/journal.ts';
import { type FlowEvent, resumeFlow, Stopping, Suspended } from '../engine/workflow.ts';
import type { AlertFacts, Alerts } from '../lib/alerts.ts';
import type { Clock } from '../lib/clock.ts';
import {
  AttentionError,
  ConnectorError,
  CustomerError,
  PermanentError,
  RetryableError,
  ThrottledError,
} from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Turn, Turns } from '../lib/turn.ts';
import type { Report } from '../report/report.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Subscription, SubscriptionSummary } from '../upstreams/cloudesire/schema.ts';
import { WithheldError } from '../upstreams/http.ts';
import type { Catalog, Product } from './catalog.ts';
import { compare } from './comparison.ts';
import type { AtMicrosoft, Fulfillment } from './fulfillment.ts';
import type { Intervention, Interventions } from './interventions.ts';
import type { Look } from './look.ts';
import type { Operation, ProductType } from './operations.ts';
import type {
  Completeness,
  CustomerDirectory,
  Failure,
  PartnerSubscriptionIndex,
  RecordState,
  Records,
  SubscriptionRecord,
  Timeline,
} from './record.ts';
import { mayExist, TAKEN_UP_AGAIN } from './recovery.ts';

/** What the queue is to do with the subscription after a look: nothing, or look again after a pause. */
export type LookOutcome = { done: true } | { againInMs: number };

/** Hears how long things took, to count them. Times in milliseconds, waits included. */
export interface Measures {
  step(measured: { productType: ProductType; step: string; durationMs: number }): void;
  /** `refused`: the customer was told what to supply. */
  operation(measured: {
    productType: ProductType;
    operation: Operation;
    outcome: 'done' | 'failed' | 'refused';
    durationMs: number;
  }): void;
}

export interface ReconcileParts {
  cloudesire: Cloudesire;
  catalog: Catalog;
  report: Report;
  records: Records;
  completeness: Completeness;
  timeline: Timeline;
  journal: Journal;
  directory: CustomerDirectory;
  partnerSubscriptions: PartnerSubscriptionIndex;
  /** Does the work so that its calls to upstreams are made in this turn. */
  withinTurn: Turns['within'];
  interventions: Pick<Interventions, 'get'>;
  alerts: Alerts;
  /** Absent where nothing is counted. */
  measures?: Measures | undefined;
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
  const { cloudesire, records, timeline, clock, alerts, settings } = parts;
  const now = (): string => new Date(clock.now()).toISOString();

  return async (lane, { isUrgent }) => {
    const { subscriptionId } = lane;
    const log = parts.log.child({ subscriptionId });
    const stored = await records.get(subscriptionId);
    let awaitsDelivery = false;
    let record: SubscriptionRecord = stored ?? { subscriptionId, state: 'idle', since: now(), attempts: 0 };
    const turn: Turn = {
      holder: String(subscriptionId),
      urgency: isUrgent ? 'urgent' : 'background',
      sinceAt: stored?.heldUpSince ? Date.parse(stored.heldUpSince) : clock.now(),
    };

    return await parts.withinTurn(turn, async () => {
      try {
        const intervention = await parts.interventions.get(subscriptionId);
        return await (intervention ? standAside(intervention) : look());
      } catch (error) {
        return await settle(error);
      }
    });

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
      const isPressedNow = asked.retry && record.state !== 'retrying';
      await keep({
        productType,
        productId: subscription.productId,
        ...(asked.retry && { failure: undefined }),
        ...(isPressedNow && { attempts: 0, failingSince: undefined }),
      });

      await awaitWholeRecords();
      if (record.failure && !record.failure.reported && isAwaitingDelivery(subscription))
        return tellFailure(record.failure);

      const product = parts.catalog[productType];
      await recover(subscription, product);
      const { decision, atMicrosoft, learned } = await compare(
        subscription,
        { ...record, retryAsked: asked.retry },
        product,
        settings,
      );
      if (learned) await keepLearned(learned, atMicrosoft);
      if (asked.retry && decision.kind !== 'run') await records.forgetRetry(lane);
      switch (decision.kind) {
        case 'run':
          return runOperation(decision, product, subscription, asked);
        case 'attention':
          throw new AttentionError(decision.code, decision.message);
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
      if (kind === 'detached') {
        await standAt('idle', { ...QUIET, waitingFor: `operations, who have detached it (${by}, ${at}: ${reason})` });
        return { done: true };
      }
      const waitingFor = `operations to release it (held by ${by}, ${at}: ${reason})`;
      await standAt('waiting', { waitingFor, attempts: 0, failingSince: undefined });
      let subscription: Subscription | undefined;
      try {
        subscription = await cloudesire.subscriptions.get(subscriptionId);
      } catch (error) {
        if (error instanceof ConnectorError) return { againInMs: UNREAD_PAUSE_MS };
        throw error;
      }
      if (subscription?.deploymentStatus === 'UNDEPLOY_SENT' && record.alerted !== ENDING_WHILE_HELD) {
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
      if (record.fulfillment || record.run || record.searchedAt || !mayExist(subscription)) return;
      const fulfillment = await product.recover(subscription);
      await keep({ searchedAt: now(), fulfillment, customer: fulfillment?.owner });
      if (!fulfillment) return;
      await index(fulfillment);
      await tell('decision', TAKEN_UP_AGAIN, {});
    }

    async function keepLearned(learned: Fulfillment, atMicrosoft: AtMicrosoft | undefined): Promise<void> {
      await keep({ fulfillment: learned, inspectedAt: now() });
      if (!atMicrosoft?.movedTo) return;
      await index(learned);
      await tell('decision', `at Microsoft it goes on as partner subscription ${atMicrosoft.movedTo}`, {});
    }

    async function runOperation(
      { operation, target }: { operation: Operation; target?: string },
      product: Product,
      subscription: Subscription,
      asked: Asked,
    ): Promise<LookOutcome> {
      const workflow = product.operations[operation];
      if (!workflow) {
        throw new AttentionError(
          'operation.not-offered',
          `Subscription ${subscriptionId} is a product of type ${record.productType}, for which this version of the connector has no operation ${operation}. Update the connector; the order goes on by itself.`,
        );
      }
      if (record.run?.operation !== operation || record.run.target !== target) {
        const run = {
          id: `${subscriptionId}-${operation}-${lane.fence}`,
          operation,
          ...(target && { target }),
          startedAt: now(),
          status: subscription.deploymentStatus,
        };
        const aside = record.state === 'needs-attention' ? record.run : undefined;
        await keep({ run, aside, operation, step: undefined, attempts: 0, failingSince: undefined });
        await tell('decision', `${workflow.name} begins`, {
          status: subscription.deploymentStatus,
          ...(target && { target }),
        });
      }
      if (asked.retry) await records.forgetRetry(lane);
      const runId = record.run?.id ?? '';
      // Whoever asked for the look, somebody waits for what it found to do, unless it has been waiting for a person anyway.
      if (record.state !== 'needs-attention') turn.urgency = 'urgent';
      if (!ON_ITS_WAY.has(record.state)) await standAt('running', {});

      const flow = await resumeFlow({ journal: parts.journal, lane, runId, clock, mayGoOn, observe });
      const carriedOut = lookFor(subscription, asked);
      const stoodAt = record.step;
      try {
        await workflow.run(flow, carriedOut);
      } catch (error) {
        // Upstreams that fail for a moment do not use up a press, as long as it got no further than where it was pressed.
        if (carriedOut.isRetryAsked() && mayPass(error) && record.step === stoodAt)
          await records.askRetry(subscriptionId);
        throw error;
      }

      await tell('decision', `${workflow.name} is done`, {});
      measureOperation('done');
      if (operation === 'deprovision') await endProvisioning(subscription);
      return doneWith(operation, target);
    }

    /**
     * One more look follows at once, which finds the next difference. If it finds the same one, what was done does not show: it is done
     * again ever more slowly, and a person is told.
     */
    async function doneWith(operation: Operation, target: string | undefined): Promise<LookOutcome> {
      const done = `${operation} ${target ?? ''}`;
      const again = record.lastDone?.run === done ? record.lastDone.again + 1 : 0;
      const isInVain = again >= MOST_IN_VAIN;
      await standAt('done', {
        ...QUIET,
        ...(isInVain && { alerted: record.alerted, attempts: again - MOST_IN_VAIN }),
        lastDone: { run: done, again },
        run: undefined,
        aside: undefined,
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
        fulfillment: () => record.fulfillment ?? { productType: record.productType ?? 'license' },
        note,
        tellOperations,
        async settle(done) {
          await note({ settled: { trial: false, ...record.fulfillment?.settled, ...done } });
        },
        async stillIn(statuses, isWanted = () => true) {
          const fresh = await cloudesire.subscriptions.get(subscriptionId);
          if (fresh && statuses.includes(fresh.deploymentStatus) && isWanted(fresh)) return fresh;
          throw new Suspended(
            clock.now(),
            `a new decision: the marketplace shows ${fresh?.deploymentStatus ?? 'nothing'} now`,
          );
        },
      };
    }

    async function note(facts: Parameters<Look['note']>[0]): Promise<void> {
      const before = record.fulfillment ?? { productType: record.productType ?? 'license' };
      const after = withoutUndefined<Fulfillment>({ ...before, ...facts });
      if (JSON.stringify(after) === JSON.stringify(before)) return;
      await keep({ fulfillment: after, customer: after.owner });
      await index(after);
    }

    /** Partner Center's events name the partner subscription only. */
    async function index({ partnerSubscriptionId }: Partial<Fulfillment>): Promise<void> {
      if (partnerSubscriptionId) await parts.partnerSubscriptions.note(partnerSubscriptionId, subscriptionId);
    }

    async function endProvisioning(subscription: Subscription): Promise<void> {
      if (record.customer) await parts.directory.release(lane, record.customer);
      const shownBefore = record.run?.status ?? subscription.deploymentStatus;
      if (shownBefore === 'UNDEPLOY_SENT') return;
      await tellOperations({
        code: 'subscription.ended-without-us',
        message: `The marketplace showed subscription ${subscriptionId} as ${shownBefore} before it was ended at Microsoft; it is ended there now. Find out who set that status.`,
      });
    }

    async function tellOperations({ code, message }: { code: string; message: string }): Promise<void> {
      alerts.attention({ code, message, ...whereItStands() });
      await tell('error', message, { code });
    }

    async function observe(event: FlowEvent): Promise<void> {
      if (event.kind === 'step-started') {
        record = { ...record, step: event.step };
        return;
      }
      const facts = event.kind === 'step-finished' ? { durationMs: event.durationMs } : {};
      const { productType } = record;
      if (event.kind === 'step-finished' && productType) parts.measures?.step({ productType, ...event });
      const isNews = record.state !== 'running';
      record = withoutUndefined<SubscriptionRecord>({
        ...record,
        ...(isNews && { state: 'running', since: now(), waitingFor: undefined }),
        attempts: 0,
        failingSince: undefined,
        told: undefined,
        // What succeeds once more is not yet what shows.
        ...((record.lastDone?.again ?? 0) < MOST_IN_VAIN && { alerted: undefined }),
      });
      if (isNews) await records.put(lane, record);
      await tell('step', event.kind === 'step-finished' ? event.step : `${event.step}: had happened already`, facts);
      log.info(
        { runId: record.run?.id, step: event.step, ...facts },
        event.kind === 'step-finished' ? 'step finished' : 'effect found',
      );
    }

    function measureOperation(outcome: 'done' | 'failed' | 'refused'): void {
      const { productType, run } = record;
      if (!productType || !run) return;
      const durationMs = clock.now() - Date.parse(run.startedAt);
      parts.measures?.operation({ productType, operation: run.operation, outcome, durationMs });
    }

    async function notFound(): Promise<LookOutcome> {
      const { fulfillment } = record;
      const { subscriptionId: azureSubscriptionId, subscriptionAskedAt } = fulfillment?.azure ?? {};
      const isBought =
        fulfillment?.checkoutAt ??
        fulfillment?.orderId ??
        fulfillment?.partnerSubscriptionId ??
        subscriptionAskedAt ??
        azureSubscriptionId;
      if (isBought && !fulfillment?.endedAt) {
        throw new AttentionError(
          'subscription.vanished',
          `The marketplace no longer shows subscription ${subscriptionId}, but it exists at Microsoft and may be charged. Nothing is ended on that alone: find out why, then end it by hand.`,
        );
      }
      if (record.fulfillment) {
        await standAt('done', {});
        return { done: true };
      }
      const attempts = record.attempts + 1;
      const waitingFor = 'the marketplace to show the subscription';
      if (attempts > LOOKS_FOR_UNKNOWN) {
        await standAt('idle', { attempts: 0, waitingFor });
        return { done: true };
      }
      await standAt('waiting', { attempts, waitingFor });
      return { againInMs: parts.backoffMs(attempts + 2) };
    }

    async function settle(error: unknown): Promise<LookOutcome> {
      if (error instanceof LaneLostError || error instanceof Stopping) {
        log.info({ runId: record.run?.id, step: record.step, reason: error.message }, 'look ended before its time');
        throw error;
      }
      if (error instanceof Suspended) {
        await wait(error.waitingFor);
        return { againInMs: Math.max(0, error.resumeAt - clock.now()) };
      }
      if (error instanceof WithheldError) {
        await standAt('waiting', { waitingFor: `the end of the dry run (CMW_READ_ONLY): ${error.message}` });
        return { done: true };
      }
      if (error instanceof ThrottledError) {
        const pauseMs = error.retryAfterMs ?? settings.retryBaseMs;
        const isOutage = error.waitingFor !== undefined;
        const waitingFor = error.waitingFor ?? `the limit of ${error.facts.upstream ?? 'the upstream'}`;
        const heldUpSince = new Date(turn.sinceAt).toISOString();
        await standAt('waiting', {
          waitingFor,
          heldUpSince,
          // An outage is told once for all that it holds up.
          ...(!isOutage && tellIfSlow(waitingFor, heldUpSince)),
          // What holds up everything is no failure of this operation: that time does not count for its deadline.
          failingSince: record.failingSince && new Date(Date.parse(record.failingSince) + pauseMs).toISOString(),
        });
        return { againInMs: pauseMs };
      }
      if (error instanceof AttentionError) return needAttention(error);
      if (error instanceof CustomerError || error instanceof PermanentError) {
        // The customer is told of a failure only while nothing is bought, since what is bought has to be delivered, and while they wait for it.
        const { orderId, partnerSubscriptionId } = record.fulfillment ?? {};
        const isBought = (orderId ?? partnerSubscriptionId) !== undefined;
        if (record.run?.operation === 'provision' && !isBought && awaitsDelivery)
          return fail(error instanceof CustomerError ? 'customer' : 'final', error);
        return needAttention(error);
      }
      return retry(error);
    }

    async function wait(waitingFor: string): Promise<void> {
      const since = record.state === 'waiting' ? record.since : now();
      await standAt('waiting', { waitingFor, attempts: 0, failingSince: undefined, ...tellIfSlow(waitingFor, since) });
    }

    /** A wait has no deadline, since what is waited for may come at any time; but one that takes longer than that is told once. */
    function tellIfSlow(waitingFor: string, since: string): Changes {
      if (clock.now() - Date.parse(since) < settings.deadlineMs) return {};
      const alerted = `operation.slow ${record.step ?? ''}`;
      if (record.alerted !== alerted) {
        const message = `Subscription ${subscriptionId} has been waiting since ${since} for ${waitingFor}. It goes on by itself when that comes: find out whether it will.`;
        alert(new AttentionError('operation.slow', message));
      }
      return { alerted };
    }

    async function needAttention(error: ConnectorError): Promise<{ againInMs: number }> {
      const attempts = record.attempts + 1;
      // Told once for each matter: its text may change with every try, as the identifier of the call does.
      const alerted = `${error.code} ${record.step ?? ''}`;
      if (record.alerted !== alerted) alert(error);
      const waitingFor = 'operations to do what the last error says';
      await standAt('needs-attention', { attempts, alerted, waitingFor, failingSince: undefined, ...errorOf(error) });
      return { againInMs: Math.min(10 * settings.retryBaseMs * 2 ** Math.min(attempts - 1, 7), 900_000) };
    }

    function alert({ code, message, facts }: ConnectorError): void {
      alerts.attention({ code, message, ...whereItStands(), ...(facts.upstream && { call: facts }) });
    }

    function whereItStands(): AlertFacts & { subscriptionId: number } {
      const { productType, step } = record;
      const operation = record.run?.operation;
      return {
        subscriptionId,
        ...(productType && { productType }),
        ...(operation && { operation }),
        ...(step && { step }),
      };
    }

    async function retry(error: unknown): Promise<LookOutcome> {
      const attempts = record.attempts + 1;
      const failingSince = record.failingSince ?? now();
      const known = error instanceof ConnectorError ? error : undefined;
      const isRepeated = record.attempts > 0 && record.lastError?.message.endsWith(messageOf(error)) === true;
      if (!known && !isRepeated) alerts.bug(error, whereItStands());

      const pauseMs = error instanceof RetryableError ? (error.retryAfterMs ?? 0) : 0;
      if (error instanceof RetryableError && error.waitingFor !== undefined) {
        // Nothing is failing where it is known what takes its time.
        await wait(error.waitingFor);
        return { againInMs: Math.max(parts.backoffMs(1), pauseMs) };
      }
      const isOver = clock.now() - Date.parse(failingSince) >= settings.deadlineMs;
      const isTold = record.failure?.reported !== false;
      if (isOver && record.run?.operation === 'provision' && isTold) {
        return fail(
          'final',
          new PermanentError(
            'operation.deadline',
            `Given up after failing since ${failingSince}; the last failure: ${messageOf(error)}`,
            { cause: error },
          ),
        );
      }
      if (isOver) {
        const what = isTold ? (record.run?.operation ?? 'the look') : 'telling the customer what went wrong';
        const overdue = new AttentionError(
          'operation.overdue',
          `${what} has been failing since ${failingSince} and is still tried. Last failure: ${messageOf(error)}`,
        );
        const { againInMs } = await needAttention(overdue);
        await keep({ failingSince });
        return { againInMs: Math.max(againInMs, pauseMs) };
      }
      const retryInMs = Math.max(parts.backoffMs(attempts), pauseMs);
      log.warn(
        { err: error, runId: record.run?.id, step: record.step, attempt: attempts, retryInMs },
        'step will be retried',
      );
      await standAt('retrying', {
        attempts,
        failingSince,
        waitingFor: `the next try, number ${attempts + 1}`,
        ...errorOf(error),
      });
      return { againInMs: retryInMs };
    }

    async function fail(kind: Failure['kind'], error: ConnectorError): Promise<LookOutcome> {
      const same =
        record.failure?.code === error.code && JSON.stringify(record.failure.params) === JSON.stringify(error.params);
      const failure: Failure = {
        kind,
        code: error.code,
        params: error.params,
        reported: same && record.failure?.reported === true,
      };
      if (!same) {
        log.warn({ err: error, step: record.step }, 'operation failed');
        if (kind === 'final') alert(error);
        measureOperation(kind === 'final' ? 'failed' : 'refused');
      }
      await keep({ failure, ...errorOf(error) });
      return failure.reported ? standFailed(failure) : tellFailure(failure).catch(settle);
    }

    /** The failure itself stays recorded until it was told: telling it is tried again like anything else, for as long as it takes. */
    async function tellFailure(failure: Failure): Promise<LookOutcome> {
      record = { ...record, step: 'tell the customer' };
      await parts.report.failed(subscriptionId, failure);
      await tell('report', `the customer was told: ${failure.code}`, failure.params);
      return standFailed({ ...failure, reported: true });
    }

    async function standFailed(failure: Failure): Promise<LookOutcome> {
      const waitingFor =
        failure.kind === 'customer'
          ? 'the customer to supply what is missing'
          : 'operations to press retry once the cause is cured';
      await standAt('failed', { failure, waitingFor, attempts: 0, failingSince: undefined });
      return { done: true };
    }

    /** Stores where the subscription stands now. The timeline is told once: polls and tries that change nothing are no news. */
    async function standAt(state: RecordState, facts: Changes): Promise<void> {
      const { waitingFor, lastError } = facts;
      // The text of an error may change with every try, as the identifier of the call does.
      const news = lastError ? `${lastError.code} ${record.step ?? ''}` : waitingFor;
      const isNews = news !== undefined && record.told !== news;
      await keep({
        heldUpSince: undefined,
        ...facts,
        waitingFor,
        state,
        ...(record.state !== state && { since: now() }),
        ...(isNews && { told: news }),
      });
      if (!isNews) return;
      if (lastError) await tell('error', lastError.message, { code: lastError.code, state });
      else await tell('wait', `waits for ${waitingFor}`, { state });
    }

    async function keep(changes: Changes): Promise<void> {
      record = withoutUndefined<SubscriptionRecord>({ ...record, ...changes });
      await records.put(lane, record);
    }

    function tell(
      kind: 'decision' | 'step' | 'wait' | 'error' | 'report',
      text: string,
      facts: Record<string, unknown>,
    ): Promise<void> {
      return timeline.add(lane, { at: now(), kind, text, ...facts });
    }

    function errorOf(error: unknown): Changes {
      const code = error instanceof ConnectorError ? error.code : 'bug';
      return { lastError: { code, message: messageOf(error), at: now() } };
    }

    /** Undefined for what is not ours: products that are not sold through the Cloud Solution Provider programme. */
    async function readProductType(subscription: Subscription): Promise<ProductType | undefined> {
      if (record.productType) return record.productType;
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

/** Whether the same may get further a little later, without anybody. */
function mayPass(error: unknown): boolean {
  return error instanceof RetryableError || error instanceof Stopping;
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

/** Whatever failed before is over once nothing is left to do. */
const QUIET: Changes = {
  alerted: undefined,
  lastDone: undefined,
  told: undefined,
  attempts: 0,
  failingSince: undefined,
  lastError: undefined,
};

/** What operations have pressed. */
interface Asked {
  look: boolean;
  retry: boolean;
}

type Changes = { [field in keyof SubscriptionRecord]?: SubscriptionRecord[field] | undefined };

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

function messageOf(error: unknown): string {
  // The text of a foreign error may hold anything; its name is enough for the record, the rest is in Sentry.
  return error instanceof ConnectorError
    ? error.message
    : `unexpected ${error instanceof Error ? error.name : typeof error}`;
}

function withoutUndefined<T extends object>(changes: { [field in keyof T]?: T[field] | undefined }): T {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as unknown as T;
}
