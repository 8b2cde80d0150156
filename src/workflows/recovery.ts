import { AttentionError, ConnectorError, CustomerError } from '../lib/errors.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { DeploymentStatus } from '../upstreams/cloudesire/schema.ts';
import { readBuyer } from './buyer.ts';
import type { Fulfillment } from './fulfillment.ts';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** States that a subscription reaches only after its delivery. */
export const DELIVERED = new Set<DeploymentStatus>(['DEPLOYED', 'STOPPED', 'UNDEPLOY_SENT', 'UNDEPLOYED']);

/** States in which something may exist at Microsoft. */
const MAY_EXIST = new Set<DeploymentStatus>(['PENDING', 'FAILED', ...DELIVERED]);

/** Whether something may exist at Microsoft for a subscription in this state. */
export function mayExist({ deploymentStatus }: { deploymentStatus: DeploymentStatus }): boolean {
  return MAY_EXIST.has(deploymentStatus);
}

/** The line in the story of a subscription whose record was lost. */
export const TAKEN_UP_AGAIN = 'the record was lost: taken up again from what bears our mark at Microsoft';

/**
 * The Microsoft customer that the marketplace's metadata name for a subscription, which tells where to look. Customers can write them too:
 * only what bears our mark there may be believed.
 */
export async function readKnownCustomer(
  { subscriptions }: Pick<Cloudesire, 'subscriptions'>,
  subscriptionId: number,
): Promise<string | undefined> {
  const { microsoftCustomerId = '' } = (await unlessHidden(subscriptions.metadata(subscriptionId))) ?? {};
  return GUID.test(microsoftCustomerId) ? microsoftCustomerId : undefined;
}

/** Who owns a subscription in the marketplace, and the country it was bought in. What the marketplace does not tell now is left out; whoever needs it later reports that. */
export async function readWhose(
  { cloudesire, privateCustomers }: { cloudesire: Pick<Cloudesire, 'customers'>; privateCustomers: 'refuse' | 'allow' },
  buyerId: number,
): Promise<Pick<Fulfillment, 'owner' | 'country'>> {
  try {
    const { owner, country } = await readBuyer(cloudesire, buyerId, { privateCustomers });
    return { owner, country };
  } catch (error) {
    if (error instanceof AttentionError || error instanceof CustomerError) return {};
    throw error;
  }
}

/** What an upstream answers, or `undefined` where it does not show it to us. */
export async function unlessHidden<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ConnectorError && (error.facts.status === 403 || error.facts.status === 404)) return undefined;
    throw error;
  }
}
