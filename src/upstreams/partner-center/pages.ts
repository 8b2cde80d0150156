import { z } from 'zod';
import { type Answer, malformed } from '../http.ts';
import type { Call, CallRequest } from './call.ts';
import { anyCase, descriptive } from './schema.ts';

/** Most pages of one list: far more than any list of ours has, so that an endless one ends. */
const MOST_PAGES = 1_000;

/**
 * The pages of a list, one after another, as long as the caller wants more. Each but the first is asked for with the token
 * that the one before brought, in its body or in a header. A token that repeats itself ends the list.
 *
 * @param next what the query of all pages but the first has besides
 * @throws {RetryableError} `partner-center.malformed` for a list that never ends
 * @see https://learn.microsoft.com/partner-center/developer/custom-term-end-dates
 */
export async function* pagesOf(
  call: Call,
  request: CallRequest,
  next: CallRequest['query'] = {},
): AsyncGenerator<Answer, void> {
  let token: string | undefined;
  let pages = 0;
  do {
    const continued = token && { query: { ...request.query, ...next }, headers: { 'MS-ContinuationToken': token } };
    const page = await call({ ...request, ...continued });
    yield page;
    pages += 1;
    if (pages === MOST_PAGES) throw malformed(page, 'belongs to a list that never ends');
    const following = tokenOf(page);
    token = following === token ? undefined : following;
  } while (token);
}

const Continued = anyCase({ continuationToken: descriptive(z.string()) });

function tokenOf({ headers, body }: Answer): string | undefined {
  return headers['ms-continuationtoken'] ?? Continued.safeParse(body).data?.continuationToken ?? undefined;
}
