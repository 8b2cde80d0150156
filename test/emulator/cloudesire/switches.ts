/** What nobody outside the platform knows for sure, and so can be chosen. Each default is the first value named. */
export interface Switches {
  /** How an event writes the id of its entity: like the guide's sample, or like the vendor's classes. */
  eventIdForm: 'string' | 'integer';
  /** Whether events carry `eventId`, `metadata` and `self`. */
  eventExtras: 'absent' | 'present';
  /** `2026-03-02T09:15:00Z`, `2026-03-02T09:15:00.000+00:00`, or milliseconds since the epoch. */
  dateForm: 'seconds' | 'offset' | 'epoch';
  /** `license`, `azure`, `arm`, or the names of the constants. */
  cspProductTypeSpelling: 'short' | 'constant';
  /** The form of a subscription: by the call's `apiVersion`, or one form whatever is asked. */
  subscriptionShape: 'by-version' | 'oldest' | 'middle' | 'newest';
  /** What a call without `apiVersion` counts as. */
  missingApiVersion: 'oldest' | 'newest';
  unpaidSpelling: 'WAITING_PAYMENT' | 'WAITING_FOR_PAYMENT';
  /** Quantities as `25` or as `25.0000000000`. */
  quantityForm: 'plain' | 'ten-decimals';
  /** `invoice` and `order` in the answer to a change: `{"url"}` or the path alone. */
  upgradeReferences: 'object' | 'string';
  /** Answer to a PATCH: 200 with a body (204 where there is nothing to say), always 200 `{}`, or always 204. */
  patchReply: 'body' | 'empty-object' | 'none';
  /** Answer to POST of endpoints, instructions and credentials. */
  postReply: 200 | 201 | 204;
  postReplyBody: 'absent' | 'subscription';
  /** Whether a second POST of endpoints, instructions or credentials replaces the first. */
  repeatedPost: 'replace' | 'add';
  /** Whither a suspended subscription goes once paid. */
  resumeTo: 'DEPLOYED' | 'PENDING';
  /** `paid` of a trial, for which no invoice exists. */
  trialPaid: boolean;
  /** When a plan or quantity that causes an invoice shows in the subscription. */
  upgradeShows: 'issued' | 'settled';
  freeChangeEmitsEvent: boolean;
  /** Whether paying an invoice of a running subscription causes an event. */
  laterPaymentEmitsEvent: boolean;
  /** Whether the connector's own status report is followed by an event. */
  ownReportEmitsEvent: boolean;
  deletedEvent: 'after-undeployed' | 'instead-of-undeploy-sent';
  readAfterDeleted: 'undeployed' | 'not-found';
  /** Status that answers a report for which the state machine has no way; 200 ignores it silently. */
  impossibleTransition: 409 | 400 | 422 | 200;
  /** Whether a status that already holds may be reported again; `refuse` answers as for an impossible transition. */
  repeatedReport: 'refuse' | 'accept';
  leavingFailed: 'allow' | 'refuse';
  deployedWithoutApp: 'refuse' | 'accept';
  linksInEndUserInstructions: 'FORBID' | 'LOG';
  /** Languages without which instructions are refused. */
  requiredLanguages: string[];
  metadataPut: 'merge' | 'replace';
  /** In which field a buyer names their company; `seed` leaves each buyer as they are. */
  buyerCompany: 'seed' | 'company' | 'userCompany' | 'both' | 'none';
  userCompanyReadable: boolean;
  /** Whether the connector's account may list events, filter by product type, and write metadata. */
  eventListReadable: boolean;
  productTypeFilterAllowed: boolean;
  metadataWritable: boolean;
  /** Values of parameters marked as sensitive, as the vendor reads them. */
  sensitiveParameters: 'readable' | 'absent';
  /** Body of an error: `errorHolders`, or the `errors` of old. */
  errorForm: 'holders' | 'errors';
  /** How many reads of a new subscription answer 404, as if its transaction were not visible yet. */
  invisibleReads: number;
  rateLimit: 'off' | 'enforced';
  /** Size of the token bucket, refilled every minute of virtual time. */
  rateLimitPerMinute: number;
  /** Life of a token from `POST /login?expire=true`. */
  loginTokenLifetimeMs: number;

  /** Retries of events: the first delay, then times the factor up to the cap; all virtual but the time-out, which is real. */
  eventRetryFirstMs: number;
  eventRetryFactor: number;
  eventRetryCapMs: number;
  eventTimeoutMs: number;
  /** Events on their way at the same time. */
  eventConcurrency: number;

  /** Days until an unpaid first order expires. */
  firstPaymentDays: number;
  /** Days until a later invoice is due, from then until suspension, and from suspension until undeployment. */
  invoiceTermDays: number;
  sleepDays: number;
  undeployDelayDays: number;
  sandboxHours: number;
}

