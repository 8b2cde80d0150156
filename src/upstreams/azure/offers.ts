import { z } from 'zod';
import { path } from '../http.ts';
import type { Arm } from './arm.ts';
import type { AzureSubscription } from './azure.ts';
import { isAbsent } from './errors.ts';
import { ImageVersion, Named, Terms } from './schema.ts';

/** The newer version has been seen to answer `accepted: false` after an acceptance, which the older one confirms. */
const TERMS = '2021-01-01';
const OLDER_TERMS = '2015-06-01';

/**
 * Returns the calls about what can be had in the Azure Marketplace: images of the marketplace with their terms.
 *
 * @see https://learn.microsoft.com/rest/api/compute/virtual-machine-images
 */
export function createOfferCalls(arm: Arm, subscriptionId: string): Pick<AzureSubscription, 'images' | 'terms'> {
  const root = path`/subscriptions/${subscriptionId}`;

  const find: AzureSubscription['images']['find'] = async (location, { publisher, offer, sku }) => {
    const what = `the image ${publisher}:${offer}:${sku} in ${location}`;
    try {
      const versions = await arm.ask(
        what,
        ({ compute }) =>
          compute.virtualMachineImages.list(location, publisher, offer, sku, { top: 1, orderby: 'name desc' }),
        z.array(Named),
      );
      const version = versions.map(({ name }) => name).toSorted(byVersion)[0];
      if (version === undefined) return undefined;
      const { plan, imageDeprecationStatus, osDiskImage } = await arm.ask(
        what,
        ({ compute }) => compute.virtualMachineImages.get(location, publisher, offer, sku, version),
        ImageVersion,
      );
      const deprecated = imageDeprecationStatus?.imageState?.toLowerCase() === 'deprecated';
      return { deprecated, ...(plan && { plan }), ...(osDiskImage && { os: osDiskImage.operatingSystem }) };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  };

  /**
   * Accepts the terms of an image for the Azure subscription: what was read is sent back as a whole, for anything less is refused.
   *
   * @see https://learn.microsoft.com/rest/api/marketplaceordering/marketplace-agreements/create
   */
  const accept: AzureSubscription['terms']['accept'] = async ({ publisher, product, name }) => {
    const terms = {
      path: `${root}${path`/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/${publisher}/offers/${product}/plans/${name}/agreements/current`}`,
      apiVersion: TERMS,
    };
    const found = await arm.read(terms, Terms);
    if (found.properties.accepted) return true;
    await arm.send('PUT', { ...terms, body: { ...found, properties: { ...found.properties, accepted: true } } });
    if ((await arm.read(terms, Terms)).properties.accepted) return true;
    return (await arm.read({ ...terms, apiVersion: OLDER_TERMS }, Terms)).properties.accepted === true;
  };

  return { images: { find }, terms: { accept } };
}

/** The newest first: `10.0.1` before `9.1.0`. */
function byVersion(one: string, other: string): number {
  return other.localeCompare(one, 'en', { numeric: true });
}
