import { readdirSync, readFileSync } from 'node:fs';
import type { Reply } from './fake-upstream.ts';

const FOLDER = new URL('../../fixtures/', import.meta.url);

/** A recorded payload, by its path below test/fixtures without `.json`. */
export function fixture<T = Record<string, unknown>>(name: string): T {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as T;
}

/** Names of the recorded payloads of an upstream that begin with a prefix. */
export function fixtureNames(upstream: string, prefix: string): string[] {
  return readdirSync(new URL(`${upstream}/`, FOLDER))
    .filter((name) => name.startsWith(prefix))
    .map((name) => `${upstream}/${name.replace('.json', '')}`);
}

/** Every JSON body that was ever recorded of an upstream, whatever it answered. */
export function bodiesOf(upstream: string): unknown[] {
  return fixtureNames(upstream, '').flatMap((name) => {
    const recorded = fixture<{ exchanges?: Exchange[] }>(name);
    return recorded.exchanges?.map(({ response }) => response.body) ?? [recorded];
  });
}

export interface Exchange {
  name: string;
  request: { method: string; url: string; body?: unknown };
  response: { status: number; headers: Record<string, string>; body: unknown };
}

/** One recorded exchange with Partner Center. */
export function exchange(file: string, name: string): Exchange {
  const found = fixture<{ exchanges: Exchange[] }>(`partner-center/${file}`).exchanges.find((one) => one.name === name);
  if (!found) throw new Error(`${file} has no exchange ${name}`);
  return found;
}

/** A recorded answer as the reply of a fake upstream. */
export function replyOf({ response: { status, headers, body } }: Exchange): Reply {
  return { status, headers, ...(body !== null && { json: body }) };
}
