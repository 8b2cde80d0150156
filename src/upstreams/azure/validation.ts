import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { RetryableError } from '../../lib/errors.ts';
import { path } from '../http.ts';
import { type Arm, malformed, type Reply } from './arm.ts';
import type { AzureSubscription, DeploymentBody, Fault } from './azure.ts';
import { DEPLOYMENTS } from './deployments.ts';
import { faultsOf, isAbsent, isRefusal, isUnauthorized } from './errors.ts';
import { faultsIn } from './faults.ts';
import { Validated, WhatIfResult } from './schema.ts';
import { secretsIn } from './secrets.ts';

/** How often a delayed answer is polled within one call, before the worker is given back. */
const LOOKS = 4;
/** Unless Azure names another pause. */
const NEXT_LOOK_MS = 15_000;
const MOST_PENDING = 1000;
const NOT_READY = /^(running|inprogress|accepted)$/i;

/**
 * Where to ask for answers that are still being worked out, by what was asked. Another process does not know and asks from the
 * beginning, which costs nothing but time.
 */
export type Pending = Map<string, string>;

type Deployments = AzureSubscription['deployments'];

/**
 * Returns the questions that can be asked about a deployment before it is made. Azure may take its time for the answer: it is
 * waited for during a few seconds, then a RetryableError `arm.still-thinking` gives the worker back, and the next call with the
 * same arguments goes on waiting for the same answer.
 *
 * With the bare client, for the SDK drops the reasons of a refusal.
 *
 * @param pauseMs between two looks for an answer
 */
export function createValidationCalls(
  arm: Arm,
  subscriptionId: string,
  { pending, pauseMs }: { pending: Pending; pauseMs: number },
): Pick<Deployments, 'validate' | 'whatIf'> {
  /**
   * What stands against a deployment: syntax, parameters, permissions, quotas, and what the providers check beforehand. Not
   * capacity, and not all clashes of names.
   *
   * @see https://learn.microsoft.com/rest/api/resources/deployments/validate
   */
  const validate: Deployments['validate'] = async (group, name, body) => {
    const secrets = secretsIn({ properties: body });
    const answer = await ask('validate', group, name, propertiesOf(body), secrets);
    if ('faults' in answer) return answer.faults;
    const { data: validated } = Validated.safeParse(answer.body);
    if (validated?.error) return faultsIn(validated.error, { status: 400, secrets });
    // An answer that took longer may end without a body.
    if (answer.body !== undefined && !validated?.properties) throw malformed(pathOf(group, name), 'has no properties');
    return [];
  };

  /**
   * What a deployment would change. It cannot resolve `reference()` and lists some changes that are none.
   *
   * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-what-if
   */
  const whatIf: Deployments['whatIf'] = async (group, name, body) => {
    const secrets = secretsIn({ properties: body });
    const properties = { ...propertiesOf(body), whatIfSettings: { resultFormat: 'ResourceIdOnly' } };
    const answer = await ask('whatIf', group, name, properties, secrets);
    if ('faults' in answer) return answer;
    const { data: result } = WhatIfResult.safeParse(answer.body);
    if (result?.error) return { faults: faultsIn(result.error, { status: 400, secrets }) };
    if (result?.status.toLowerCase() !== 'succeeded') throw malformed(pathOf(group, name), 'has no changes');
    const changes = result.properties?.changes ?? [];
    return { changes: changes.map(({ resourceId, changeType }) => ({ action: changeType, resourceId })) };
  };

  async function ask(
    question: 'validate' | 'whatIf',
    group: string,
    name: string,
    properties: object,
    secrets: string[],
  ): Promise<Reply | { faults: Fault[] }> {
    const body = { properties };
    const digest = createHash('sha256').update(JSON.stringify(body)).digest('base64');
    const key = [question, subscriptionId, group, name, digest].join(' ');
    try {
      return await follow(key, () =>
        arm.send('POST', { path: `${pathOf(group, name)}/${question}`, apiVersion: DEPLOYMENTS, body }),
      );
    } catch (error) {
      // The answer may have been fetched by a call that sent no secret.
      const faults = faultsOf(error, secrets);
      // Refusals of the caller rather than of the deployment are no answer.
      if (faults.length === 0 || isAbsent(error) || isUnauthorized(error) || isRefusal(error, ...NO_ANSWER))
        throw error;
      return { faults };
    }
  }

  async function follow(key: string, begin: () => Promise<Reply>): Promise<Reply> {
    const known = pending.get(key);
    pending.delete(key);
    let answer = known === undefined ? await begin() : await resume(known, begin);
    let location = known ?? '';
    for (let looks = 1; isPending(answer); looks += 1) {
      location = answer.headers.location ?? answer.headers['azure-asyncoperation'] ?? location;
      if (!location) throw malformed(key.split(' ')[0] ?? '', 'does not say where it will be');
      if (looks > LOOKS) {
        remember(key, location);
        throw stillThinking(answer);
      }
      await setTimeout(pauseMs);
      answer = await arm.send('GET', { path: location });
    }
    return answer;
  }

  /** An answer is kept for some time only. */
  async function resume(location: string, begin: () => Promise<Reply>): Promise<Reply> {
    try {
      return await arm.send('GET', { path: location });
    } catch (error) {
      if (isAbsent(error)) return begin();
      throw error;
    }
  }

  function remember(key: string, location: string): void {
    pending.set(key, location);
    const [oldest] = pending.keys();
    if (pending.size > MOST_PENDING && oldest !== undefined) pending.delete(oldest);
  }

  function pathOf(group: string, name: string): string {
    return path`/subscriptions/${subscriptionId}/resourcegroups/${group}/providers/Microsoft.Resources/deployments/${name}`;
  }

  return { validate, whatIf };
}

/** Errors of asking, not of what was asked about. */
const NO_ANSWER = ['AuthorizationFailed', 'InvalidAuthenticationTokenTenant', 'SubscriptionNotFound'];

function propertiesOf({ template, parameters }: DeploymentBody) {
  return { mode: 'Incremental', template, parameters };
}

function isPending({ status, body }: Reply): boolean {
  if (status === 202) return true;
  const word = typeof body === 'object' && body !== null && 'status' in body ? body.status : undefined;
  return typeof word === 'string' && NOT_READY.test(word);
}

function stillThinking({ headers }: Reply): RetryableError {
  const seconds = Number(headers['retry-after']);
  const retryAfterMs = seconds > 0 && seconds < 3600 ? seconds * 1000 : NEXT_LOOK_MS;
  return new RetryableError('arm.still-thinking', 'Azure is still checking the deployment.', {
    facts: { upstream: 'arm' },
    effect: 'none',
    retryAfterMs,
  });
}
