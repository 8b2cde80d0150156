import type { Http } from './http.ts';

/**
 * The time at an upstream, in milliseconds since the epoch and to the second, from whatever it answers at `path`; `undefined` when its
 * answer names none.
 *
 * @throws what `createHttp` names
 */
export async function readUpstreamTime(http: Http, path: string): Promise<number | undefined> {
  const { headers } = await http.send({ method: 'GET', path, accept: () => true, ignoreBody: true });
  const at = Date.parse(headers.date ?? '');
  return Number.isNaN(at) ? undefined : at;
}
