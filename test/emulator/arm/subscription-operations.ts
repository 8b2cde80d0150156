import { type Api, type Request, requireText } from './api.ts';
import { subscriptionScope } from './ids.ts';
import type { AzureSubscription } from './model.ts';
import { LOCATIONS } from './provider-catalog.ts';
import { refuse } from './refusals.ts';
import { authorizationFailed, type Roles } from './roles.ts';
import type { SubscriptionParts, Subscriptions } from './subscriptions.ts';

export type SubscriptionOperationParts = Pick<SubscriptionParts, 'clock' | 'state' | 'switches'> & {
  api: Api;
  roles: Roles;
  subscriptions: Subscriptions;
};

const SUBSCRIPTION = '/subscriptions/:subscriptionId';
const READ = { namespace: 'Microsoft.Resources', action: 'Microsoft.Resources/subscriptions/read' };

/**
 * Reading subscriptions, their regions and tenants, and cancelling, enabling and renaming them.
 *
 * @see https://learn.microsoft.com/rest/api/subscription/subscription
 */
export function defineSubscriptions(parts: SubscriptionOperationParts): void {
  const { api, clock, state, switches, roles, subscriptions } = parts;

  api.define('GET', '/subscriptions', { namespace: 'Microsoft.Resources' }, ({ principal }) => {
    const visible = [...state.subscriptions.values()].filter(
      (subscription) =>
        subscription.tenantId === principal.tenantId &&
        subscription.visibleAt <= clock.now() &&
        subscription.state !== 'Deleted' &&
        roles.hasAny(principal, subscription.id),
    );
    return {
      status: 200,
      body: { value: visible.map(view), count: { type: 'Total', value: visible.length } },
    };
  });

  api.define('GET', SUBSCRIPTION, READ, ({ subscription }) => ({ status: 200, body: view(subscription) }));

  api.define('GET', `${SUBSCRIPTION}/locations`, READ, ({ subscription }) => ({
    status: 200,
    body: {
      value: Object.entries(LOCATIONS).map(([name, displayName]) => ({
        id: `${subscriptionScope(subscription.id)}/locations/${name}`,
        name,
        type: 'Region',
        displayName,
        regionalDisplayName: displayName,
        metadata: { regionType: 'Physical', regionCategory: 'Recommended' },
      })),
    },
  }));

  api.define('GET', '/tenants', { namespace: 'Microsoft.Resources' }, ({ principal: { tenantId } }) => ({
    status: 200,
    body: { value: [{ id: `/tenants/${tenantId}`, tenantId, tenantCategory: 'Home' }] },
  }));

  const lifecycle = (action: string) => ({
    namespace: 'Microsoft.Subscription',
    action: `Microsoft.Subscription/${action}/action`,
    scope: ({ subscriptionId }: Record<string, string>) => subscriptionScope(subscriptionId!),
    whenDisabled: true,
  });

  const { action: cancel, ...anybody } = lifecycle('cancel');
  api.define('POST', `${SUBSCRIPTION}/providers/Microsoft.Subscription/cancel`, anybody, (request) => {
    requireOwner(request, cancel);
    const { subscription, query, cause } = request;
    if (query.get('IgnoreResourceCheck')?.toLowerCase() !== 'true' && hasResources(subscription)) {
      throw refuse(
        400,
        'ResourcesExistingOnSubscription',
        'There are existing resources associated with subscription. Delete them before cancelling the subscription',
      );
    }
    if (subscription.state !== 'Disabled') subscriptions.cancel(subscription, cause);
    return { status: 200, body: { subscriptionId: subscription.id } };
  });

  api.define(
    'POST',
    `${SUBSCRIPTION}/providers/Microsoft.Subscription/enable`,
    lifecycle('enable'),
    ({ subscription, cause }) => {
      subscriptions.enable(subscription, cause);
      return { status: 200, body: { subscriptionId: subscription.id } };
    },
  );

  api.define(
    'POST',
    `${SUBSCRIPTION}/providers/Microsoft.Subscription/rename`,
    lifecycle('rename'),
    ({ subscription, cause, fields }) => {
      subscriptions.rename(subscription, requireText(fields(), 'subscriptionName'), cause);
      return { status: 200, body: { subscriptionId: subscription.id } };
    },
  );

  /** Contributors have every action of the provider, yet only an Owner may cancel. */
  function requireOwner({ principal, subscription }: Request, action: string): void {
    const scope = subscriptionScope(subscription.id);
    const mayAssign = roles.can(principal, 'Microsoft.Authorization/roleAssignments/write', scope);
    if (!mayAssign || !roles.can(principal, action, scope)) throw authorizationFailed(principal, action, scope);
  }

  function hasResources({ id, lastDeletionAt }: AzureSubscription): boolean {
    if (lastDeletionAt !== undefined && lastDeletionAt + switches.deletedResourcesCountForMs > clock.now()) return true;
    return [...state.resources.values()].some(({ subscriptionId }) => subscriptionId === id);
  }

  function view({ id, tenantId, displayName, state: status, tags }: AzureSubscription): object {
    return {
      id: subscriptionScope(id),
      authorizationSource: 'RoleBased',
      managedByTenants: [],
      subscriptionId: id,
      tenantId,
      displayName,
      state: status,
      subscriptionPolicies: {
        locationPlacementId: 'Public_2014-09-01',
        quotaId: 'CSP_2015-05-01',
        spendingLimit: 'Off',
      },
      ...(Object.keys(tags).length === 0 ? {} : { tags }),
    };
  }
}
