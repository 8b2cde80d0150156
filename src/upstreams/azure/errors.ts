import {
  AttentionError,
  ConnectorError,
  type ErrorFacts,
  type ErrorOptions,
  RetryableError,
} from '../../lib/errors.ts';
import { SIGN_IN } from '../../lib/sign-in.ts';
import type { Wait } from '../../lib/wait.ts';
import type { Answer } from '../http.ts';
import type { Fault, FaultKind } from './azure.ts';
import { faultsIn } from './faults.ts';
import { secretsIn } from './secrets.ts';
import { isListed, isOfQuota, RAISE_QUOTA, worstOf } from './taxonomy.ts';

/** In whose name a call is made: of our service principal, or of the partner's user. */
export type Actor = 'app' | 'user';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What is done about a code; the kind is that of the taxonomy. */
interface Advice {
  text: string;
  retryAfterMs?: number;
}

const ADVICE = new Map<string, Advice>(
  Object.entries({
    AllocationFailed: { text: 'The region has no room for the size at the moment.', retryAfterMs: HOUR_MS },
    DeploymentQuotaExceeded: {
      text: 'The resource group holds too many old deployments, which Azure is deleting.',
      retryAfterMs: 5 * MINUTE_MS,
    },
    InvalidAuthenticationTokenTenant: {
      text: "The Azure subscription belongs to another tenant than the customer's: compare both in the Azure portal.",
    },
    MissingSubscriptionRegistration: { text: 'A resource provider is being registered.', retryAfterMs: 30 * SECOND_MS },
    PrincipalNotFound: { text: 'The directory does not know the principal yet.', retryAfterMs: 30 * SECOND_MS },
    ReadOnlyDisabledSubscription: {
      text: 'The Azure subscription is disabled: enable it in the Azure portal or in Partner Center.',
    },
    RequestDisallowedByAzure: {
      text: 'Azure does not allow it to this Azure subscription, mostly for the region: sell another one, or ask its support for access.',
    },
    RequestDisallowedByPolicy: {
      text: "A policy of the Azure subscription forbids it: have its owner change the policy, or the product's template.",
    },
    ResourceGroupBeingDeleted: { text: 'The resource group is being deleted.', retryAfterMs: 30 * SECOND_MS },
    ResourcesExistingOnSubscription: {
      text: 'Resources are left in the Azure subscription, or were deleted only just now.',
      retryAfterMs: 30 * MINUTE_MS,
    },
    RoleAssignmentUpdateNotPermitted: {
      text: 'The name of the role assignment is taken by another one: remove that in the Azure portal.',
    },
    ScopeLocked: { text: 'A lock holds it: remove the lock in the Azure portal.' },
    SubscriptionNotFound: {
      text: 'Azure does not know the Azure subscription, which is usual in its first minutes.',
      retryAfterMs: MINUTE_MS,
    },
  }),
);

const BY_KIND: Record<FaultKind, Advice> = {
  permanent: { text: 'It would be refused again: correct the product, or look the code up.' },
  customer: { text: 'Somebody with rights in the Azure subscription has to cure it (roles, policies, locks).' },
  capacity: { text: 'Azure has no room for it at the moment.', retryAfterMs: HOUR_MS },
  transient: { text: 'Azure is busy.', retryAfterMs: 30 * SECOND_MS },
  conflict: { text: 'Its state is another one than expected.', retryAfterMs: 30 * SECOND_MS },
};

/** Codes that mean nothing without the outer code. */
const VAGUE = ['BadRequest', 'Conflict', 'Unknown', 'InternalServerError', 'InternalError'];

/** Azure has demanded multi-factor authentication for what users write since October 2025. https://aka.ms/mfaforazure */
const MFA = /multi-?factor|\bMFA\b|mfaforazure/i;

/** Kept beside the errors rather than in them: their texts are Azure's, and errors are logged as a whole. */
const faultsBehind = new WeakMap<ConnectorError, (secrets: readonly string[]) => Fault[]>();

