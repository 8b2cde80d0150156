import type { Cure } from '../lib/errors.ts';
import { nameIn } from '../lib/foreign-text.ts';
import type { Wait } from '../lib/wait.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import { type AtMicrosoft, type Fulfillment, type LicenseAtMicrosoft, mayBeCharged, type Wish } from './fulfillment.ts';
import type { Operation } from './operations.ts';
import { isToldOf, type SubscriptionRecord } from './record.ts';
import { isSameItem } from './term-item.ts';

/** What a look leads to. */
export type Decision =
  /** `target` tells runs of one operation apart: another number of seats is another run. */
  | { kind: 'run'; operation: Operation; target?: string }
  /** Nothing to do before somebody else acts. `failed`: an operation has ended and only a person starts it again. */
  | { kind: 'wait'; state: 'idle' | 'failed'; waitingFor: Wait }
  | { kind: 'attention'; code: string; message: string; cure?: Cure }
  /** In order, or at its end. */
  | { kind: 'settled'; state: 'idle' | 'done' };

/** What Cloudesire says now. */
export type Seen = Pick<Subscription, 'deploymentStatus' | 'paid' | 'type' | 'planId' | 'endDate'> & {
  /** As sold, where the product counts them. */
  seats?: number | undefined;
  /** Digest of what the customer entered, where that decides about what is deployed. */
  configuration?: string | undefined;
};

/** What we recorded. */
export type Known = Pick<SubscriptionRecord, 'fulfillment' | 'failure' | 'run' | 'aside' | 'alerted'> & {
  state?: SubscriptionRecord['state'];
  /** Operations have pressed retry since the last look. */
  retryAsked: boolean;
  /** Microsoft has not shown it for so long that it is not there, or not shown to us, rather than late. */
  isUnseen?: boolean;
};

export interface PlanSettings {
  sandboxOrders: 'refuse' | 'allow';
}

/**
 * Chooses what a subscription needs from what Cloudesire says now, what we recorded, and what Microsoft says (undefined where it was
 * not asked); never from the event that woke us. One difference at a time: the next look finds the next.
 */
export function planOperation(seen: Seen, known: Known, settings: PlanSettings, atMicrosoft?: AtMicrosoft): Decision {
  // What Microsoft was asked for and cannot take back is followed to its end, whatever the marketplace shows meanwhile.
  if (known.fulfillment?.moving && known.run) return run(known.run.operation, known.run.target);
  const local = localState(known);
  switch (seen.deploymentStatus) {
    case 'WAITING_PAYMENT':
      return beforeProvisioning(local, 'the first payment');
    case 'REQUIRES_APPROVAL':
      return beforeProvisioning(local, 'the approval of the order');
    case 'POSTPONED':
      return beforeProvisioning(local, 'the start date of the order');
    case 'PENDING':
      return planPending(seen, known, local, settings, atMicrosoft);
    case 'DEPLOYED':
      return planDeployed(seen, known, local, atMicrosoft);
    case 'STOPPED':
      return planStopped(known, local, atMicrosoft);
    case 'UNDEPLOY_SENT':
      return run('deprovision');
    case 'UNDEPLOYED':
      return local === 'nothing' || local === 'ended' ? settled('done') : run('deprovision');
    case 'PAYMENT_EXPIRED':
    case 'REJECTED':
      return planClosed(seen.deploymentStatus, known, local);
    case 'FAILED':
      return planFailed(seen, known, local, settings);
    case 'POST_CONFIGURATION':
    case 'UNKNOWN':
      return attention(
        'subscription.unexpected-state',
        'The marketplace shows a deployment status that CSP products do not have. Check the plan (post configuration must be off) and the API version.',
      );
  }
}

type LocalState = 'nothing' | 'provisioning' | 'provisioned' | 'suspended' | 'ended';

