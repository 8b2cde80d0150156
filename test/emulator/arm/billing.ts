import type { Api, Request } from './api.ts';
import type { PartnerIdentity } from './authentication.ts';
import { refuse } from './refusals.ts';
import type { PartnerDesk } from './subscriptions.ts';

export interface BillingParts {
  api: Api;
  desk: PartnerDesk;
  partner: PartnerIdentity;
  billingAccount: string;
}

const ACCOUNTS = '/providers/Microsoft.Billing/billingAccounts';
const RULE = { namespace: 'Microsoft.Billing' };

/**
 * The partner's billing account and its customers, of whom only those with an Azure plan are listed.
 *
 * @see https://learn.microsoft.com/rest/api/billing/customers/list-by-billing-account
 */
export function defineBilling({ api, desk, partner, billingAccount }: BillingParts): void {
  const id = `${ACCOUNTS}/${billingAccount}`;
  const account = {
    id,
    name: billingAccount,
    type: 'Microsoft.Billing/billingAccounts',
    properties: {
      displayName: 'Emulated Partner',
      accountType: 'Partner',
      accountStatus: 'Active',
      agreementType: 'MicrosoftPartnerAgreement',
      billingProfiles: { hasMoreResults: false },
      hasReadAccess: true,
    },
  };

  const mayRead = ({ principal }: Request): boolean =>
    principal.tenantId === partner.tenantId && principal.kind === 'user';

  api.define('GET', ACCOUNTS, RULE, (request) => ({ status: 200, body: { value: mayRead(request) ? [account] : [] } }));

  api.define('GET', `${ACCOUNTS}/:account`, RULE, (request) => {
    requireAccount(request);
    return { status: 200, body: account };
  });

  api.define('GET', `${ACCOUNTS}/:account/customers`, RULE, (request) => {
    requireAccount(request);
    const value = desk.customers().map(view);
    return { status: 200, body: { totalCount: value.length, value } };
  });

  api.define('GET', `${ACCOUNTS}/:account/customers/:customer`, RULE, (request) => {
    requireAccount(request);
    const customer = desk.customers().find((one) => one.id === request.params.customer!.toLowerCase());
    if (customer === undefined) throw refuse(404, 'NotFound', `Customer '${request.params.customer}' was not found.`);
    return { status: 200, body: view(customer) };
  });

  function requireAccount(request: Request): void {
    if (request.params.account === billingAccount && mayRead(request)) return;
    throw refuse(
      403,
      'UserNotAuthorized',
      `User is not authorized to read the billing account '${request.params.account}'.`,
    );
  }

  function view({ id: name, name: displayName }: { id: string; name: string }): object {
    return {
      id: `${id}/customers/${name}`,
      name,
      type: 'Microsoft.Billing/billingAccounts/customers',
      properties: {
        displayName,
        billingProfileId: `${id}/billingProfiles/EMUL-ATED-BG2-PGB`,
        billingProfileDisplayName: `${displayName} Billing Profile`,
      },
    };
  }
}