/** The innermost causes of a refusal of Azure, without these secrets and those that were sent; empty for any other error. */
export function faultsOf(error: unknown, secrets: readonly string[] = []): Fault[] {
  return error instanceof ConnectorError ? (faultsBehind.get(error)?.(secrets) ?? []) : [];
}

/** Whether Azure refused with one of these codes. */
export function isRefusal(error: unknown, ...codes: string[]): error is ConnectorError {
  return error instanceof ConnectorError && faultsBehind.has(error) && codes.includes(error.facts.upstreamCode ?? '');
}

/** Whether Azure refused the token. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof ConnectorError && faultsBehind.has(error) && error.facts.status === 401;
}

/** Whether Azure said that the state of the thing does not allow it. */
export function isConflict(error: unknown): boolean {
  return error instanceof ConnectorError && faultsBehind.has(error) && error.facts.status === 409;
}

/**
 * Whether Azure said that the thing is not there, with a code: a 404 without one may come from anybody. That the Azure
 * subscription itself is not there is another matter.
 */
export function isAbsent(error: unknown): boolean {
  if (!(error instanceof ConnectorError) || !faultsBehind.has(error)) return false;
  const { status, upstreamCode } = error.facts;
  return status === 404 && upstreamCode !== undefined && upstreamCode !== 'SubscriptionNotFound';
}

/** Whether the answer demands another token with certain claims. https://learn.microsoft.com/entra/identity-platform/claims-challenge */
export function isChallenge({ status, headers }: Answer): boolean {
  return status === 401 && /error="insufficient_claims"/.test(headers['www-authenticate'] ?? '');
}

/**
 * The meaning of a refusal of ARM, `arm.<code>`, by its worst innermost cause: what a person has to cure is an
 * AttentionError, all else a RetryableError. `undefined` for 408 and 5xx, which are simply tried again.
 *
 * @param sent the body of the request, whose secure parameters are not repeated
 * @see https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
 */
export function refusalOf(answer: Answer, actor: Actor, sent?: unknown): ConnectorError | undefined {
  const { status } = answer;
  if (status < 400 || status === 408 || status >= 500) return undefined;
  const faultsWithout = (secrets: readonly string[]): Fault[] =>
    faultsIn(answer.body, { status, secrets: [...secretsIn(sent), ...secrets] });
  const faults = faultsWithout([]);
  const worst = worstOf(faults);
  const code = worst && codeOf(worst);
  const facts: ErrorFacts = { ...answer.facts, ...(code && { upstreamCode: code }) };
  const what = [describe(facts), concernOf(facts)].filter(Boolean).join(' ');
  const told = worst?.message ? ` Azure says: ${worst.message}` : '';

  const error = decide();
  faultsBehind.set(error, faultsWithout);
  return error;

  function decide(): ConnectorError {
    const options: ErrorOptions = { facts, effect: 'none' };
    if (isForMfa()) return mfaNeeded(what, options);
    if (status === 401 && worst?.kind !== 'permanent') {
      const text = `${what} The token was refused, and a fresh one is fetched. If that goes on, compare AZURE_ARM_URL with ENTRA_AUTHORITY_URL.`;
      return new RetryableError(`arm.${code ?? 'unauthorized'}`, text, { ...options, retryAfterMs: 5 * SECOND_MS });
    }
    if (status === 403 && (code === 'AuthorizationFailed' || code === undefined)) {
      return new AttentionError(`arm.${code ?? 'forbidden'}`, `${what} ${RIGHTS[actor]}${told}`, options);
    }
    if (!worst || !code) {
      const text = `${what} Azure gave no reason: ask its support, and quote the correlation id.`;
      return new AttentionError('arm.refused', text, options);
    }
    const ofQuota: Advice | undefined = isOfQuota(worst) ? { text: RAISE_QUOTA } : undefined;
    const advice = ofQuota ?? ADVICE.get(code) ?? forbidden(code, status, actor) ?? BY_KIND[worst.kind];
    if (worst.kind === 'permanent' || worst.kind === 'customer') {
      return new AttentionError(`arm.${code}`, `${what} ${advice.text}${told}`, options);
    }
    const { retryAfterMs = BY_KIND[worst.kind].retryAfterMs } = advice;
    const text = `${what} ${advice.text}${told}`;
    return new RetryableError(`arm.${code}`, text, {
      ...options,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(worst.kind === 'capacity' && { waitingFor: capacityFor(worst) }),
    });
  }

  function isForMfa(): boolean {
    if (actor !== 'user' || (status !== 401 && status !== 403)) return false;
    const challenge = answer.headers['www-authenticate'] ?? '';
    return /insufficient_claims/.test(challenge) || faults.some(({ message }) => MFA.test(message));
  }
}

