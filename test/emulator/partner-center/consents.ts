import type { Api } from './api.ts';
import { requireList, requireText, textOf, withoutAbsent } from './body.ts';
import { type CustomerParts, findCustomer } from './customers.ts';
import { isGuid } from './identifiers.ts';
import { invalidInput, refusal } from './refusals.ts';
import { created } from './replies.ts';

/** Where consents take effect: in the directory of the customer's tenant. */
export interface ConsentDirectory {
  /** False when the app has those consents already. @throws {Error} for an app that does not exist */
  grant(consent: { tenant: string; clientId: string; apis: string[] }): boolean;
  revoke(tenant: string): void;
}

export type ConsentParts = Pick<CustomerParts, 'state' | 'clock' | 'books' | 'partnerTenantId'> & {
  api: Api;
  consents: ConsentDirectory;
};

const PATH = '/v1/customers/:customerId/applicationconsents';

/**
 * Consent to the partner's app on behalf of a customer: it gets a service principal in the customer's tenant and may hold
 * tokens of the partner's users for the APIs named. The code of the refusal when it is there already is not published.
 *
 * @see https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis
 */
export function defineConsents(parts: ConsentParts): void {
  const { api, books, consents } = parts;

  api.define('user', 'POST', PATH, (request) => {
    const customer = findCustomer(request, parts);
    const fields = request.fields();
    const applicationId = requireText(fields, 'applicationId');
    const displayName = textOf(fields, 'displayName');
    if (!isGuid(applicationId)) throw invalidInput('The field applicationId must be a GUID.');
    const grants = requireList(fields, 'applicationGrants').map((grant) => ({
      enterpriseApplicationId: requireText(grant, 'enterpriseApplicationId'),
      scope: requireText(grant, 'scope'),
    }));

    const apis = grants.map(({ enterpriseApplicationId }) => enterpriseApplicationId);
    if (!grant({ tenant: customer.id, clientId: applicationId, apis })) {
      throw refusal(409, 'EMULATED_CONSENT_EXISTS', 'Permission entry already exists.');
    }
    books.write('application consented', request.cause, { customerId: customer.id, applicationId, apis });
    return created(withoutAbsent({ applicationId, displayName, applicationGrants: grants }));
  });

  api.define('user', 'DELETE', `${PATH}/:applicationId`, (request) => {
    const customer = findCustomer(request, parts);
    consents.revoke(customer.id);
    books.write('consent removed', request.cause, {
      customerId: customer.id,
      applicationId: request.params.applicationId,
    });
    return { status: 204 };
  });

  function grant(consent: Parameters<ConsentDirectory['grant']>[0]): boolean {
    try {
      return consents.grant(consent);
    } catch (error) {
      throw invalidInput(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Consents that nobody but Partner Center knows of, for an emulator that runs without Entra ID. */
export function createLonelyConsents(): ConsentDirectory {
  const granted = new Map<string, Set<string>>();
  return {
    grant({ tenant, apis }) {
      const known = granted.get(tenant) ?? new Set<string>();
      const isNew = apis.some((name) => !known.has(name));
      granted.set(tenant, new Set([...known, ...apis]));
      return isNew;
    },
    revoke: (tenant) => void granted.delete(tenant),
  };
}
