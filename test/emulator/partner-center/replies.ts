import type { Reply } from '../core/server.ts';

export interface Link {
  uri: string;
  method: string;
  headers: { key: string; value: string }[];
}

/** A link as bodies carry it: relative, and without the version of the API. */
export function linkTo(uri: string, method = 'GET', headers: Link['headers'] = []): Link {
  return { uri, method, headers };
}

export function ok(body: unknown): Reply {
  return { status: 200, body };
}

export function created(body: unknown): Reply {
  return { status: 201, body };
}

/** A collection, with the address it was read from when `self` names it. `totalCount` counts the items at hand. */
export function collection(items: unknown[], self?: string): Reply {
  return ok({
    totalCount: items.length,
    items,
    ...(self === undefined ? {} : { links: { self: linkTo(self) } }),
    attributes: { objectType: 'Collection' },
  });
}
