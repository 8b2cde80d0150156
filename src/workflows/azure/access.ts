import type { Flow } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError, ConnectorError } from '../../lib/errors.ts';
import type { Wait } from '../../lib/wait.ts';
import type { Azure, Where } from '../../upstreams/azure/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Grace } from '../grace.ts';
import { pollPlan } from '../steps/polls.ts';

export interface AccessParts {
  azure: Azure;
  partnerCenter: Pick<PartnerCenter, 'customers'>;
  /** Application (client) id of the connector. */
  applicationId: string;
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

/** How the connector is called in the customer's tenant. */
const APPLICATION_NAME = 'Marketplace connector';
/** What is new at Microsoft is known everywhere within this. */
const KNOWN_WITHIN_MS = 15 * MINUTE_MS;

/**
 * Makes sure that our service principal may work in an Azure subscription. With the rights of the partner's user, which need a second
 * factor and a person now and then, nothing is done but this.
 *
 * @see https://learn.microsoft.com/partner-center/developer/control-panel-vendor-apis
 * @see https://learn.microsoft.com/azure/role-based-access-control/role-assignments-rest
 */
export async function ensureAccess(flow: Flow, where: Where, parts: AccessParts): Promise<void> {
  const { azure, partnerCenter, applicationId, now, pollEveryMs, grace } = parts;
  const about = `subscription ${where.subscriptionId} of tenant ${where.tenantId}`;
  const soon = (waitingFor: Wait) => pollPlan('soon', pollEveryMs, waitingFor);

  if (await flow.step('see whether Azure lets us in', () => reaches(azure, where))) return;

  await flow.step('consent to the connector in the tenant', async () => {
    // An administrator of the customer may have given it by hand.
    if (await isKnown(azure, where.tenantId)) return;
    await partnerCenter.customers.consent(where.tenantId, { applicationId, displayName: APPLICATION_NAME });
  });
  const { principalId } = await flow.poll<{ principalId: string | null }>(
    'service principal known',
    soon(`Azure to let tenant ${where.tenantId} know the connector's application`),
    async ({ sinceMs }) => {
      try {
        return { principalId: (await azure.principalId(where.tenantId)) ?? null };
      } catch (error) {
        const isNew = error instanceof ConnectorError && error.code === 'entra.no-service-principal';
        if (isNew && sinceMs < grace(KNOWN_WITHIN_MS)) return undefined;
        throw error;
      }
    },
  );
  if (principalId) {
    await flow.poll('role assigned', soon(`Azure to know the new ${about}`), async ({ sinceMs }) => {
      try {
        await azure.bootstrap.assignRole(where, {
          principalId,
          principalType: 'ServicePrincipal',
          role: 'contributor',
        });
        return new Date(now()).toISOString();
      } catch (error) {
        if (!isNotKnownYet(error)) throw error;
        // Where the partner has no right to, somebody else may have given it by hand.
        if (await reaches(azure, where)) return 'by hand';
        // The partner's own rights in a new subscription come with a delay.
        if (sinceMs < grace(KNOWN_WITHIN_MS)) return undefined;
        throw error;
      }
    });
  }
  await flow.poll('Azure lets us in', soon(`Azure to let the connector into the ${about}`), async ({ sinceMs }) => {
    if (await reaches(azure, where)) return true;
    if (sinceMs < grace(KNOWN_WITHIN_MS)) return undefined;
    throw new AttentionError(
      'azure.no-access',
      `Azure does not let the connector into the ${about}. Give its enterprise application (${applicationId}) the role Contributor there.`,
    );
  });
}

/** Whether Azure knows the subscription and lets our service principal see it. */
export async function reaches(azure: Pick<Azure, 'in'>, where: Where): Promise<boolean> {
  try {
    const found = await azure.in(where).read();
    return found !== undefined && found !== 'no-access';
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'entra.no-service-principal') return false;
    throw error;
  }
}

async function isKnown(azure: Pick<Azure, 'principalId'>, tenantId: string): Promise<boolean> {
  try {
    await azure.principalId(tenantId);
    return true;
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'entra.no-service-principal') return false;
    throw error;
  }
}

function isNotKnownYet(error: unknown): boolean {
  return (
    error instanceof ConnectorError &&
    ['SubscriptionNotFound', 'AuthorizationFailed', 'PrincipalNotFound'].includes(error.facts.upstreamCode ?? '')
  );
}