function localState({ fulfillment, run: current }: Known): LocalState {
  if (fulfillment?.endedAt) return 'ended';
  if (fulfillment?.suspended) return 'suspended';
  if (fulfillment?.deployedAt) return 'provisioned';
  return fulfillment?.customerId || current?.operation === 'provision' ? 'provisioning' : 'nothing';
}

function beforeProvisioning(local: LocalState, waitingFor: Wait): Decision {
  if (local === 'nothing') return wait(waitingFor);
  return attention(
    'subscription.state-went-back',
    `The marketplace waits again for ${waitingFor}, although provisioning has begun. Nothing is changed at Microsoft until a person has looked.`,
  );
}

/** A sandbox order never reaches a production account: it is refused unless the account is declared to be a sandbox itself. */
export function isRefusedSandbox(type: string, { sandboxOrders }: PlanSettings): boolean {
  return type === 'SANDBOX' && sandboxOrders === 'refuse';
}

function planPending(
  seen: Seen,
  known: Known,
  local: LocalState,
  settings: PlanSettings,
  atMicrosoft?: AtMicrosoft,
): Decision {
  if (seen.type === 'UNKNOWN') {
    return attention(
      'subscription.unexpected-type',
      'The order is neither NORMAL, TRIAL nor SANDBOX; nothing is bought for it.',
    );
  }
  if (isRefusedSandbox(seen.type, settings)) {
    return attention(
      'subscription.sandbox-order',
      'A sandbox order never reaches a production Partner Center account. Where the account is an integration sandbox, set SANDBOX_ORDERS=allow.',
    );
  }
  // Trials are provisioned at once: no invoice exists for them.
  if (seen.type !== 'TRIAL' && !seen.paid) return wait('payment');
  if (local === 'suspended') return endedAtMicrosoft(seen, known, atMicrosoft) ?? run('resume');
  if (local === 'provisioned') return run('report');
  if (local === 'ended') {
    return attention(
      'subscription.came-back',
      'The marketplace wants it provisioned, but it was ended here before. Nothing is bought anew: have the customer place a new order.',
    );
  }
  return run('provision');
}

function planStopped(known: Known, local: LocalState, atMicrosoft: AtMicrosoft | undefined): Decision {
  if (local === 'provisioned' || isHalfSuspended(known) || runsOn(atMicrosoft)) return run('suspend');
  if (local === 'provisioning') {
    if (isReported(known) || isOrdered(known)) return run('provision');
    if (isThere(known)) return run('suspend');
  }
  return wait('the customer to pay; the marketplace has suspended the subscription');
}

/** What is made anew on the word of a person may be there before it is handed over. */
function isThere({ fulfillment }: Known): boolean {
  return (fulfillment?.partnerSubscriptionId ?? fulfillment?.azure?.attempt) !== undefined;
}

/** Everything is in place, and only the record of the delivery is missing. */
function isReported({ run: current, fulfillment }: Known): boolean {
  return current?.operation === 'provision' && fulfillment?.settled !== undefined;
}

/** A licence is ordered, or may be, and its run is the one that finds out whether, and which partner subscription comes of that. */
function isOrdered({ run: current, fulfillment }: Known): boolean {
  const { checkoutAt, orderId, partnerSubscriptionId } = fulfillment ?? {};
  const isSent = (orderId ?? checkoutAt) !== undefined;
  return current?.operation === 'provision' && isSent && partnerSubscriptionId === undefined;
}

/** A suspension that has begun, or one that was being taken back: what is given back already is taken away again. */
function isHalfSuspended({ run: current }: Known): boolean {
  return current?.operation === 'suspend' || current?.operation === 'resume';
}

/** Whether what is suspended runs all the same; of a trial, which cannot be suspended, whether it turns into what is charged. */
function runsOn({ status, runs, license }: Partial<AtMicrosoft> = {}): boolean {
  if (runs) return true;
  return status === 'active' && license !== undefined && (!license.isTrial || license.autoRenewEnabled);
}

