import type { Api, ApiCall } from './api.ts';
import { idOf } from './model.ts';
import { accessDenied, notFound, refusal } from './refusal.ts';
import { isObject } from './reports.ts';
import type { State } from './state.ts';
import type { Switches } from './switches.ts';

export interface MetadataAccess {
  /**
   * Adds reading, writing and deleting of the metadata of one kind of resource. `pathOf` finds the resource that the call
   * names as `:<kind>Id`, refuses what the caller may not see, and returns its path.
   */
  addRoutes(kind: string, pathOf: (request: ApiCall) => string): void;
  /** Merges a map into the metadata of a resource, by its path. */
  put(path: string, values: Record<string, string>): Record<string, string>;
  remove(path: string, key: string): void;
}

/** Returns the free maps of text to text that hang on subscriptions, users, companies, products and plans. */
export function createMetadataAccess(parts: { api: Api; state: State; switches: Switches }): MetadataAccess {
  const { api, state, switches } = parts;

  function put(path: string, values: Record<string, string>): Record<string, string> {
    const map = { ...state.metadata.get(path), ...values };
    state.metadata.set(path, map);
    return map;
  }

  function remove(path: string, key: string): void {
    const { [key]: removed, ...rest } = state.metadata.get(path) ?? {};
    if (removed === undefined) throw notFound('Metadata', key);
    state.metadata.set(path, rest);
  }

  /** A vendor keeps its own map on a customer apart with `asCompany`. */
  function slotOf(request: ApiCall, path: string): string {
    const company = request.call.query.get('asCompany');
    return company === null ? path : `${path}@${company}`;
  }

  function note(what: string, resource: string, details: { keys: unknown[] }, { cause }: ApiCall): void {
    state.note(what, {
      resource,
      ...(resource.startsWith('subscription/') ? { subscription: idOf(resource) } : {}),
      ...details,
      ...(cause.requestId === undefined ? {} : { requestId: cause.requestId }),
    });
  }

  function requireWritable(): void {
    if (!switches.metadataWritable) throw accessDenied();
  }

  return {
    put,
    remove,

    addRoutes(kind, pathOf) {
      const pattern = `/${kind}/:${kind}Id/metadata`;

      api.route('GET', pattern, (request) => {
        return { status: 200, body: state.metadata.get(slotOf(request, pathOf(request))) ?? {} };
      });

      api.route('PUT', pattern, (request) => {
        const path = slotOf(request, pathOf(request));
        requireWritable();
        const body = request.body();
        if (!isObject(body) || Object.values(body).some((value) => typeof value !== 'string')) {
          throw refusal(400, 'Metadata is a map of text to text');
        }
        if (switches.metadataPut === 'replace') state.metadata.delete(path);
        put(path, body as Record<string, string>);
        note('metadata-written', path, { keys: Object.keys(body) }, request);
        return { status: 204 };
      });

      api.route('DELETE', `${pattern}/:key`, (request) => {
        const path = slotOf(request, pathOf(request));
        requireWritable();
        remove(path, request.call.params.key ?? '');
        note('metadata-removed', path, { keys: [request.call.params.key] }, request);
        return { status: 204 };
      });
    },
  };
}
