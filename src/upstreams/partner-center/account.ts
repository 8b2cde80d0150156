import { readBody } from '../http.ts';
import type { Call } from './call.ts';
import { LegalBusinessProfile } from './schema.ts';

const NOT_FOUND = 404;
const FORBIDDEN = 403;

export type Account = ReturnType<typeof createAccount>;

/** Returns the calls about the partner's own account. */
export function createAccount(call: Call) {
  /**
   * The partner's country, ISO 3166-1 alpha-2; `undefined` where Partner Center does not tell it.
   *
   * @see https://learn.microsoft.com/partner-center/developer/get-legal-business-profile
   */
  async function country(): Promise<string | undefined> {
    const answer = await call({
      method: 'GET',
      path: '/v1/profiles/legalbusiness',
      accept: ({ status }) => status === NOT_FOUND || status === FORBIDDEN,
    });
    if (answer.status === NOT_FOUND || answer.status === FORBIDDEN) return undefined;
    return readBody(answer, LegalBusinessProfile).address?.country;
  }

  /**
   * Whether the user has signed in with multi-factor authentication, as Partner Center sees it; `undefined` where it does not say.
   *
   * @see https://learn.microsoft.com/partner-center/developer/partner-center-authentication
   */
  async function isMfaCompliant(): Promise<boolean | undefined> {
    const { headers } = await call({
      method: 'GET',
      path: '/v1/customers',
      query: { size: 1 },
      auth: 'user',
      headers: { ValidateMfa: 'true' },
      // What the user may read is another question.
      accept: ({ status }) => status === FORBIDDEN,
    });
    const said = headers.ismfacompliant?.trim().toLowerCase();
    return said === undefined ? undefined : said === 'true';
  }

  /** Resolves when Partner Center answers at all: the cheapest read of what it is there for. */
  async function isThere(): Promise<void> {
    await call({ method: 'GET', path: '/v1/customers', query: { size: 1 }, concernsAll: true });
  }

  return { country, isMfaCompliant, isThere };
}