function planDeployed(seen: Seen, known: Known, local: LocalState, atMicrosoft: AtMicrosoft | undefined): Decision {
  switch (local) {
    case 'suspended':
      return endedAtMicrosoft(seen, known, atMicrosoft) ?? run('resume');
    case 'provisioning':
      // The status arrived, its record did not: the run is carried on and finds everything in place.
      return run('provision');
    case 'nothing':
    case 'ended':
      return attention(
        'subscription.deployed-elsewhere',
        'The marketplace shows it as deployed, but this connector has not provisioned it. Rebuild the records if Redis was lost; otherwise somebody deployed it by hand, or it was ended here before: set its status right in the marketplace, or detach it.',
      );
    case 'provisioned':
      return (
        endedAtMicrosoft(seen, known, atMicrosoft) ??
        suspendedAtMicrosoft(atMicrosoft) ??
        difference(seen, known, atMicrosoft) ??
        unseenAtMicrosoft(known, atMicrosoft) ??
        // Nothing is needed any more for which the customer was asked.
        (known.fulfillment?.askedAt ? run('report') : settled('done'))
      );
  }
}

/**
 * The first difference between what is sold and what is. One that waits for a payment or needs a person comes last, so that it holds up
 * nothing else.
 */
function difference(seen: Seen, known: Known, atMicrosoft: AtMicrosoft | undefined): Decision | undefined {
  const done = known.fulfillment?.settled;
  const plan = otherPlan(seen, done);
  const found = [plan, ...otherWishes(seen, done, plan), drift(seen, known, atMicrosoft)].filter(
    (one) => one !== undefined,
  );
  return (
    found.find((one) => one.kind !== 'wait' && !needsPerson(one, known)) ??
    found.find((one) => isSameRun(one, known.run)) ??
    found[0]
  );
}

function needsPerson(decision: Decision, { state, run: current, aside, retryAsked }: Known): boolean {
  if (decision.kind !== 'run' || retryAsked) return false;
  const stuck = [state === 'needs-attention' ? current : undefined, aside];
  return stuck.some((one) => isSameRun(decision, one));
}

function isSameRun(decision: Decision, one: SubscriptionRecord['run']): boolean {
  return decision.kind === 'run' && one?.operation === decision.operation && one.target === decision.target;
}

const HAS_ENDED = 'partner-subscription.ended';

/** What has ended at Microsoft cannot come back; buying anew costs money and needs the word of a person. */
function endedAtMicrosoft(seen: Seen, known: Known, atMicrosoft: AtMicrosoft | undefined): Decision | undefined {
  if (atMicrosoft?.status !== 'ended') return undefined;
  const { retryAsked, fulfillment, run: current } = known;
  const { what = 'partner subscription' } = atMicrosoft;
  // What a person has begun keeps its own errors until it is through.
  if (current?.operation === 'provision') return run('provision');
  // Whoever pressed retry because of another matter did not know of the end, and has not asked for a purchase.
  if (retryAsked && isToldOf(known, HAS_ENDED)) return run('provision');
  if (fulfillment?.settled?.trial) {
    // The licence after the trial is a purchase of its own, which the customer has paid.
    if (seen.type !== 'TRIAL')
      return seen.paid ? run('provision') : wait('payment of the subscription that follows the trial');
    if (endsSoonAfter(seen.endDate, atMicrosoft.commitmentEndDate))
      return wait('the end of the trial in the marketplace');
  }
  return attention(
    HAS_ENDED,
    `The ${what} has ended at Microsoft although the marketplace still sells it. Find out who ended it, or whether its term ran out while it was suspended. Terminate it in the marketplace, or have it bought anew, which costs money and so is only done by retry.`,
    'retry',
  );
}

function suspendedAtMicrosoft(atMicrosoft: AtMicrosoft | undefined): Decision | undefined {
  if (atMicrosoft?.status !== 'suspended') return undefined;
  const { what = 'partner subscription', suspensionReasons } = atMicrosoft;
  const reasons = suspensionReasons.map(nameIn).join(', ') || 'no reason stated';
  return attention(
    'partner-subscription.suspended',
    `The ${what} is suspended at Microsoft (${reasons}), not by this connector. Clear the reason in Partner Center and reactivate it there.`,
  );
}