/** The same text at each call, unlike that of the error, so that the timeline has it once. */
function capacityFor({ code, message, target }: Fault): Wait {
  const where = target ? ` at ${target}` : '';
  const says = `${code}${where}: ${message}`.replace(/[.:\s]+$/, '');
  return `Azure to have capacity, asked for every hour: ${says}`;
}

const WHO: Record<Actor, string> = {
  app: "our service principal (in the customer's tenant, the enterprise application of PARTNER_CENTER_CLIENT_ID)",
  user: "the partner's user",
};

const ROLE: Record<Actor, string> = {
  app: 'has the role Contributor on the Azure subscription',
  user: 'is an admin agent, and the group of the admin agents an owner of the Azure subscription',
};

const RIGHTS: Record<Actor, string> = {
  app: `The right is missing: see whether ${WHO.app} ${ROLE.app}. A role assigned just now takes up to ten minutes; else assign it again.`,
  user: `The right is missing: see whether ${WHO.user} ${ROLE.user}.`,
};

/** What is done where a right is missing, or may be. */
function forbidden(code: string, status: number, actor: Actor): Advice | undefined {
  if (code === 'LinkedAuthorizationFailed')
    return { text: `It needs a resource elsewhere, on which a role is missing: assign one there to ${WHO[actor]}.` };
  if (status !== 403 || isListed(code)) return undefined;
  return {
    text: `It is forbidden, and the code is not known here. See whether ${WHO[actor]} ${ROLE[actor]}; if so, look there for a deny assignment or a policy that forbids it. Else ask the support of Azure, and quote the correlation id.`,
  };
}

/** The error for a user whose sign-in was without multi-factor authentication. */
export function mfaNeeded(what: string, options: ErrorOptions): AttentionError {
  return new AttentionError(
    'entra.mfa-needed',
    `${what} Azure wants the partner's user signed in with multi-factor authentication: ${SIGN_IN}`,
    { ...options, curedBy: 'setting' },
  );
}

function codeOf({ code, path }: Fault): string {
  const outer = path.at(-2);
  return VAGUE.includes(code) && outer !== undefined ? outer : code;
}

function describe({ method, path, status, upstreamCode, correlationId }: ErrorFacts): string {
  const details = [status, upstreamCode, correlationId && `correlation id ${correlationId}`];
  return `Azure refused ${method} ${path} (${details.filter(Boolean).join(', ')}).`;
}

/** What was to be read or changed, for those who read what to do about it without the call; `undefined` where the call names nothing. */
function concernOf({ path = '' }: ErrorFacts): string | undefined {
  const [, group] = /\/resourceGroups\/([^/]+)/i.exec(path) ?? [];
  if (group !== undefined) return `This concerns resource group ${group}.`;
  const [, subscription] = /^\/subscriptions\/([^/]+)/i.exec(path) ?? [];
  return subscription && `This concerns Azure subscription ${subscription}.`;
}
