import type { Api, Request } from './api.ts';
import type { Books } from './books.ts';
import { subscriptionScope } from './ids.ts';
import type { Jobs } from './jobs.ts';
import type { AzureSubscription } from './model.ts';
import { findProvider, LOCATIONS, PROVIDERS, type Provider } from './provider-catalog.ts';
import { refuse } from './refusals.ts';
import type { Switches } from './switches.ts';

export interface ProviderParts {
  api: Api;
  switches: Switches;
  books: Books;
  jobs: Jobs;
}

export interface Registrations {
  isRegistered(subscription: AzureSubscription, namespace: string): boolean;
  register(subscription: AzureSubscription, namespace: string): void;
}

const NAMESPACE = '/subscriptions/:subscriptionId/providers/:namespace';

/**
 * Registration of resource providers. A new subscription starts with those that need none; registering takes a while and
 * is followed by reading the provider.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
 */
export function defineProviders({ api, switches, books, jobs }: ProviderParts): Registrations {
  const work = new WeakMap<AzureSubscription, Map<string, ReturnType<Jobs['start']>>>();
  const rule = (action: string) => ({
    namespace: 'Microsoft.Resources',
    action,
    scope: ({ subscriptionId }: Record<string, string>) => subscriptionScope(subscriptionId!),
  });

  function isRegistered(subscription: AzureSubscription, namespace: string): boolean {
    return stateOf(subscription, namespace) === 'Registered';
  }

  function stateOf(subscription: AzureSubscription, namespace: string): string {
    if (findProvider(namespace)?.free === true) return 'Registered';
    return subscription.registrations.get(namespace.toLowerCase()) ?? 'NotRegistered';
  }

  function register(subscription: AzureSubscription, namespace: string): void {
    const key = namespace.toLowerCase();
    if (stateOf(subscription, key) === 'Registered' || stateOf(subscription, key) === 'Registering') return;
    subscription.registrations.set(key, 'Registering');
    const job = jobs.start({
      takesMs: switches.registrationTakesMs,
      steps: [() => void subscription.registrations.set(key, 'Registered')],
    });
    work.set(subscription, (work.get(subscription) ?? new Map<string, typeof job>()).set(key, job));
  }

  function providerOf({ params }: Request): Provider {
    const provider = findProvider(params.namespace!);
    if (provider === undefined) {
      throw refuse(404, 'InvalidResourceNamespace', `The resource namespace '${params.namespace}' is invalid.`);
    }
    return provider;
  }

  api.define('POST', `${NAMESPACE}/register`, rule('*/register/action'), (request) => {
    const { subscription, cause } = request;
    const provider = providerOf(request);
    if (!isRegistered(subscription, provider.namespace)) {
      register(subscription, provider.namespace);
      books.write('provider registered', cause, { subscriptionId: subscription.id, namespace: provider.namespace });
    }
    return { status: 200, body: view(subscription, provider) };
  });

  api.define('POST', `${NAMESPACE}/unregister`, rule('*/unregister/action'), (request) => {
    const { subscription, cause } = request;
    const provider = providerOf(request);
    subscription.registrations.delete(provider.namespace.toLowerCase());
    books.write('provider unregistered', cause, { subscriptionId: subscription.id, namespace: provider.namespace });
    return { status: 200, body: view(subscription, provider) };
  });

  api.define('GET', NAMESPACE, rule('Microsoft.Resources/subscriptions/providers/read'), (request) => {
    const provider = providerOf(request);
    work.get(request.subscription)?.get(provider.namespace.toLowerCase())?.look();
    return { status: 200, body: view(request.subscription, provider) };
  });

  api.define(
    'GET',
    '/subscriptions/:subscriptionId/providers',
    rule('Microsoft.Resources/subscriptions/providers/read'),
    ({ subscription }) => ({
      status: 200,
      body: { value: PROVIDERS.map((provider) => view(subscription, provider)) },
    }),
  );

  function view(subscription: AzureSubscription, { namespace, types, free, versions }: Provider): object {
    return {
      id: `${subscriptionScope(subscription.id)}/providers/${namespace}`,
      namespace,
      registrationPolicy: free === true ? 'RegistrationFree' : 'RegistrationRequired',
      registrationState: stateOf(subscription, namespace),
      resourceTypes: types.map(({ name, global: isGlobal }) => ({
        resourceType: name,
        locations: isGlobal === true ? ['global'] : Object.values(LOCATIONS),
        apiVersions: versions,
      })),
    };
  }

  return { isRegistered, register };
}
