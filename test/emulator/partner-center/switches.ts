import { DAY_MS, MINUTE_MS } from './calendar.ts';

/**
 * What the public documentation leaves open, or says in two ways, and how this emulator behaves unless told otherwise.
 * Durations are virtual time, except `checkoutTakesMs`.
 */
export interface Switches {
  /** The account that the tenant of the token stands for. `sandbox` has limits of its own and may delete customers. */
  environment: 'production' | 'sandbox';
  /** Whether App+User tokens without multi-factor authentication are refused, and with which body. */
  requireMfa: boolean;
  mfaRefusal: 'code' | 'bare';
  /** Whether a POST with an `MS-RequestId` seen on the same path repeats the answer, and for how long. */
  replayRequests: boolean;
  replayWindowMs: number;
  throttlePerMinute: number;
  /** `code` of an error: samples print a number, the schema says a string. */
  errorCodeAs: 'number' | 'text';

  /** For how long a new customer answers 404. */
  customerReadableAfterMs: number;
  /** Registration numbers in countries that do not ask for one. */
  registrationNumberElsewhere: 'refuse' | 'accept';
  /** `strict`: a letter, then 2 to 26 letters or digits, before `.onmicrosoft.com`. */
  domainPrefixes: 'strict' | 'lenient';
  domainTakenStatus: number;
  /** Field names of the country rules: as seen in production, or as documented. */
  countryRulesShape: 'production' | 'documented';

  /** Confirmation of the agreement by the partner, retired on 2026-01-05 but still documented. */
  classicAgreements: 'accept' | 'refuse';
  attestationCreatedStatus: number;
  attestationLifeMs: number;
  attestationStatusNames: { pending: string; accepted: string; expired: string; agreementCreated: string };
  /** Whether a change of seats, too, needs an accepted agreement. */
  agreementGuardsQuantity: boolean;

  /** How long an availability id, and so a catalog item id, is good. */
  availabilityLifeMs: number;

  cartLifeMs: number;
  cartUpdateStatus: number;
  cartErrorCodeAs: 'number' | 'name';
  partnerAttestationCheckedAt: 'cart' | 'checkout';
  /** Checkout of an ordered cart: repeats its first answer, or refuses with 800065. */
  checkoutDialect: 'repeat' | 'refuse';
  /** Real time that a checkout takes; a second one in the meantime gets 409. */
  checkoutTakesMs: number;

  orderDelayMs: number;
  /** How long an order is missing from the list, and from the read by id. */
  orderListDelayMs: number;
  orderReadableAfterMs: number;
  /** How long after `completed` the lines still lack their subscription. */
  subscriptionIdDelayMs: number;
  orderStatusSpelling: 'snake' | 'blank';

  /** Whether a PATCH that changes more than one property is refused. */
  oneChangePerPatch: boolean;
  /** Above 0, a PATCH answers 202 and takes effect later. */
  patchDelayMs: number;
  updatesPerSubscription: number;
  lateDecreaseCode: 800090 | 900214 | 900257;
  lateCancelCode: 900117 | 900213;
  /** Spelling in replies; requests may use either. */
  scheduleTypeName: 'scheduleType' | 'scheduledType';
  /** Rules at the end of a term: those of 2026 for terms that end after 2026-05-04, or one set for all. */
  endOfTermDialect: 'by-date' | '2023' | '2026';
  /** Status of a subscription cancelled at the end of its term. */
  cancelledAtTermEndStatus: 'by-dialect' | 'disabled' | 'expired' | 'deleted';
  /** What the rules of 2026 do when auto-renew is off and nothing is scheduled. */
  withoutChoice: 'extend' | 'end';
  /** Whether subscriptions in extended service term carry `EMULATED_extendedServiceTerm`. */
  markExtendedTerms: boolean;
  /** How long a renewal is queued, during which most changes are refused; at most 24 hours. */
  renewalQueueMs: number;

  transitionDelayMs: number;
  transitionHistoryKey: 'items' | 'transition';
  transitionTargetInReply: boolean;
  /** How transitions begun from now on end. */
  transitionOutcome: 'complete' | 'fail';
  /** Whether a full transition keeps the subscription, or makes another one, and when the former one then ends. */
  fullTransition: 'keep-id' | 'new-id' | 'new-id-former-ends-first';
  /** Whether the eligibilities name the SKU itself, by which a term becomes longer. */
  sameSkuEligible: boolean;
  /** Whether at its renewal a subscription may become a SKU that can be upgraded to its own. */
  scheduledDowngrades: boolean;

  webhookDelayMs: number;

  entitlementCancelDelayMs: number;
  entitlementReactivateDelayMs: number;
}

export function defaultSwitches(): Switches {
  return {
    environment: 'production',
    requireMfa: true,
    mfaRefusal: 'code',
    replayRequests: true,
    replayWindowMs: 10 * MINUTE_MS,
    throttlePerMinute: 500,
    errorCodeAs: 'number',

    customerReadableAfterMs: 0,
    registrationNumberElsewhere: 'refuse',
    domainPrefixes: 'strict',
    domainTakenStatus: 409,
    countryRulesShape: 'production',

    classicAgreements: 'accept',
    attestationCreatedStatus: 201,
    attestationLifeMs: 7 * DAY_MS,
    attestationStatusNames: {
      pending: 'Pending',
      accepted: 'Accepted',
      expired: 'Expired',
      agreementCreated: 'AgreementCreated',
    },
    agreementGuardsQuantity: true,

    availabilityLifeMs: DAY_MS,

    cartLifeMs: 7 * DAY_MS,
    cartUpdateStatus: 201,
    cartErrorCodeAs: 'number',
    partnerAttestationCheckedAt: 'cart',
    checkoutDialect: 'repeat',
    checkoutTakesMs: 25,

    orderDelayMs: 3_000,
    orderListDelayMs: 0,
    orderReadableAfterMs: 0,
    subscriptionIdDelayMs: 0,
    orderStatusSpelling: 'snake',

    oneChangePerPatch: true,
    patchDelayMs: 0,
    updatesPerSubscription: 1_200,
    lateDecreaseCode: 800090,
    lateCancelCode: 900117,
    scheduleTypeName: 'scheduleType',
    endOfTermDialect: 'by-date',
    cancelledAtTermEndStatus: 'by-dialect',
    withoutChoice: 'extend',
    markExtendedTerms: true,
    renewalQueueMs: 0,

    transitionDelayMs: MINUTE_MS,
    transitionHistoryKey: 'items',
    transitionTargetInReply: true,
    transitionOutcome: 'complete',
    fullTransition: 'keep-id',
    sameSkuEligible: false,
    scheduledDowngrades: false,

    webhookDelayMs: 0,

    entitlementCancelDelayMs: 10 * MINUTE_MS,
    entitlementReactivateDelayMs: MINUTE_MS,
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
