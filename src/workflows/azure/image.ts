import type { Flow } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { AzureSubscription, Image } from '../../upstreams/azure/client.ts';
import type { Grace } from '../grace.ts';
import { pollPlan } from '../steps/polls.ts';
import type { AzureOrder } from './order.ts';

/** For so long an acceptance is waited for. After that the deployment decides, for it may show late or never. */
const SHOWN_WITHIN_MS = 2 * MINUTE_MS;

/**
 * Looks the image of an order up in its region and accepts the terms of its publisher for this Azure subscription, where it has any.
 * Undefined for a template, which names its images itself.
 *
 * @see https://learn.microsoft.com/azure/virtual-machines/linux/cli-ps-findimage
 * @see https://learn.microsoft.com/rest/api/marketplaceordering/marketplace-agreements
 */
export async function prepareImage(
  flow: Flow,
  { images, terms }: Pick<AzureSubscription, 'images' | 'terms'>,
  region: string,
  deploys: AzureOrder['deploys'],
  { pollEveryMs, grace }: { pollEveryMs: number; grace: Grace },
): Promise<Image | undefined> {
  if (deploys.kind === 'template') return undefined;
  const { publisher, offer, sku } = deploys.image;
  const image = await flow.step(`find the image ${publisher}:${offer}:${sku} in ${region}`, async () => {
    const found = await images.find(region, deploys.image);
    if (found && !found.deprecated) return found;
    throw new AttentionError(
      'image.not-available',
      `Azure ${found ? 'has withdrawn' : 'does not offer'} the image ${publisher}:${offer}:${sku} in ${region}. Correct publisher, offer or SKU in the plan's integration metadata, or the region, which is that of the order, else AZURE_LOCATION.`,
    );
  });
  const { plan } = image;
  if (plan) {
    const soon = pollPlan(
      'moments',
      pollEveryMs,
      `the terms of ${plan.publisher}:${plan.product}:${plan.name} to show as accepted`,
    );
    await flow.poll(`terms of ${plan.publisher}:${plan.product}:${plan.name} accepted`, soon, async ({ sinceMs }) => {
      if (await terms.accept(plan)) return 'accepted';
      return sinceMs > grace(SHOWN_WITHIN_MS) ? 'not shown' : undefined;
    });
  }
  return image;
}
