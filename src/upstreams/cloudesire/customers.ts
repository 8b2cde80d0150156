import { z } from 'zod';
import { type Answer, path, readBody } from '../http.ts';
import { type Call, isNotFound } from './call.ts';
import { Company, type CompanyReference, CountryCode, User } from './schema.ts';

export type Customers = ReturnType<typeof createCustomers>;

/**
 * Returns the calls about those who buy and sell in the marketplace. What they return is personal data.
 */
export function createCustomers(call: Call) {
  /** A user, such as the buyer of a subscription. */
  async function user(id: number): Promise<User> {
    return readBody(await call('GET', path`/user/${id}`), User);
  }

  /** The connector's own account: the cheapest proof that token and address are right. */
  async function me(): Promise<User> {
    return readBody(await call('GET', '/user/me', { concernsAll: true }), User);
  }

  /** The company of a user; `undefined` when it does not exist or the account may not see it. */
  async function company({ kind, id }: CompanyReference): Promise<Company | undefined> {
    const answer = await call('GET', path`/${kind}/${id}`, { accept: isHidden });
    return isHidden(answer) ? undefined : readBody(answer, Company);
  }

  /** Countries with their names in a language, two letters. */
  async function countryCodes(language?: string): Promise<CountryCode[]> {
    return readBody(await call('GET', '/countryCodes', { query: { language } }), z.array(CountryCode));
  }

  return { user, me, company, countryCodes };
}

function isHidden(answer: Answer): boolean {
  return isNotFound(answer) || answer.status === 403;
}
