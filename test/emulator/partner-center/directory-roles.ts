import { createHash } from 'node:crypto';
import type { Api } from './api.ts';
import { type CustomerParts, findCustomer } from './customers.ts';
import { refusal } from './refusals.ts';
import { collection } from './replies.ts';

/** Roles of a tenant by the ids of their templates. https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference */
const ROLES = [
  { id: '62e90394-69f5-4237-9190-012177145e10', name: 'Company Administrator' },
  { id: 'fe930be7-5e62-47db-91af-98c3a49a38b1', name: 'User Account Administrator' },
];
const [ADMINISTRATOR] = ROLES;

/**
 * The roles of a customer's tenant and who has them: the first administrator is all there is.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-user-roles-for-a-customer
 */
export function defineDirectoryRoles(
  parts: Pick<CustomerParts, 'state' | 'clock' | 'partnerTenantId'> & { api: Api },
): void {
  const { api } = parts;
  const path = '/v1/customers/:customerId/directoryroles';

  api.define('user', 'GET', path, (request) => {
    findCustomer(request, parts);
    return collection(ROLES.map((role) => ({ ...role, attributes: { objectType: 'DirectoryRole' } })));
  });

  api.define('user', 'GET', `${path}/:roleId/usermembers`, (request) => {
    const { id, domain } = findCustomer(request, parts);
    const role = ROLES.find((one) => one.id === request.params.roleId);
    if (role === undefined) throw refusal(404, 600037, 'The directory role was not found.');
    const administrator = {
      id: administratorOf(id),
      displayName: 'Administrator',
      userPrincipalName: `admin@${domain}`,
      roleId: role.id,
      attributes: { objectType: 'UserMember' },
    };
    return collection(role === ADMINISTRATOR ? [administrator] : []);
  });
}

/** Object id of the first administrator of a tenant. */
export function administratorOf(customerId: string): string {
  const hex = createHash('sha256').update(`administrator of ${customerId}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
