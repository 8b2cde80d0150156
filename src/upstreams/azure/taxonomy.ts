import type { Fault, FaultKind } from './azure.ts';

/**
 * Codes of Azure by what they ask for.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
 */
const KINDS: Record<FaultKind, string[]> = {
  permanent: [
    'DnsRecordInUse',
    'ImageNotFound',
    'InvalidAuthenticationTokenTenant',
    'InvalidContentLink',
    'InvalidDeploymentParameterKey',
    'InvalidParameter',
    'InvalidRequestContent',
    'InvalidTemplate',
    'LocationNotAvailableForResourceType',
    'NoRegisteredProviderFound',
    'RoleAssignmentUpdateNotPermitted',
    'StorageAccountAlreadyTaken',
    'VMMarketplaceInvalidInput',
  ],
  customer: [
    'AuthorizationFailed',
    'LinkedAuthorizationFailed',
    'PublicIPCountLimitReached',
    'QuotaExceeded',
    'ReadOnlyDisabledSubscription',
    'RequestDisallowedByAzure',
    'RequestDisallowedByPolicy',
    'ResourceQuotaExceeded',
    'ScopeLocked',
  ],
  capacity: [
    'AllocationFailed',
    'OverconstrainedAllocationRequest',
    'OverconstrainedZonalAllocationRequest',
    'SkuNotAvailable',
    'ZonalAllocationFailed',
  ],
  transient: [
    'AnotherOperationInProgress',
    'DeploymentQuotaExceeded',
    'ExpiredAuthenticationToken',
    'GatewayTimeout',
    'InternalError',
    'InternalServerError',
    'InvalidAuthenticationToken',
    'MissingSubscriptionRegistration',
    'PrincipalNotFound',
    'ResourceGroupBeingDeleted',
    'ResourcesExistingOnSubscription',
    'ServiceUnavailable',
    'SubscriptionRequestsThrottled',
    'TooManyRequests',
  ],
  conflict: [
    'DeploymentActive',
    'DeploymentActiveAndUneditable',
    'DeploymentNotFound',
    'ResourceGroupNotFound',
    'SubscriptionNotFound',
  ],
};

const known = new Map(
  Object.entries(KINDS).flatMap(([kind, codes]) => codes.map((code) => [code.toLowerCase(), kind as FaultKind])),
);

/** Whether it is known what the code asks for. */
export function isListed(code: string): boolean {
  return known.has(code.toLowerCase());
}

/** Whose codes speak of other limits too, so that their kind says whether it was a quota. */
const BROAD = ['operationnotallowed', 'conflict'];

/** Whether a quota of the Azure subscription is used up. */
export function isOfQuota({ code, kind }: Pick<Fault, 'code' | 'kind'>): boolean {
  return kind === 'customer' && (/quota|countlimit/i.test(code) || BROAD.includes(code.toLowerCase()));
}

/** Who raises a quota, and where. https://learn.microsoft.com/azure/quotas/quotas-overview */
export const RAISE_QUOTA =
  'A quota of the Azure subscription is used up: whoever is its owner or a contributor has it raised in the Azure portal, at the Azure subscription under Usage + quotas, or deletes something there that is not needed.';

/** Codes that stand for many things: only the text beneath tells. */
const PURCHASE = ['marketplacepurchaseeligibilityfailed', 'resourcepurchasevalidationfailed'];
/** Terms that no call can accept. */
const PORTAL_ONLY = /accept the (legal )?terms through the Azure portal/i;
const MISSING_TERMS = /legal terms|accept(ed)? the (legal )?terms/i;
const QUOTA = /quota|\bcores?\b.*\blimit|limit.*\bexceed/i;
const BUSY =
  /too many requests|throttl|another operation|in progress|retry (later|after)|being (created|updated|deleted)/i;

const WORST_FIRST: readonly FaultKind[] = ['permanent', 'customer', 'capacity', 'conflict', 'transient'];

/** Of several causes the one that decides about the whole, since it takes longest to cure; undefined where there is none. */
export function worstOf(faults: readonly Fault[]): Fault | undefined {
  return WORST_FIRST.map((kind) => faults.find((fault) => fault.kind === kind)).find(Boolean);
}

/**
 * What an error asks for: `permanent` something else to be sold or sent, `customer` somebody with rights in the tenant or
 * subscription (roles, quota, policies, locks), `capacity` hours, or another size or region, `transient` another try,
 * `conflict` a look at the present state. `AuthorizationFailed` within ten minutes of a role assignment is transient in truth,
 * which only the caller can know.
 *
 * @param path codes from the outermost to the innermost
 * @param status of the refusal, if there was one
 */
export function kindOf(path: string[], message: string, status?: number): FaultKind {
  const codes = path.map((code) => code.toLowerCase());
  const code = codes.at(-1) ?? '';
  const isPurchase = codes.some((one) => PURCHASE.includes(one));
  if (PORTAL_ONLY.test(message)) return 'customer';
  // Accepted terms need a minute to be known everywhere.
  if ((isPurchase || code === 'badrequest') && MISSING_TERMS.test(message)) return 'transient';
  if (isPurchase) return 'permanent';
  if (BROAD.includes(code)) {
    if (QUOTA.test(message)) return 'customer';
    return BUSY.test(message) ? 'transient' : 'conflict';
  }
  const found = known.get(code);
  if (found) return found;
  if (code.startsWith('retryableerror') || code.endsWith('requeststhrottled') || status === 429) return 'transient';
  // A code that nobody has told us of. What is forbidden is no fault of what was sent.
  if (status === 403) return 'customer';
  return status !== undefined && status >= 400 && status < 500 ? 'permanent' : 'transient';
}
