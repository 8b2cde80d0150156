import type { Api, Request } from './api.ts';
import { objectIn, textsIn } from './api.ts';
import type { Books } from './books.ts';
import { keyOf, parseResourceId, subscriptionScope } from './ids.ts';
import type { State } from './model.ts';
import { groupNotFound, invalidContent, resourceNotFound } from './refusals.ts';

type Tags = Record<string, string>;

const TAGS = '*scope/providers/Microsoft.Resources/tags/default';

/**
 * Reads a filter like `tagName eq 'orderId' and tagValue eq '50010'`; without one everything matches.
 *
 * @throws {ArmRefusal} 400 for a filter that is not understood
 */
export function readTagFilter(filter: string | null): (tags: Tags) => boolean {
  if (filter === null || filter === '') return () => true;
  const match = /^\s*tagName eq '([^']*)'(?:\s+and\s+tagValue eq '([^']*)')?\s*$/i.exec(filter);
  if (match === null) throw invalidContent(`The filter '${filter}' is not valid.`);
  const [, name = '', value] = match;
  return (tags) => {
    const found = Object.entries(tags).find(([key]) => keyOf(key) === keyOf(name));
    return found !== undefined && (value === undefined || found[1] === value);
  };
}

/** The tags of a resource, which has them in its body. */
export function tagsOf({ body }: { body: Record<string, unknown> }): Tags {
  return (body.tags ?? {}) as Tags;
}

/**
 * Tags at a scope: of a subscription, a group or a resource.
 *
 * @see https://learn.microsoft.com/rest/api/resources/tags/create-or-update-at-scope
 */
export function defineTags({ api, state, books }: { api: Api; state: State; books: Books }): void {
  const rule = (verb: string) => ({
    namespace: 'Microsoft.Resources',
    action: `Microsoft.Resources/tags/${verb}`,
    scope: ({ scope }: Record<string, string>) => scope!,
  });

  /** Reads and replaces the tags of what a scope names. */
  function slotOf({ params, subscription }: Request): { get(): Tags; set(tags: Tags): void } {
    const scope = params.scope!;
    const holder =
      keyOf(scope) === keyOf(subscriptionScope(subscription.id)) ? subscription : state.groups.get(keyOf(scope));
    if (holder !== undefined) return { get: () => holder.tags, set: (tags) => void Object.assign(holder, { tags }) };
    const resource = state.resources.get(keyOf(scope));
    if (resource !== undefined) {
      return { get: () => tagsOf(resource), set: (tags) => void Object.assign(resource.body, { tags }) };
    }
    const parsed = parseResourceId(scope);
    if (parsed === undefined) throw groupNotFound(scope.split('/').at(-1)!);
    throw resourceNotFound(parsed.type, parsed.name, parsed.group ?? '');
  }

  const view = (scope: string, tags: Tags): object => ({
    id: `${scope}/providers/Microsoft.Resources/tags/default`,
    name: 'default',
    type: 'Microsoft.Resources/tags',
    properties: { tags },
  });

  api.define('GET', TAGS, rule('read'), (request) => ({
    status: 200,
    body: view(request.params.scope!, slotOf(request).get()),
  }));

  api.define('PUT', TAGS, rule('write'), (request) => {
    const tags = textsIn(objectIn(request.fields(), 'properties'), 'tags');
    slotOf(request).set(tags);
    books.write('tags changed', request.cause, { scope: request.params.scope, tags });
    return { status: 200, body: view(request.params.scope!, tags) };
  });

  api.define('PATCH', TAGS, rule('write'), (request) => {
    const fields = request.fields();
    const given = textsIn(objectIn(fields, 'properties'), 'tags');
    const slot = slotOf(request);
    const { operation } = fields;
    const merged = { ...slot.get(), ...given };
    if (operation === 'Delete') for (const name of Object.keys(given)) delete merged[name];
    const tags = operation === 'Replace' ? given : merged;
    slot.set(tags);
    books.write('tags changed', request.cause, { scope: request.params.scope, tags });
    return { status: 200, body: view(request.params.scope!, tags) };
  });

  api.define('DELETE', TAGS, rule('delete'), (request) => {
    slotOf(request).set({});
    books.write('tags changed', request.cause, { scope: request.params.scope, tags: {} });
    return { status: 200 };
  });
}
