import { AttentionError, type ConnectorError, PermanentError, RetryableError } from '../../lib/errors.ts';
import { type Secret, withSecret } from '../../lib/secret.ts';
import type { Answer, Http, HttpRequest, Method } from '../http.ts';
import { Refusal } from './schema.ts';

/** The newest version of the API that this client was written for. Every request names it, or the answer takes its oldest form. */
const API_VERSION = '20250109';
const UNAUTHORIZED = 'cloudesire.unauthorized';
const USER_AGENT = 'microsoft-connector';
const BUDGET_KEYS = ['cloudesire'];
const LOCKED_PAUSE_MS = 10 * 60_000;
const LONGEST_QUOTE = 200;

type CallOptions = Pick<HttpRequest, 'query' | 'body' | 'accept' | 'ignoreBody' | 'concernsAll'> & {
  /** The body holds secrets that a refusal might quote: its text is not repeated. */
  isSecret?: boolean;
};

export type Call = (method: Method, path: string, options?: CallOptions) => Promise<Answer>;

/**
 * Returns the call that all methods of Cloudesire share: token, version, and what its refusals mean. A call whose token was replaced in
 * the meantime is repeated with the new one.
 *
 * @see https://docs.cloudesire.com/docs/api.html
 */
export function createCall({ http, token }: { http: Http; token: Secret }): Call {
  return (method, path, { query, isSecret = false, ...options } = {}) =>
    withSecret(token, isTokenRefused, (value) =>
      http.send({
        ...options,
        method,
        path,
        query: { ...query, apiVersion: API_VERSION },
        headers: { 'CMW-Auth-Token': value, Accept: 'application/json', 'User-Agent': USER_AGENT },
        budgetKeys: BUDGET_KEYS,
        toError: (answer) => refusalOf(answer, isSecret),
      }),
    );
}

function isTokenRefused(error: unknown): boolean {
  return error instanceof AttentionError && error.code === UNAUTHORIZED;
}

/** Whether what was asked for does not exist, or was deleted recently. */
export function isNotFound({ status }: Answer): boolean {
  return status === 404;
}

function refusalOf(answer: Answer, isSecret: boolean): ConnectorError | undefined {
  const { status, facts } = answer;
  const quote = isSecret ? '' : quoteOf(answer.body);
  const what = `Cloudesire refused ${facts.method} ${facts.path} (${status}${facts.correlationId ? `, request ${facts.correlationId}` : ''})${quote && `: "${quote}"`}.`;
  const none = { facts, effect: 'none' } as const;
  switch (status) {
    case 400:
    case 405:
    case 422:
      return new PermanentError('cloudesire.refused', `${what} Repeating it unchanged cannot help.`, none);
    case 401:
      return new AttentionError(
        UNAUTHORIZED,
        `${what} The connector's token at Cloudesire is void: a user has only one, and a new one replaces it. Set CMW_AUTH_TOKEN: in the file of CMW_AUTH_TOKEN_FILE it is taken up by itself, in the environment only when the service is restarted.`,
        { ...none, curedBy: 'setting' },
      );
    case 403:
      return new AttentionError(
        'cloudesire.forbidden',
        `${what} The connector's account lacks the right; grant it in the marketplace.`,
        none,
      );
    case 404:
      return new PermanentError('cloudesire.not-found', `${what} It may have been deleted in the marketplace.`, none);
    case 409:
      return new RetryableError(
        'cloudesire.conflict',
        `${what} Another operation was faster; the state is read anew.`,
        { facts },
      );
    case 423:
      return new RetryableError(
        'cloudesire.locked',
        `${what} The platform has locked the account or address out, mostly after failed logins.`,
        {
          ...none,
          retryAfterMs: LOCKED_PAUSE_MS,
        },
      );
    default:
      return undefined;
  }
}

/** What Cloudesire says about a refusal, without anything that looks like an e-mail address, a telephone or other long number. */
function quoteOf(body: unknown): string {
  const { errorHolders, errors } = Refusal.catch({}).parse(body);
  const texts = errorHolders?.map(({ error }) => error) ?? errors ?? [];
  return texts
    .join(' ')
    .slice(0, 10 * LONGEST_QUOTE)
    .replace(/\S+@\S+/g, '…')
    .replace(/\+?\d(?:[ ./()-]?\d){5,}/g, '…')
    .slice(0, LONGEST_QUOTE);
}
