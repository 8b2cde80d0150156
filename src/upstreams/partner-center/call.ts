import { randomUUID } from 'node:crypto';
import type { Answer, Http, HttpRequest } from '../http.ts';
import { refusalOf, unauthorized } from './errors.ts';
import type { Tokens } from './token.ts';

const APPLICATION = 'cloudesire-microsoft-connector';
const CUSTOMER_PATH = /^\/v1\/customers\/([^/]+)/;

/** Which token a call takes: the application's own, or that of the user who consented. */
export type Auth = 'app' | 'user';

export type CallRequest = Pick<
  HttpRequest,
  'method' | 'path' | 'query' | 'headers' | 'body' | 'isRead' | 'accept' | 'concernsAll'
> & {
  auth?: Auth;
  /** Makes an effect idempotent: drawn and stored before the first call, the same until an answer came. */
  requestId?: string;
};

export type Call = (request: CallRequest) => Promise<Answer>;

/** The idempotency key of an effect. It travels as `MS-RequestId` and has to survive a retry. */
export interface Effect {
  requestId: string;
}

/**
 * Returns the call that all methods of Partner Center share: token, identifiers, budgets, and what refusals mean. A call
 * that is unauthorized is repeated once with a fresh token.
 *
 * @throws {AttentionError} `partner-center.unauthorized` when the fresh token is refused too, `partner-center.mfa-required`
 *   when that is for lack of multi-factor authentication
 * @see https://learn.microsoft.com/partner-center/developer/headers
 */
export function createCall({ http, tokens }: { http: Http; tokens: Tokens }): Call {
  return async ({ auth = 'app', requestId = randomUUID(), headers, accept, ...request }) => {
    const attempt = async () => {
      const token = await (auth === 'app' ? tokens.appOnly() : tokens.appUser());
      const answer = await http.send({
        ...request,
        headers: {
          Authorization: `Bearer ${token}`,
          Accept: 'application/json',
          'X-Locale': 'en-US',
          'MS-RequestId': requestId,
          'MS-CorrelationId': randomUUID(),
          'MS-PartnerCenter-Application': APPLICATION,
          ...headers,
        },
        budgetKeys: budgetKeysOf(request.path),
        accept: (answered) => answered.status === 401 || accept?.(answered) === true,
        toError: refusalOf,
      });
      if (answer.status === 401) tokens.invalidate(token);
      return answer;
    };

    const first = await attempt();
    if (first.status !== 401) return first;
    const second = await attempt();
    if (second.status !== 401) return second;
    throw unauthorized(second);
  };
}

/**
 * Some limits count per partner, others per partner and customer.
 *
 * @see https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
 */
function budgetKeysOf(path: string): string[] {
  const customerId = CUSTOMER_PATH.exec(path)?.[1];
  return ['partner-center', ...(customerId ? [`partner-center:customer:${customerId.toLowerCase()}`] : [])];
}
