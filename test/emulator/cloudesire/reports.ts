import type { Clock } from '../core/clock.ts';
import type { BillingPeriods } from './billing-periods.ts';
import {
  type Credential,
  DEPLOYMENT_STATUSES,
  type DeploymentStatus,
  ENDPOINT_CATEGORIES,
  type Endpoint,
  type EndpointCategory,
  type Subscription,
} from './model.ts';
import { type Problem, Refusal, refusal, wrongSize } from './refusal.ts';
import type { State } from './state.ts';
import type { Switches } from './switches.ts';
import type { Cause, Transitions } from './transitions.ts';

const REPORTABLE: readonly DeploymentStatus[] = ['DEPLOYED', 'UNDEPLOYED', 'FAILED'];
const WAYS: Partial<Record<DeploymentStatus, readonly DeploymentStatus[]>> = {
  PENDING: ['DEPLOYED', 'FAILED'],
  POST_CONFIGURATION: ['DEPLOYED', 'FAILED'],
  FAILED: ['DEPLOYED'],
  UNDEPLOY_SENT: ['UNDEPLOYED'],
};

const INSTRUCTIONS_LIMIT = 4_096;
const LINK = /<\s*a[\s>]|https?:\/\/|\bwww\./i;

export type Reports = ReturnType<typeof createReports>;

/**
 * Returns what a vendor writes about a subscription: its status, and what the customer gets to see.
 *
 * @see https://docs.cloudesire.com/docs/syndication.html
 */
export function createReports(parts: {
  clock: Clock;
  state: State;
  switches: Switches;
  transitions: Transitions;
  periods: BillingPeriods;
}) {
  const { clock, state, switches, transitions, periods } = parts;

  /**
   * Takes a report of `DEPLOYED`, `FAILED` or `UNDEPLOYED`. Any other status, and any step that the state machine does
   * not have, is refused as the switches say.
   */
  function status(subscription: Subscription, wanted: unknown, cause: Cause): void {
    const from = subscription.deploymentStatus;
    const to = DEPLOYMENT_STATUSES.find((known) => known === wanted);
    state.note('status-reported', { subscription: subscription.id, from, to: String(wanted), ...requestOf(cause) });
    if (to === undefined) throw refusal(400, `The deployment status ${String(wanted)} is unknown`);
    if (to === from && switches.repeatedReport === 'accept' && REPORTABLE.includes(to)) return;
    if (!isPossible(from, to)) {
      state.note('report-refused', { subscription: subscription.id, from, to, ...requestOf(cause) });
      if (switches.impossibleTransition === 200) return;
      throw refusal(
        switches.impossibleTransition,
        'The requested transition is not possible',
        switches.impossibleTransition === 409 ? 'conflict' : 'unprocessable-entity',
      );
    }
    if (to === 'DEPLOYED') deployed(subscription, cause);
    else if (to === 'FAILED') failed(subscription, cause);
    else transitions.finishUndeployment(subscription, cause);
    if (switches.ownReportEmitsEvent && to !== 'UNDEPLOYED') transitions.emit(subscription, 'MODIFIED');
  }

  function isPossible(from: DeploymentStatus, to: DeploymentStatus): boolean {
    if (from === 'FAILED' && switches.leavingFailed === 'refuse') return false;
    return WAYS[from]?.includes(to) ?? false;
  }

  function deployed(subscription: Subscription, cause: Cause): void {
    const hasApp = subscription.endpoints.some(({ category }) => category === 'APP');
    if (!hasApp && switches.deployedWithoutApp === 'refuse') {
      throw refusal(400, 'At least one endpoint of category APP is required before the deployment is reported');
    }
    log(subscription, 'DEPLOYED');
    periods.start(subscription);
    transitions.setStatus(subscription, 'DEPLOYED', cause);
  }

  function failed(subscription: Subscription, cause: Cause): void {
    log(subscription, 'FAILED');
    transitions.setStatus(subscription, 'FAILED', cause);
  }

  function log(subscription: Subscription, reached: DeploymentStatus): void {
    subscription.deploymentLog.push({ id: state.nextId('deploymentStatus'), at: clock.now(), status: reached });
  }

  function endpoints(subscription: Subscription, body: unknown, cause: Cause): void {
    const list = requireArray(body);
    const problems = list.flatMap(endpointProblems);
    if (!list.some((endpoint) => isObject(endpoint) && endpoint.category === 'APP')) {
      problems.push({ error: 'At least one endpoint of category APP is required' });
    }
    if (problems.length > 0) throw new Refusal(400, ...problems);
    const added = list.map((given): Endpoint => {
      const { endpoint, category, description } = given as {
        endpoint: string;
        category: EndpointCategory;
        description?: string;
      };
      return {
        id: state.nextId('endpoint'),
        endpoint,
        category,
        ...(description === undefined || description === null ? {} : { description }),
      };
    });
    subscription.endpoints = switches.repeatedPost === 'add' ? [...subscription.endpoints, ...added] : added;
    transitions.touch(subscription);
    state.note('endpoints-reported', {
      subscription: subscription.id,
      endpoints: added.map(({ endpoint, category }) => ({ endpoint, category })),
      ...requestOf(cause),
    });
  }

  function instructions(subscription: Subscription, body: unknown, cause: Cause): void {
    if (!isObject(body)) throw refusal(400, 'Instructions are a map of language to text');
    const problems: Problem[] = [];
    for (const [language, text] of Object.entries(body)) {
      if (!/^[a-z]{2}$/.test(language)) problems.push({ error: `The language ${language} has not two letters` });
      if (typeof text !== 'string') problems.push({ error: 'An instruction is a text' });
      else if (text.length > INSTRUCTIONS_LIMIT) problems.push(wrongSize(0, INSTRUCTIONS_LIMIT));
      else if (LINK.test(text) && switches.linksInEndUserInstructions === 'FORBID') {
        problems.push({ error: 'Links are not permitted in end user instructions', key: 'characters.not.permitted' });
      }
    }
    for (const language of switches.requiredLanguages) {
      if (!(language in body)) problems.push({ error: `Instructions in the language ${language} are missing` });
    }
    if (problems.length > 0) throw new Refusal(400, ...problems);
    const texts = body as Record<string, string>;
    subscription.instructions =
      switches.repeatedPost === 'add' ? { ...subscription.instructions, ...texts } : { ...texts };
    transitions.touch(subscription);
    const languages = Object.keys(texts);
    state.note('instructions-reported', { subscription: subscription.id, languages, ...requestOf(cause) });
  }

  function credentials(subscription: Subscription, body: unknown, cause: Cause): void {
    const list = requireArray(body);
    const problems = list.flatMap(credentialProblems);
    const before = switches.repeatedPost === 'add' ? subscription.credentials : [];
    const keys = [...before, ...(list as Credential[])].map((credential) => credential?.key);
    if (new Set(keys).size < keys.length) problems.push({ error: 'The keys of credentials are unique' });
    if (problems.length > 0) throw new Refusal(400, ...problems);
    const added = (list as Credential[]).map(({ key, value, weight, description }) => ({
      key,
      weight,
      ...(typeof value === 'string' ? { value } : {}),
      ...(isObject(description) ? { description } : {}),
    }));
    subscription.credentials = [...before, ...added];
    transitions.touch(subscription);
    const reported = added.map(({ key }) => key);
    state.note('credentials-reported', { subscription: subscription.id, keys: reported, ...requestOf(cause) });
  }

  /** Sets the first display name; one that the customer chose stays. */
  function name(subscription: Subscription, wanted: unknown, cause: Cause): void {
    if (typeof wanted !== 'string' || wanted.length === 0 || wanted.length > 255) {
      throw new Refusal(400, wrongSize(1, 255));
    }
    if (subscription.namedBy === 'customer' && cause.by !== 'customer') return;
    subscription.namedBy = cause.by === 'customer' ? 'customer' : 'connector';
    subscription.name = wanted;
    transitions.touch(subscription);
    state.note('name-set', { subscription: subscription.id, name: wanted, ...requestOf(cause) });
  }

  return { status, endpoints, instructions, credentials, name };
}