function unseenAtMicrosoft({ isUnseen }: Known, atMicrosoft: AtMicrosoft | undefined): Decision | undefined {
  if (atMicrosoft?.status !== 'unknown' || !isUnseen) return undefined;
  const { what = 'partner subscription' } = atMicrosoft;
  return attention(
    'partner-subscription.unseen',
    `The ${what} has not been shown by Microsoft for a day although the marketplace sells it. Look whether it is there: if it is, give the connector its access back; if not, find out who took it away, and terminate it in the marketplace or settle it with the customer.`,
  );
}

/** Another plan than the one that was carried out, or the paid one after a trial. */
function otherPlan({ type, paid, planId }: Seen, done: Wish | undefined): Decision | undefined {
  if (!done) return undefined;
  const target = planId === undefined ? undefined : String(planId);
  if (done.trial) {
    if (type === 'TRIAL') return undefined;
    return paid ? run('convert-trial', target) : wait('payment of the subscription that follows the trial');
  }
  if (planId === undefined || planId === done.planId) return undefined;
  return paid ? run('change-plan', target) : wait('payment of the change of plan');
}

/** What else the marketplace wants and has not been carried out. */
function otherWishes(seen: Seen, done: Wish | undefined, plan: Decision | undefined): Decision[] {
  if (!done || done.trial) return [];
  return [
    ...(seen.seats !== undefined && seen.seats !== done.seats ? [otherSeats(seen.seats, seen.paid, done)] : []),
    // What was entered is deployed together with the plan, which is not paid yet.
    ...(isReconfigured(seen, done) && plan?.kind !== 'wait' ? [run('reconfigure', seen.configuration)] : []),
    ...(isLater(seen.endDate, done.endDate) ? [run('renew', seen.endDate)] : []),
  ];
}

function otherSeats(seats: number, paid: boolean, done: Wish): Decision {
  const isIncrease = seats > (done.seats ?? 0);
  return isIncrease && !paid ? wait('payment of the additional seats') : run('change-seats', String(seats));
}

function isReconfigured(seen: Seen, done: Wish): boolean {
  return (
    seen.configuration !== undefined && done.configuration !== undefined && seen.configuration !== done.configuration
  );
}

/** What was changed at Microsoft by others, or dropped by Microsoft itself: the marketplace's wish is restored. */
function drift(seen: Seen, { fulfillment }: Known, atMicrosoft: AtMicrosoft | undefined): Decision | undefined {
  const done = fulfillment?.settled;
  const license = atMicrosoft?.license;
  if (atMicrosoft?.status !== 'active' || !license || !done) return undefined;
  if (done.trial) return driftOfTrial(license);
  const { next, seats, autoRenewEnabled, refundable } = license;
  const { scheduled } = fulfillment;
  if (scheduled) {
    if (!license.isTrial && isSameItem(license, scheduled)) return run('note-renewal');
    // Any change within the term drops what is on order.
    if (!next || !isSameItem(next, scheduled) || !autoRenewEnabled)
      return run('set-term-end', Object.values(scheduled).join(' '));
  }
  // While another number is sold, the change to it decides: it would be made here as well, paid or not.
  if (done.seats !== undefined && seen.seats === done.seats && !license.isTrial) {
    const nextSeats = next?.seats ?? seats;
    if (seats < done.seats || nextSeats !== done.seats) return run('change-seats', `${done.seats} again`);
    // They were too late for one term, or chosen before it began: the window of a new one is open.
    const tooMany = seats - done.seats;
    if (tooMany > 0 && refundable !== undefined && refundable >= tooMany)
      return run('change-seats', `${done.seats} at once`);
  }
  if (!autoRenewEnabled) return run('renew', `${done.endDate ?? 'now'} again`);
  // While another plan is sold, the change to it decides from what Microsoft shows.
  const isSettled = seen.paid && seen.planId !== undefined && seen.planId === done.planId;
  return isSettled && isOtherItem(license, fulfillment) ? run('change-plan', `${seen.planId} again`) : undefined;
}

