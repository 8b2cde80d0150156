import type { OperationType } from './throttle.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * How long Azure takes, and what the public documentation leaves open or says in two ways. Durations are virtual time.
 */
export interface Switches {
  /** Progress by looks instead of by time: how often an operation is polled until it ends; null for time. */
  pollsUntilDone: number | null;

  /** From the purchase of a plan, or the end of an alias, until Azure Resource Manager knows the subscription. */
  subscriptionVisibleAfterMs: number;
  /** From then until the partner's admin agents may act in it. */
  foreignPrincipalDelayMs: number;
  aliasTakesMs: number;
  /** How many new subscriptions an hour may be asked for; above it 429. */
  aliasesPerHour: number;
  /** Whether the app itself, without a user, may create subscriptions. */
  appMayCreateSubscriptions: boolean;
  registrationTakesMs: number;
  /** Whether a deployment registers the providers of its template, as the portal does. */
  registerOnDeployment: boolean;
  roleEffectiveAfterMs: number;
  /** For how long a service principal is unknown to role assignments that do not say what it is. */
  principalReplicationMs: number;
  /** From cancel or enable until the state of the subscription shows it. */
  subscriptionStateDelayMs: number;
  /** For how long deleted resources still keep a subscription from being cancelled. */
  deletedResourcesCountForMs: number;
  subscriptionKeptAfterCancelMs: number;

  deploymentTakesMs: number;
  /** A second PUT under the name of a running deployment. */
  activeDeploymentPut: 'refuse' | 'replace';
  /** `later`: validate answers 202 and tells the result under `Location`. */
  validateAnswers: 'at-once' | 'later';
  whatIfTakesMs: number;
  operationsLagMs: number;
  groupDeletionTakesMs: number;
  /** Whether a lock stops the deletion of its group at once, or only when the operation ends. */
  lockedGroupDeletion: 'refuse' | 'fail-later';
  lockLingersMs: number;
  powerActionTakesMs: number;
  /** Whether Azure starts a stopped database again after seven days. */
  restartStoppedDatabases: boolean;

  /** From acceptance until a deployment sees it. */
  termsEffectiveAfterMs: number;
  /** Where terms that are not accepted stop a deployment. */
  missingTermsRefusedAt: 'preflight' | 'operation';
  /** `accepted: false` in every answer of these api-versions although the terms are accepted. */
  termsAlwaysLookRefused: string[];

  /** Whether writes of users need a second factor, and which status the refusal has. */
  requireMfa: boolean;
  mfaRefusal: 401 | 403;

  throttling: boolean;
  buckets: Record<OperationType, { size: number; perSecond: number }>;
  /** Whether polls, and first answers of operations, name a pause. */
  sendRetryAfter: boolean;

  /** Cores that a subscription may use in a region, in all and in each family. */
  coreQuota: number;
}

export function defaultSwitches(): Switches {
  return {
    pollsUntilDone: null,

    subscriptionVisibleAfterMs: 30_000,
    foreignPrincipalDelayMs: 0,
    aliasTakesMs: MINUTE_MS,
    aliasesPerHour: 20,
    appMayCreateSubscriptions: false,
    registrationTakesMs: 45_000,
    registerOnDeployment: false,
    roleEffectiveAfterMs: 0,
    principalReplicationMs: 0,
    subscriptionStateDelayMs: MINUTE_MS,
    deletedResourcesCountForMs: 0,
    subscriptionKeptAfterCancelMs: 90 * DAY_MS,

    deploymentTakesMs: 4 * MINUTE_MS,
    activeDeploymentPut: 'refuse',
    validateAnswers: 'at-once',
    whatIfTakesMs: 20_000,
    operationsLagMs: 0,
    groupDeletionTakesMs: 2 * MINUTE_MS,
    lockedGroupDeletion: 'refuse',
    lockLingersMs: 0,
    powerActionTakesMs: 40_000,
    restartStoppedDatabases: true,

    termsEffectiveAfterMs: 0,
    missingTermsRefusedAt: 'preflight',
    termsAlwaysLookRefused: [],

    requireMfa: true,
    mfaRefusal: 401,

    throttling: true,
    buckets: {
      reads: { size: 250, perSecond: 25 },
      writes: { size: 200, perSecond: 10 },
      deletes: { size: 200, perSecond: 10 },
    },
    sendRetryAfter: true,

    coreQuota: 100,
  };
}

/**
 * Changes some switches and leaves the others.
 *
 * @throws {Error} for a name that is no switch, since a misspelt one would silently test nothing
 */
export function changeSwitches(switches: Switches, changes: Partial<Switches>): Switches {
  for (const name of Object.keys(changes)) {
    if (!(name in switches)) throw new Error(`${name} is no switch; there are ${Object.keys(switches).join(', ')}.`);
  }
  return Object.assign(switches, changes);
}
