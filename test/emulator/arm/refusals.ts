import type { Reply } from '../core/server.ts';
import type { ArmError } from './template/types.ts';

const WEEK_MS = 7 * 86_400_000;

/** A request that Azure Resource Manager answers with an error, thrown from wherever the reason becomes clear. */
export class ArmRefusal extends Error {
  readonly status: number;
  readonly error: ArmError;
  readonly headers: Record<string, string>;

  constructor(status: number, error: ArmError, headers: Record<string, string> = {}) {
    super(`${status} ${error.code}: ${error.message}`);
    this.name = 'ArmRefusal';
    this.status = status;
    this.error = error;
    this.headers = headers;
  }

  toReply(): Reply {
    return { status: this.status, headers: this.headers, body: { error: this.error } };
  }
}

/**
 * A refusal with the standard error body of Azure Resource Manager.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
 */
export function refuse(status: number, code: string, message: string, more: Partial<ArmError> = {}): ArmRefusal {
  return new ArmRefusal(status, { code, message, ...more });
}

export function invalidContent(message: string): ArmRefusal {
  return refuse(
    400,
    'InvalidRequestContent',
    `The request content was invalid and could not be deserialized: '${message}'.`,
  );
}

export function subscriptionNotFound(id: string): ArmRefusal {
  return refuse(404, 'SubscriptionNotFound', `The subscription '${id}' could not be found.`);
}

export function groupNotFound(name: string): ArmRefusal {
  return refuse(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`);
}

export function resourceNotFound(type: string, name: string, group: string): ArmRefusal {
  return refuse(
    404,
    'ResourceNotFound',
    `The Resource '${type}/${name}' under resource group '${group}' was not found. For more details please go to ` +
      'https://aka.ms/ARMResourceNotFoundFix',
  );
}

export function deploymentNotFound(name: string): ArmRefusal {
  return refuse(404, 'DeploymentNotFound', `Deployment '${name}' could not be found.`);
}

export function scopeLocked(scope: string, lockedScopes: string[], operation: 'delete' | 'write'): ArmRefusal {
  return refuse(
    409,
    'ScopeLocked',
    `The scope '${scope}' cannot perform ${operation} operation because following scope(s) are locked: ` +
      `'${lockedScopes.join(',')}'. Please remove the lock and try again.`,
  );
}

export function missingRegistration(namespace: string): ArmRefusal {
  const message =
    `The subscription is not registered to use namespace '${namespace}'. See https://aka.ms/rps-not-found for how to ` +
    'register subscriptions.';
  const details = [{ code: 'MissingSubscriptionRegistration', target: namespace, message }];
  return refuse(409, 'MissingSubscriptionRegistration', message, { details });
}

export function disabledSubscription(id: string): ArmRefusal {
  return refuse(
    409,
    'ReadOnlyDisabledSubscription',
    `The subscription '${id}' is disabled and therefore marked as read only. You cannot perform any write actions on this ` +
      'subscription until it is re-enabled.',
  );
}

/** @see https://github.com/microsoft/azure-pipelines-tasks/issues/5320 */
export function deploymentActive({ name, startedAt }: { name: string; startedAt: number }): ArmRefusal {
  const print = (at: number): string => new Date(at).toISOString();
  return refuse(
    409,
    'DeploymentActive',
    `Unable to edit or replace deployment '${name}': previous deployment from '${print(startedAt)}' is still active ` +
      `(expiration time is '${print(startedAt + WEEK_MS)}'). Please see https://aka.ms/arm-deploy for usage details.`,
  );
}
