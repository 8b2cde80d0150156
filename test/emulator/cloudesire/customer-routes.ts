import type { Api, ApiCall } from './api.ts';
import { isAdministrator, isVendor } from './authentication.ts';
import { page } from './listing.ts';
import type { MetadataAccess } from './metadata-routes.ts';
import { type Company, idOf, type Resource, type User } from './model.ts';
import { accessDenied, notFound } from './refusal.ts';
import { pick, type State } from './state.ts';
import type { Switches } from './switches.ts';

const DATE_FIELDS = ['activationDate', 'creationDate'];
const COUNTRY_LANGUAGES = ['en', 'it', 'de', 'fr', 'es'];

/** Routes of users, customer and vendor companies, resellers and country codes. */
export function addCustomerRoutes(parts: {
  api: Api;
  state: State;
  switches: Switches;
  metadata: MetadataAccess;
}): void {
  const { api, state, switches, metadata } = parts;

  /** Customers see themselves, vendors and administrators everybody. */
  function requireAccess({ user }: ApiCall, owner: boolean): void {
    if (!owner && !isVendor(user) && !isAdministrator(user)) throw accessDenied();
  }

  function userOf(request: ApiCall): User {
    const key = request.call.params.userId ?? '';
    const [, field, value] = /^(email|externalId)=(.*)$/.exec(key) ?? [];
    const found =
      field === undefined
        ? pick(state.users, 'User', key)
        : [...state.users.values()].find((user) => user[field] === value);
    if (found === undefined) throw notFound('User', key);
    requireAccess(request, found.id === request.user.id);
    return found;
  }

  function writeUser(user: User): Resource {
    const own = user.company ?? user.userCompany;
    const isCustomer = own?.url.startsWith('userCompany/') ?? false;
    const where = switches.buyerCompany;
    if (where === 'seed' || !isCustomer) return withDates({ ...user });
    return withDates({
      ...user,
      company: where === 'company' || where === 'both' ? own : undefined,
      userCompany: where === 'userCompany' || where === 'both' ? own : undefined,
    });
  }

  api.route('GET', '/user/me', ({ user }) => ({ status: 200, body: writeUser(user) }));
  api.route('GET', '/user/:userId', (request) => ({ status: 200, body: writeUser(userOf(request)) }));
  api.route('GET', '/user', (request) => {
    requireAccess(request, false);
    const search = request.call.query.get('search')?.toLowerCase();
    const companyId = request.call.query.get('companyId');
    const users = [...state.users.values()].filter((user) => {
      const texts = [user.userName, user.email, user.fullName, user.name];
      const company = user.company ?? user.userCompany;
      return (
        (search === undefined || texts.some((text) => String(text).toLowerCase().includes(search))) &&
        (companyId === null || (company !== undefined && idOf(company) === Number(companyId)))
      );
    });
    return page(request, users, writeUser);
  });

  function userCompanyOf(request: ApiCall): Company {
    const company = pick(state.userCompanies, 'UserCompany', request.call.params.userCompanyId ?? '');
    const own = request.user.company ?? request.user.userCompany;
    requireAccess(request, own?.url === company.self);
    if (!switches.userCompanyReadable && isVendor(request.user)) throw accessDenied();
    return company;
  }

  api.route('GET', '/userCompany/:userCompanyId', (request) => ({ status: 200, body: userCompanyOf(request) }));
  api.route('GET', '/userCompany', (request) => {
    requireAccess(request, false);
    if (!switches.userCompanyReadable && isVendor(request.user)) throw accessDenied();
    const search = request.call.query.get('search')?.toLowerCase();
    const companies = [...state.userCompanies.values()].filter(
      ({ name }) => search === undefined || name.toLowerCase().includes(search),
    );
    return page(request, companies, (company) => company);
  });

  api.route('GET', '/company/:companyId', ({ call, user }) => {
    const company = pick(state.companies, 'Company', call.params.companyId ?? '');
    const isOwn = user.company?.url === company.self;
    const { notificationSecretToken, ...visible } = company;
    return { status: 200, body: isOwn || isAdministrator(user) ? { ...visible, notificationSecretToken } : visible };
  });

  function resellerOf({ call }: ApiCall): Resource {
    return pick(state.resellers, 'Reseller', call.params.resellerId ?? '');
  }
  api.route('GET', '/reseller/:resellerId', (request) => ({ status: 200, body: resellerOf(request) }));

  api.route('GET', '/countryCodes', ({ call, language, user }) => {
    const wanted = call.query.get('country')?.trim().toLowerCase();
    const shown = regionNames(language ?? user.language ?? 'en');
    const names = COUNTRY_LANGUAGES.map(regionNames);
    const codes = state.countryCodes.filter(
      (code) =>
        wanted === undefined ||
        code.toLowerCase() === wanted ||
        names.some((name) => name.of(code)?.toLowerCase() === wanted),
    );
    return { status: 200, body: codes.map((countryCode) => ({ countryCode, country: shown.of(countryCode) })) };
  });

  metadata.addRoutes('user', (request) => userOf(request).self);
  metadata.addRoutes('userCompany', (request) => userCompanyOf(request).self);
  metadata.addRoutes('reseller', (request) => resellerOf(request).self);
}

function withDates(user: Resource): Resource {
  for (const field of DATE_FIELDS) {
    const value = user[field];
    if (typeof value === 'string') user[field] = new Date(value);
  }
  return user;
}

function regionNames(language: string): Intl.DisplayNames {
  return new Intl.DisplayNames([language], { type: 'region' });
}
