import { createHash } from 'node:crypto';
import { AttentionError } from '../../lib/errors.ts';
import { path } from '../http.ts';
import type { Arm } from './arm.ts';
import type { Bootstrap, RoleGrant, Where } from './azure.ts';
import { isAbsent, isRefusal } from './errors.ts';
import { Alias, BillingAccount, Named } from './schema.ts';

const BILLING = '2020-05-01';
const SUBSCRIPTION = '2021-10-01';
const AUTHORIZATION = '2022-04-01';
const PARTNER_AGREEMENT = 'MicrosoftPartnerAgreement';
const ACCOUNTS = '/providers/Microsoft.Billing/billingAccounts';

/** https://learn.microsoft.com/azure/role-based-access-control/built-in-roles */
const ROLES: Record<RoleGrant['role'], string> = {
  owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
};

/** Our own, drawn once: the names of our role assignments follow from it. */
const NAMES = '5bd3f3a2-6a4a-4c0e-9d0a-0f6f3e0b7c11';

export interface BootstrapParts {
  /** The partner's user in the partner's own tenant, where the billing account is. */
  partner: Arm;
  /** The partner's user in a customer's tenant. */
  inTenant(tenantId: string): Arm;
  billingAccount: string | undefined;
}

/**
 * Returns the calls that only the partner's user can make: to create and end an Azure subscription, and to give our service
 * principal its role there, by which everything else is done.
 *
 * @see https://learn.microsoft.com/azure/cost-management-billing/manage/programmatically-create-subscription-microsoft-partner-agreement
 */
export function createBootstrap({ partner, inTenant, billingAccount }: BootstrapParts): Bootstrap {
  const billingScope: Bootstrap['billingScope'] = async (customerId) => {
    const account = billingAccount ?? (await partnerAccount());
    const root = `${ACCOUNTS}${path`/${account}`}`;
    const customers = await partner.list({ path: `${root}/customers`, apiVersion: BILLING }, Named);
    const customer = customers.find(({ name }) => name.toLowerCase() === customerId.toLowerCase());
    if (customer) return `${ACCOUNTS}/${account}/customers/${customer.name}`;
    throw new AttentionError(
      'arm.customer-not-billed',
      `The billing account does not list the customer ${customerId}, as it does some time after the Azure plan was bought: look for the Azure plan in Partner Center, and check AZURE_BILLING_ACCOUNT.`,
      { facts: { upstream: 'arm', path: `${root}/customers` }, effect: 'none' },
    );
  };

  async function partnerAccount(): Promise<string> {
    const accounts = await partner.list({ path: ACCOUNTS, apiVersion: BILLING }, BillingAccount);
    const names = accounts.flatMap(({ name, properties }) =>
      properties.agreementType === PARTNER_AGREEMENT ? [name] : [],
    );
    const [only] = names;
    if (only !== undefined && names.length === 1) return only;
    throw new AttentionError(
      'arm.billing-account-unclear',
      `The partner's user sees ${names.length} billing accounts of a partner agreement: set AZURE_BILLING_ACCOUNT to the one for new Azure subscriptions${only ? '' : ', and check whether the user is an admin agent'}.`,
      { facts: { upstream: 'arm', path: ACCOUNTS }, effect: 'none' },
    );
  }

  const createAlias: Bootstrap['createAlias'] = async (alias, { displayName, billingScope: scope }) => {
    const properties = { displayName, workload: 'Production', billingScope: scope };
    await partner.send('PUT', { ...aliasOf(alias), body: { properties } });
  };

  const lookAlias: Bootstrap['alias'] = async (alias) => {
    try {
      return await partner.read(aliasOf(alias), Alias);
    } catch (error) {
      // Which code a missing alias has is not documented.
      if (isAbsent(error) || isRefusal(error, 'SubscriptionNotFound')) return undefined;
      throw error;
    }
  };

  const deleteAlias: Bootstrap['deleteAlias'] = async (alias) => {
    try {
      await partner.send('DELETE', aliasOf(alias));
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  };

  const assignRole: Bootstrap['assignRole'] = async (where, grant) => {
    const properties = {
      roleDefinitionId: path`/subscriptions/${where.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${ROLES[grant.role]}`,
      principalId: grant.principalId,
      // Without it the directory is asked, which does not know a fresh principal yet.
      principalType: grant.principalType,
    };
    try {
      await inTenant(where.tenantId).send('PUT', { ...assignmentOf(where, grant), body: { properties } });
    } catch (error) {
      if (!isRefusal(error, 'RoleAssignmentExists')) throw error;
    }
  };

  const removeRole: Bootstrap['removeRole'] = async (where, grant) => {
    try {
      await inTenant(where.tenantId).send('DELETE', assignmentOf(where, grant));
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  };

  const cancelSubscription: Bootstrap['cancelSubscription'] = async (where) => {
    // Deleted resources go on counting for hours; who cancels has looked whether any is left.
    const query = { IgnoreResourceCheck: 'true' };
    try {
      await inTenant(where.tenantId).send('POST', { ...actionOf(where, 'cancel'), query });
    } catch (error) {
      if (isRefusal(error, 'ResourcesExistingOnSubscription')) return 'resources-left';
      // Cancelled before.
      if (!isRefusal(error, 'ReadOnlyDisabledSubscription')) throw error;
    }
    return 'cancelled';
  };

  const visibleAccount: Bootstrap['billingAccount'] = async () => {
    if (billingAccount === undefined) return partnerAccount();
    const accounts = await partner.list({ path: ACCOUNTS, apiVersion: BILLING }, BillingAccount);
    if (accounts.some(({ name }) => name.toLowerCase() === billingAccount.toLowerCase())) return billingAccount;
    const seen = accounts.map(({ name }) => name).join(', ');
    throw new AttentionError(
      'arm.billing-account-not-visible',
      `The partner's user does not see the billing account of AZURE_BILLING_ACCOUNT${seen && `, but ${seen}`}: correct the setting, and check whether the user is an admin agent with access to the billing account.`,
      { facts: { upstream: 'arm', path: ACCOUNTS }, effect: 'none' },
    );
  };

  return {
    billingAccount: visibleAccount,
    billingScope,
    createAlias,
    alias: lookAlias,
    deleteAlias,
    assignRole,
    removeRole,
    cancelSubscription,
  };
}

function aliasOf(alias: string) {
  return { path: path`/providers/Microsoft.Subscription/aliases/${alias}`, apiVersion: SUBSCRIPTION };
}

function actionOf({ subscriptionId }: Where, action: string) {
  return {
    path: path`/subscriptions/${subscriptionId}/providers/Microsoft.Subscription/${action}`,
    apiVersion: SUBSCRIPTION,
  };
}

/**
 * A role assignment is named by a GUID of our choice, unique everywhere: derived from what it grants, so that a repetition is
 * the same assignment.
 *
 * @see https://learn.microsoft.com/rest/api/authorization/role-assignments/create
 */
function assignmentOf({ subscriptionId }: Where, { principalId, role, group }: RoleGrant) {
  const scope = path`/subscriptions/${subscriptionId}` + (group === undefined ? '' : path`/resourceGroups/${group}`);
  const name = uuidV5(NAMES, `${scope} ${principalId} ${role}`.toLowerCase());
  return {
    path: `${scope}${path`/providers/Microsoft.Authorization/roleAssignments/${name}`}`,
    apiVersion: AUTHORIZATION,
  };
}

/** A GUID that follows from a name. https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-5 */
function uuidV5(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
