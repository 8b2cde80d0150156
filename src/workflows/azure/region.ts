import type { Flow } from '../../engine/workflow.ts';
import { AttentionError, ConnectorError, CustomerError } from '../../lib/errors.ts';
import { nameIn } from '../../lib/foreign-text.ts';
import type { AzureSubscription } from '../../upstreams/azure/client.ts';
import type { Look } from '../look.ts';
import type { Assignment } from './assignment.ts';
import type { AzureSettings } from './order.ts';

/** So many regions are named to a customer who has to choose another one. */
const MOST_NAMED = 60;

/**
 * The region of an order, once Azure is known to have it. What Azure does not tell is left for the deployment to find out.
 *
 * @throws {CustomerError} `order.parameter-invalid` where the customer has chosen it
 * @throws {AttentionError} `azure.region-unknown` where it is that of the settings
 * @see https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations
 */
export function chooseRegion(
  flow: Flow,
  inAzure: Pick<AzureSubscription, 'locations'>,
  look: Look,
  { order: { region } }: Pick<Assignment, 'order'>,
  { settings }: { settings: AzureSettings },
): Promise<string> {
  // By its name, so that another one is looked for anew.
  return flow.step(`choose the region ${nameIn(region)}`, async () => {
    const known = await namesOf(inAzure);
    if (known.length === 0 || known.includes(region)) return region;
    const parameter = settings.regionParameter;
    if (!look.subscription.parameters[parameter]?.trim()) {
      throw new AttentionError(
        'azure.region-unknown',
        `Azure has no region ${region} for this customer. Correct AZURE_LOCATION.`,
      );
    }
    throw new CustomerError('order.parameter-invalid', `Azure has no region ${region} for this customer.`, {
      params: { parameter, reason: 'allowed', allowed: known.slice(0, MOST_NAMED).join(', ') },
      effect: 'none',
    });
  });
}

async function namesOf({ locations }: Pick<AzureSubscription, 'locations'>): Promise<string[]> {
  try {
    return (await locations()).map(({ name }) => name);
  } catch (error) {
    const { status } = error instanceof ConnectorError ? error.facts : {};
    // Throttled or in trouble, Azure will tell a little later: a wrong region is better found now than by the deployment.
    if (status === undefined || status >= 500 || status === 429 || status === 408) throw error;
    return [];
  }
}
