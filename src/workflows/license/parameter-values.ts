import type { Answers } from '../../report/answers.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { ownerOf } from '../buyer.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import type { AskedValues, ParameterValue, Suggestion } from '../parameter-values.ts';
import { type DomainWish, domainsFor, enteredFor, readDomainWish, tenantDomains } from '../steps/tenant-domain.ts';
import { type LicenseSettings, termAndCycle } from './order.ts';
import { allowedTermEnds, type TermEndParts } from './term-end.ts';

export interface LicenseValuesParts {
  cloudesire: { catalogue: Pick<Cloudesire['catalogue'], 'plan'>; customers: Cloudesire['customers'] };
  partnerCenter: TermEndParts['partnerCenter'] & { customers: Pick<PartnerCenter['customers'], 'isDomainTaken'> };
  directory: Pick<CustomerDirectory, 'find'>;
  answers: Pick<Answers, 'existingOrganisation' | 'termEnd'>;
  license: Pick<LicenseSettings, 'domainParameter' | 'termEndParameter'>;
  now(): number;
}

const MOST_VALUES = 5;
const MOST_NAMES = 2 * MOST_VALUES;

/**
 * Suggests values for the domain, unless it is an own one that the customer entered: prefixes of free names; where the buyer's company has
 * a tenant already it is the only choice, since all that the company buys goes there. For the end of the first term they are the days
 * that Microsoft allows in that tenant, the soonest first, and none where there is no tenant yet.
 */
export function createLicenseValues(parts: LicenseValuesParts): Suggestion {
  const { cloudesire, partnerCenter, directory, answers } = parts;
  const { domainParameter, termEndParameter } = parts.license;

  return (asked) => {
    if (asked.parameter === domainParameter) return domains(asked);
    if (asked.parameter === termEndParameter) return termEnds(asked);
    return undefined;
  };

  async function domains({ parameters, buyerId, language }: AskedValues): Promise<ParameterValue[] | null> {
    const buyer = buyerId === undefined ? undefined : await readWho(buyerId);
    const known = buyer && (await directory.find(buyer.owner))?.domain;
    if (known) {
      return [{ value: enteredFor(known), description: `${answers.existingOrganisation(language)} (${known})` }];
    }
    const names = namesFor(readDomainWish(parameters[domainParameter]), buyer);
    const free = names && (await findFree(names));
    return free?.length ? free.map((domain) => ({ value: enteredFor(domain), description: domain })) : null;
  }

  /** Asked of the tenant that is known to be the company's, and of none that somebody only names. */
  async function termEnds({ planId, buyerId, language }: AskedValues): Promise<ParameterValue[] | null> {
    if (planId === undefined || buyerId === undefined) return null;
    const [plan, user] = await Promise.all([cloudesire.catalogue.plan(planId), cloudesire.customers.user(buyerId)]);
    if (!plan) return null;
    const known = await directory.find(ownerOf(user));
    const ends = known ? await allowedTermEnds(parts, known.customerId, termAndCycle(plan).term) : [];
    return ends.map((end) => ({ value: end.date, description: answers.termEnd(end, language) }));
  }

  /** Less than an order needs to know, for the customer may not have entered more yet. */
  async function readWho(buyerId: number): Promise<Who> {
    const user = await cloudesire.customers.user(buyerId);
    const company = user.companyRef && (await cloudesire.customers.company(user.companyRef));
    return { owner: ownerOf(user), companyName: company?.name };
  }

  /** The first of the names that nobody has, at most five. Those beyond ten are not asked for: each costs a call. */
  async function findFree(names: Generator<string>): Promise<string[]> {
    const free: string[] = [];
    for (let tried = 0; tried < MOST_NAMES && free.length < MOST_VALUES; tried += MOST_VALUES) {
      const some = take(MOST_VALUES, names);
      const taken = await Promise.all(some.map((name) => partnerCenter.customers.isDomainTaken(name)));
      free.push(...some.filter((_, position) => !taken[position]));
    }
    return free.slice(0, MOST_VALUES);
  }
}

interface Who {
  owner: string;
  companyName: string | undefined;
}

/** Names near what was entered, else near that of the company; undefined where neither says anything. */
function namesFor(wish: DomainWish, buyer: Who | undefined): Generator<string> | undefined {
  if (wish.kind === 'new' || wish.kind === 'either') return tenantDomains(wish.prefix, wish.prefix);
  if (wish.kind === 'existing' || !buyer?.companyName) return undefined;
  return domainsFor({ owner: buyer.owner, companyName: buyer.companyName }, wish);
}

function take<T>(count: number, from: Generator<T>): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = from.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}
