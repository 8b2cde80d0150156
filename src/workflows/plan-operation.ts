import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import type { Operation } from './operations.ts';
import type { SubscriptionRecord } from './record.ts';

/** What a look leads to. */
export type Decision =
  | { kind: 'run'; operation: Operation }
  /** Nothing to do before somebody else acts. `failed`: an operation has ended and only a person starts it again. */
  | { kind: 'wait'; state: 'idle' | 'failed'; waitingFor: string }
  | { kind: 'attention'; code: string; message: string }
  /** In order, or at its end. */
  | { kind: 'settled'; state: 'idle' | 'done' };

type Seen = Pick<Subscription, 'deploymentStatus' | 'paid' | 'type'>;
type Known = Pick<SubscriptionRecord, 'fulfillment' | 'failure' | 'run'> & {
  /** Operations have pressed retry since the last look. */
  retryAsked: boolean;
};

/** Chooses what a subscription needs from what Cloudesire says now and what we recorded, never from the event that woke us. */
export function planOperation(seen: Seen, known: Known, settings: { sandboxOrders: 'refuse' | 'allow' }): Decision {
  const local = localState(known);
  switch (seen.deploymentStatus) {
    case 'WAITING_PAYMENT':
      return beforeProvisioning(local, 'the first payment');
    case 'REQUIRES_APPROVAL':
      return beforeProvisioning(local, 'the approval of the order');
    case 'POSTPONED':
      return beforeProvisioning(local, 'the start date of the order');
    case 'PENDING':
      return planPending(seen, local, settings);
    case 'DEPLOYED':
      if (local === 'provisioned') return { kind: 'settled', state: 'done' };
      // The status arrived, its record did not: the run is carried on and finds everything in place.
      if (local === 'provisioning') return { kind: 'run', operation: 'provision' };
      return attention(
        'subscription.deployed-elsewhere',
        'The marketplace shows it as deployed, but this connector has not provisioned it. Rebuild the record if Redis was lost; otherwise somebody deployed it by hand.',
      );
    case 'STOPPED':
      return wait('the customer to pay; the marketplace has suspended the subscription');
    case 'UNDEPLOY_SENT':
      return { kind: 'run', operation: 'deprovision' };
    case 'UNDEPLOYED':
      if (local === 'nothing' || local === 'ended') return { kind: 'settled', state: 'done' };
      return { kind: 'run', operation: 'deprovision' };
    case 'PAYMENT_EXPIRED':
    case 'REJECTED':
      if (local === 'nothing' || local === 'ended') return { kind: 'settled', state: 'done' };
      return attention(
        'subscription.closed-but-provisioned',
        `The marketplace has closed the order (${seen.deploymentStatus}) although it exists at Microsoft. Terminate it in the marketplace, or settle it with the customer.`,
      );
    case 'FAILED':
      return planFailed(known, local);
    case 'POST_CONFIGURATION':
    case 'UNKNOWN':
      return attention(
        'subscription.unexpected-state',
        'The marketplace shows a deployment status that CSP products do not have. Check the plan (post configuration must be off) and the API version.',
      );
  }
}

type LocalState = 'nothing' | 'provisioning' | 'provisioned' | 'ended';

function localState({ fulfillment, run }: Known): LocalState {
  if (fulfillment?.endedAt) return 'ended';
  if (fulfillment?.deployedAt) return 'provisioned';
  return fulfillment?.customerId || run?.operation === 'provision' ? 'provisioning' : 'nothing';
}

function beforeProvisioning(local: LocalState, waitingFor: string): Decision {
  if (local === 'nothing') return wait(waitingFor);
  return attention(
    'subscription.state-went-back',
    `The marketplace waits again for ${waitingFor}, although provisioning has begun. Nothing is changed at Microsoft until a person has looked.`,
  );
}

function planPending(seen: Seen, local: LocalState, settings: { sandboxOrders: 'refuse' | 'allow' }): Decision {
  if (seen.type === 'UNKNOWN') {
    return attention(
      'subscription.unexpected-type',
      'The order is neither NORMAL, TRIAL nor SANDBOX; nothing is bought for it.',
    );
  }
  if (seen.type === 'SANDBOX' && settings.sandboxOrders === 'refuse') {
    return attention(
      'subscription.sandbox-order',
      'A sandbox order never reaches a production Partner Center account. Where the account is an integration sandbox, set SANDBOX_ORDERS=allow.',
    );
  }
  // Trials are provisioned at once: no invoice exists for them.
  if (seen.type !== 'TRIAL' && !seen.paid) return wait('payment');
  return { kind: 'run', operation: local === 'provisioned' ? 'report' : 'provision' };
}

function planFailed({ failure, run, retryAsked }: Known, local: LocalState): Decision {
  if (local === 'provisioned') {
    if (retryAsked) return { kind: 'run', operation: 'report' };
    return attention(
      'subscription.failed-but-provisioned',
      'The marketplace shows a failure, but everything is in place at Microsoft. Press retry to report it as deployed.',
    );
  }
  // Data of the customer may have changed without any event; a run without a failure is one that operations wanted again.
  const wantedAgain = retryAsked || failure?.kind === 'customer' || (!failure && run?.operation === 'provision');
  if (wantedAgain) return { kind: 'run', operation: 'provision' };
  return { kind: 'wait', state: 'failed', waitingFor: 'operations to press retry once the cause is cured' };
}

function wait(waitingFor: string): Decision {
  return { kind: 'wait', state: 'idle', waitingFor };
}

function attention(code: string, message: string): Decision {
  return { kind: 'attention', code, message };
}
