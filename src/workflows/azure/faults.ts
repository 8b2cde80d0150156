import { AttentionError, type ConnectorError, CustomerError, RetryableError } from '../../lib/errors.ts';
import { nameIn } from '../../lib/foreign-text.ts';
import type { Wait } from '../../lib/wait.ts';
import { type Fault, faultsOf } from '../../upstreams/azure/client.ts';
import { isOfQuota, RAISE_QUOTA, worstOf } from '../../upstreams/azure/taxonomy.ts';

/** Machines of a kind come back after hours; until then it is asked seldom. */
export const CAPACITY_PAUSE_MS = 60 * 60_000;

/** What a customer can do about: the name that they chose for their address belongs to somebody else. */
const NAME_TAKEN = new Set(['DnsRecordInUse', 'DomainNameLabelAlreadyInUse']);

/** What was chosen once for all. */
const FIXED = new Set(['PropertyChangeNotAllowed', 'InvalidResourceLocation']);

const ROLE_MISSING =
  "The connector's enterprise application lacks a role for it in the customer's Azure subscription: assign it there.";
/** What somebody with rights in the Azure subscription does. */
const CURES = new Map([
  ['AuthorizationFailed', ROLE_MISSING],
  ['LinkedAuthorizationFailed', ROLE_MISSING],
  [
    'RequestDisallowedByPolicy',
    "A policy of the customer's Azure subscription forbids it: have its owner change the policy, or exempt the resource group of the order.",
  ],
]);
const OTHER_CURE = "It lies in the customer's Azure subscription (rights, policy or locks): have it cured there.";

/** Whether waiting may be enough. */
export function mayPass(fault: Fault | undefined): boolean {
  return fault === undefined || fault.kind === 'capacity' || fault.kind === 'conflict' || fault.kind === 'transient';
}

/** Whether Azure refused a call because of what was sent, which other content may cure. */
export function isOfContent(error: unknown): error is AttentionError {
  return error instanceof AttentionError && worstOf(faultsOf(error))?.kind === 'permanent';
}

/** The same, where an order keeps to what it had until `retry`. */
export function atRetry(error: AttentionError): AttentionError {
  const { code, message, facts, effect } = error;
  return new AttentionError(code, message, { cause: error, facts, effect, cure: 'retry' });
}

/** What was tried and why it failed, in whole sentences, with the innermost cause that decides. */
export function causeOf(what: string, faults: readonly Fault[]): string {
  const worst = worstOf(faults);
  if (!worst) return `${what} failed, and Azure does not say why.`;
  const where = worst.target ? ` at ${worst.target}` : '';
  // Azure ends its texts with a full stop or without.
  const why = worst.message && `: ${worst.message}`;
  const more = faults.length - 1;
  const others = more > 0 ? ` Azure names ${more} more ${more === 1 ? 'cause' : 'causes'}.` : '';
  return `${what} failed: ${`${nameIn(worst.code)}${where}${why}`.replace(/(?<![.!?…])$/, '.')}${others}`;
}

/**
 * What lack of capacity is waited for, whether it is known from the check before a deployment or from its failure, and what operations can
 * do meanwhile. The sentence around it ends with a full stop of its own.
 *
 * @param when it is asked for again
 */
export function capacityIn(region: string, when: string, cause: string): Wait {
  return `Azure to have capacity in ${region}${when}: ${cause} Where that lasts, sell another vmSize, or another region while nothing of the order is deployed; look tries at once`;
}

/**
 * The error that stands for the causes of a refusal or failure, with the innermost one in its text.
 *
 * @param what was tried, as the begin of a sentence
 * @param region to which it was to be deployed
 * @param dnsParameter code of the parameter by which the customer chooses the DNS label
 * @param isDelivered whether the customer has it already: until then nothing of theirs is lost with it
 * @param wasSent whether it failed at Azure, rather than in the check before: then only `retry`, or other parameters, begin it anew
 * @see https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
 */
export function errorOf(
  what: string,
  faults: readonly Fault[],
  { region = 'its region', dnsParameter = '', isDelivered = true, wasSent = false } = {},
): ConnectorError {
  const worst = worstOf(faults);
  const cause = causeOf(what, faults);
  if (!worst) return new RetryableError('azure.unexplained', cause);
  const code = `azure.${/^\w{1,60}$/.test(worst.code) ? worst.code : 'refused'}`;
  const options = { facts: { upstream: 'arm', upstreamCode: worst.code }, effect: 'none' } as const;
  const cure = wasSent ? 'retry' : 'look';
  if (NAME_TAKEN.has(worst.code)) {
    const params = { parameter: dnsParameter };
    return new CustomerError('order.dns-name-taken', `${cause} The customer has to choose another name.`, {
      ...options,
      params,
    });
  }
  if (FIXED.has(worst.code) && !isDelivered) {
    return new AttentionError(
      code,
      `${cause} What an earlier try has left cannot be changed like that. Nothing is delivered yet: delete the resource group of the order in Azure, and it is deployed anew.`,
      { ...options, cure: 'retry' },
    );
  }
  if (FIXED.has(worst.code)) {
    return new AttentionError(
      code,
      `${cause} What is deployed cannot be changed like that: have the customer set it back in the marketplace, or order anew.`,
      options,
    );
  }
  switch (worst.kind) {
    case 'permanent':
      // An order keeps to its template until retry.
      return new AttentionError(code, `${cause} Correct the template or the plan.`, { ...options, cure: 'retry' });
    case 'customer': {
      const advice = isOfQuota(worst) ? RAISE_QUOTA : (CURES.get(worst.code) ?? OTHER_CURE);
      return new AttentionError(code, `${cause} ${advice}`, { ...options, cure });
    }
    case 'capacity':
      return new RetryableError(code, `${cause} Azure lacks capacity.`, {
        ...options,
        retryAfterMs: CAPACITY_PAUSE_MS,
        waitingFor: capacityIn(region, ', asked for every hour', cause),
      });
    case 'conflict':
    case 'transient':
      return new RetryableError(code, cause, options);
  }
}