export const DEFAULT_SWITCHES: Readonly<Switches> = {
  eventIdForm: 'string',
  eventExtras: 'absent',
  dateForm: 'seconds',
  cspProductTypeSpelling: 'short',
  subscriptionShape: 'by-version',
  missingApiVersion: 'oldest',
  unpaidSpelling: 'WAITING_PAYMENT',
  quantityForm: 'plain',
  upgradeReferences: 'object',
  patchReply: 'body',
  postReply: 200,
  postReplyBody: 'absent',
  repeatedPost: 'replace',
  resumeTo: 'DEPLOYED',
  trialPaid: true,
  upgradeShows: 'issued',
  freeChangeEmitsEvent: true,
  laterPaymentEmitsEvent: true,
  ownReportEmitsEvent: false,
  deletedEvent: 'after-undeployed',
  readAfterDeleted: 'undeployed',
  impossibleTransition: 409,
  repeatedReport: 'refuse',
  leavingFailed: 'allow',
  deployedWithoutApp: 'refuse',
  linksInEndUserInstructions: 'FORBID',
  requiredLanguages: ['en', 'it'],
  metadataPut: 'merge',
  buyerCompany: 'seed',
  userCompanyReadable: true,
  eventListReadable: true,
  productTypeFilterAllowed: true,
  metadataWritable: true,
  sensitiveParameters: 'readable',
  errorForm: 'holders',
  invisibleReads: 0,
  rateLimit: 'off',
  rateLimitPerMinute: 5_000,
  loginTokenLifetimeMs: 3_600_000,
  eventRetryFirstMs: 60_000,
  eventRetryFactor: 2,
  eventRetryCapMs: 3_600_000,
  eventTimeoutMs: 30_000,
  eventConcurrency: 4,
  firstPaymentDays: 3,
  invoiceTermDays: 3,
  sleepDays: 2,
  undeployDelayDays: 3,
  sandboxHours: 1,
};

const CHOICES: { [Name in keyof Switches]?: readonly Switches[Name][] } = {
  eventIdForm: ['string', 'integer'],
  eventExtras: ['absent', 'present'],
  dateForm: ['seconds', 'offset', 'epoch'],
  cspProductTypeSpelling: ['short', 'constant'],
  subscriptionShape: ['by-version', 'oldest', 'middle', 'newest'],
  missingApiVersion: ['oldest', 'newest'],
  unpaidSpelling: ['WAITING_PAYMENT', 'WAITING_FOR_PAYMENT'],
  quantityForm: ['plain', 'ten-decimals'],
  upgradeReferences: ['object', 'string'],
  patchReply: ['body', 'empty-object', 'none'],
  postReply: [200, 201, 204],
  postReplyBody: ['absent', 'subscription'],
  repeatedPost: ['replace', 'add'],
  resumeTo: ['DEPLOYED', 'PENDING'],
  upgradeShows: ['issued', 'settled'],
  deletedEvent: ['after-undeployed', 'instead-of-undeploy-sent'],
  readAfterDeleted: ['undeployed', 'not-found'],
  impossibleTransition: [409, 400, 422, 200],
  repeatedReport: ['refuse', 'accept'],
  leavingFailed: ['allow', 'refuse'],
  deployedWithoutApp: ['refuse', 'accept'],
  linksInEndUserInstructions: ['FORBID', 'LOG'],
  metadataPut: ['merge', 'replace'],
  buyerCompany: ['seed', 'company', 'userCompany', 'both', 'none'],
  sensitiveParameters: ['readable', 'absent'],
  errorForm: ['holders', 'errors'],
  rateLimit: ['off', 'enforced'],
};

/**
 * Sets some of the switches in place and leaves the others.
 *
 * @throws {Error} on an unknown name or a value that the switch does not have; then none is changed
 */
export function applySwitches(switches: Switches, changes: Partial<Switches>): void {
  for (const [name, value] of Object.entries(changes)) {
    const before = (DEFAULT_SWITCHES as unknown as Record<string, unknown>)[name];
    if (before === undefined) throw new Error(`There is no switch ${name}.`);
    const choices = CHOICES[name as keyof Switches] as readonly unknown[] | undefined;
    if (choices !== undefined && !choices.includes(value)) {
      throw new Error(`The switch ${name} has the values ${choices.join(', ')}.`);
    }
    if (typeof value !== typeof before || Array.isArray(value) !== Array.isArray(before)) {
      throw new Error(`The switch ${name} takes a value like ${JSON.stringify(before)}.`);
    }
  }
  Object.assign(switches, structuredClone(changes));
}