function requestOf({ requestId }: Cause): { requestId?: string } {
  return requestId === undefined ? {} : { requestId };
}

function requireArray(body: unknown): unknown[] {
  if (!Array.isArray(body)) throw refusal(400, 'The body is not an array');
  return body;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function endpointProblems(given: unknown): Problem[] {
  if (!isObject(given)) return [{ error: 'An endpoint is an object' }];
  const { endpoint, category, description } = given;
  const problems: Problem[] = [];
  if (typeof endpoint !== 'string' || endpoint.length < 1 || endpoint.length > 2_000) {
    problems.push(wrongSize(1, 2_000));
  } else if (!URL.canParse(endpoint)) {
    problems.push({ error: 'The endpoint is not a valid URL' });
  } else if (new URL(endpoint).protocol !== 'https:') {
    problems.push({ error: 'The endpoint must use HTTPS' });
  }
  if (!ENDPOINT_CATEGORIES.includes(category as EndpointCategory)) {
    problems.push({ error: `The category of an endpoint is one of ${ENDPOINT_CATEGORIES.join(', ')}` });
  }
  if (description !== undefined && description !== null) {
    if (typeof description !== 'string') problems.push({ error: 'The description of an endpoint is a text' });
    else if (description.length > 1_024) problems.push(wrongSize(0, 1_024));
  }
  return problems;
}

function credentialProblems(given: unknown): Problem[] {
  if (!isObject(given)) return [{ error: 'A credential is an object' }];
  const { key, value, weight, description } = given;
  const problems: Problem[] = [];
  if (typeof key !== 'string' || key.length < 1 || key.length > 125) problems.push(wrongSize(1, 125));
  if (value !== undefined && value !== null && typeof value !== 'string') {
    problems.push({ error: 'The value of a credential is a text' });
  }
  if (!Number.isInteger(weight)) problems.push({ error: 'The weight of a credential is a whole number' });
  if (description !== undefined && description !== null) {
    const texts = isObject(description) ? Object.entries(description) : [];
    const isFine =
      isObject(description) && texts.every(([lang, text]) => /^[a-z]{2}$/.test(lang) && typeof text === 'string');
    if (!isFine) problems.push({ error: 'The description of a credential is a map of language to text' });
  }
  return problems;
}