/** Whether the licence is, or will be, of another offer, term or billing cycle than was carried out. */
function isOtherItem(license: LicenseAtMicrosoft, { offerId, term, billingCycle, scheduled }: Fulfillment): boolean {
  if (license.isTrial) return false;
  const item = { offerId, term, billingCycle };
  return !isSameItem(license, item) || (!scheduled && license.next !== undefined && !isSameItem(license.next, item));
}

/** A trial may become something paid only when the marketplace has sold that. */
function driftOfTrial({ isTrial, autoRenewEnabled }: LicenseAtMicrosoft): Decision | undefined {
  if (!isTrial) {
    return attention(
      'trial.became-paid',
      'The trial has become a paid licence at Microsoft, which the marketplace has not sold. For seven days after that it can be cancelled in Partner Center; find out who switched its renewal on.',
    );
  }
  return autoRenewEnabled ? run('set-term-end', 'the trial runs out') : undefined;
}

/** For so long a trial may be over at Microsoft while the marketplace still shows it, before a person is told. */
const TRIAL_GAP_MS = 3 * 86_400_000;

function planClosed(status: string, known: Known, local: LocalState): Decision {
  if (local === 'nothing' || local === 'ended') return settled('done');
  if (local === 'provisioned' || isHalfSuspended(known)) return run('suspend');
  if (local === 'provisioning') {
    if (!mayBeCharged(known.fulfillment)) return settled('done');
    if (isThere(known)) return run('suspend');
  }
  return attention(
    'subscription.closed-but-provisioned',
    `The marketplace has closed the order (${status}) although it exists at Microsoft, suspended at best. Terminate it in the marketplace; where that cannot be, end it by hand and detach it.`,
  );
}

function planFailed(seen: Seen, known: Known, local: LocalState, settings: PlanSettings): Decision {
  const { failure, run: current, retryAsked } = known;
  if (local === 'provisioned' || local === 'suspended') {
    if (retryAsked || current?.operation === 'report') return run('report');
    return attention(
      'subscription.failed-but-provisioned',
      'The marketplace shows a failure, but everything is in place at Microsoft. See whether that is right; retry reports it as deployed.',
      'retry',
    );
  }
  // Data of the customer may have changed without any event; a run without a failure is one that operations wanted again.
  const wantedAgain = retryAsked || failure?.kind === 'customer' || (!failure && current?.operation === 'provision');
  // What may not be bought while pending may not be bought after a failure either.
  if (wantedAgain) return planPending(seen, known, local, settings);
  return { kind: 'wait', state: 'failed', waitingFor: 'operations to press retry once the cause is cured' };
}

/** Microsoft ends a trial at midnight, the marketplace at the hour of its begin or when its own count of days is over. */
function endsSoonAfter(date: string | undefined, endedAt: string | undefined): boolean {
  if (date === undefined || endedAt === undefined) return false;
  return Date.parse(date) - Date.parse(endedAt) <= TRIAL_GAP_MS;
}

function isLater(date: string | undefined, than: string | undefined): boolean {
  if (date === undefined) return false;
  return than === undefined || Date.parse(date) > Date.parse(than);
}

function run(operation: Operation, target?: string): Decision {
  return { kind: 'run', operation, ...(target !== undefined && { target }) };
}

function wait(waitingFor: Wait): Decision {
  return { kind: 'wait', state: 'idle', waitingFor };
}

function settled(state: 'idle' | 'done'): Decision {
  return { kind: 'settled', state };
}

function attention(code: string, message: string, cure?: Cure): Decision {
  return { kind: 'attention', code, message, ...(cure && { cure }) };
}
