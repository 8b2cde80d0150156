import { path } from '../http.ts';
import type { Arm } from './arm.ts';
import type { AzureSubscription } from './azure.ts';
import { isAbsent, isRefusal } from './errors.ts';
import { Group, Location, Named, Provider, Resource, SubscriptionRead } from './schema.ts';

const SUBSCRIPTIONS = '2022-12-01';

/**
 * Returns the calls about an Azure subscription as a whole, its resource providers, its resource groups and what is in them.
 *
 * @see https://learn.microsoft.com/rest/api/resources
 */
export function createSubscriptionCalls(
  arm: Arm,
  subscriptionId: string,
): Pick<AzureSubscription, 'read' | 'tag' | 'locations' | 'providers' | 'groups' | 'resources'> {
  const root = path`/subscriptions/${subscriptionId}`;

  return {
    async read() {
      try {
        return await arm.read({ path: root, apiVersion: SUBSCRIPTIONS }, SubscriptionRead);
      } catch (error) {
        if (isRefusal(error, 'SubscriptionNotFound') || isAbsent(error)) return undefined;
        if (isRefusal(error, 'InvalidAuthenticationTokenTenant', 'AuthorizationFailed')) return 'no-access';
        throw error;
      }
    },

    tag: (tags) =>
      arm.call(`the tags of ${root}`, ({ resources }) =>
        resources.tagsOperations.createOrUpdateAtScope(root.slice(1), { properties: { tags } }).submitted(),
      ),

    locations: () => arm.list({ path: `${root}/locations`, apiVersion: SUBSCRIPTIONS }, Location),

    providers: {
      async state(namespace) {
        const what = `${root}/providers/${namespace}`;
        return (await arm.ask(what, ({ resources }) => resources.providers.get(namespace), Provider)).registrationState;
      },
      register: (namespace) =>
        arm.call(`${root}/providers/${namespace}`, ({ resources }) => resources.providers.register(namespace)),
    },

    groups: {
      async get(name) {
        try {
          const found = await arm.ask(groupPath(name), ({ resources }) => resources.resourceGroups.get(name), Group);
          const { location, tags, provisioningState } = found;
          return { location, tags, provisioningState };
        } catch (error) {
          if (isAbsent(error)) return undefined;
          throw error;
        }
      },

      put: (name, group) =>
        arm.call(groupPath(name), ({ resources }) => resources.resourceGroups.createOrUpdate(name, group)),

      async remove(name) {
        try {
          await arm.call(groupPath(name), ({ resources }) => resources.resourceGroups.delete(name).submitted());
        } catch (error) {
          if (isAbsent(error)) return 'gone';
          if (!isRefusal(error, 'ResourceGroupBeingDeleted')) throw error;
        }
        return 'removing';
      },

      async all() {
        const found = await arm.pages(root, ({ resources }) => resources.resourceGroups.list(), Group);
        return found.map(({ name, tags }) => ({ name, tags }));
      },

      async taggedWith(tag, value) {
        const filter = tagFilter(tag, value);
        const found = await arm.pages(root, ({ resources }) => resources.resourceGroups.list({ filter }), Named);
        return found.map(({ name }) => name);
      },
    },

    resources: {
      inGroup: (name) =>
        arm.pages(groupPath(name), ({ resources }) => resources.resources.listByResourceGroup(name), Resource),
      taggedWith: (tag, value) =>
        arm.pages(root, ({ resources }) => resources.resources.list({ filter: tagFilter(tag, value) }), Resource),
    },
  };

  function groupPath(name: string): string {
    return `${root}${path`/resourcegroups/${name}`}`;
  }
}

function tagFilter(tag: string, value: string): string {
  return `tagName eq ${quoted(tag)} and tagValue eq ${quoted(value)}`;
}

/** A text in a filter; a quote in it is doubled. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
