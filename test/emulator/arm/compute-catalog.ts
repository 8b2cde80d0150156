import type { Api, Request } from './api.ts';
import { type Capacity, SIZES } from './capacity.ts';
import { isSameText, subscriptionScope } from './ids.ts';
import type { Image, Images } from './images.ts';
import { findLocation, LOCATIONS } from './provider-catalog.ts';
import type { Registrations } from './providers.ts';
import { invalidContent, missingRegistration, refuse } from './refusals.ts';

export interface ComputeCatalogParts {
  api: Api;
  images: Images;
  capacity: Capacity;
  registrations: Registrations;
}

const COMPUTE = '/subscriptions/:subscriptionId/providers/Microsoft.Compute';
const IMAGES = `${COMPUTE}/locations/:location/publishers/:publisher/artifacttypes/vmimage/offers`;
const rule = (action: string) => ({
  namespace: 'Microsoft.Compute',
  action,
  scope: ({ subscriptionId }: Record<string, string>) => subscriptionScope(subscriptionId!),
});
const READ_IMAGES = rule('Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read');

/**
 * What Compute can be asked before a machine is made: images, sizes with their restrictions, and quotas.
 *
 * @see https://learn.microsoft.com/rest/api/compute/virtual-machine-images/get
 * @see https://learn.microsoft.com/rest/api/compute/resource-skus/list
 */
export function defineComputeCatalog({ api, images, capacity, registrations }: ComputeCatalogParts): void {
  function requireCompute({ subscription }: Request): void {
    if (!registrations.isRegistered(subscription, 'Microsoft.Compute')) throw missingRegistration('Microsoft.Compute');
  }

  function locationOf(request: Request): string {
    requireCompute(request);
    const location = findLocation(request.params.location!);
    if (location !== undefined) return location;
    throw refuse(
      400,
      'NoRegisteredProviderFound',
      `No registered resource provider found for location '${request.params.location}' and type 'locations/publishers'.`,
    );
  }

  function findImage(request: Request): Image {
    const { publisher, offer, sku } = request.params as { publisher: string; offer: string; sku: string };
    const image = images.find({ publisher, offer, sku }, locationOf(request));
    if (image === undefined) throw imageNotFound(publisher, offer, sku);
    return image;
  }

  const base = ({ subscription, params }: Request, image: Pick<Image, 'publisher' | 'offer' | 'sku'>): string =>
    `${subscriptionScope(subscription.id)}/Providers/Microsoft.Compute/Locations/${params.location}/Publishers/` +
    `${image.publisher}/ArtifactTypes/VMImage/Offers/${image.offer}/Skus/${image.sku}`;

  api.define('GET', `${IMAGES}/:offer/skus/:sku/versions/:version`, READ_IMAGES, (request) => {
    const image = findImage(request);
    const wanted = request.params.version!;
    const version = wanted.toLowerCase() === 'latest' ? image.versions.at(-1)! : wanted;
    if (!image.versions.includes(version)) throw imageNotFound(image.publisher, image.offer, image.sku, version);
    return {
      status: 200,
      body: {
        id: `${base(request, image)}/Versions/${version}`,
        name: version,
        location: request.params.location,
        properties: {
          ...(image.plan === undefined ? {} : { plan: image.plan }),
          osDiskImage: { operatingSystem: image.os },
          dataDiskImages: [],
          hyperVGeneration: 'V2',
          architecture: 'x64',
          features: [{ name: 'SecurityType', value: 'TrustedLaunchSupported' }],
          imageDeprecationStatus: image.deprecation ?? { imageState: 'Active' },
        },
      },
    };
  });

  api.define('GET', `${IMAGES}/:offer/skus/:sku/versions`, READ_IMAGES, (request) => {
    const image = findImage(request);
    const isDescending = /name\s+desc/i.test(request.query.get('$orderby') ?? '');
    const versions = isDescending ? image.versions.toReversed() : image.versions;
    return {
      status: 200,
      body: versions.slice(0, Number(request.query.get('$top') ?? versions.length)).map((name) => ({
        location: request.params.location,
        name,
        id: `${base(request, image)}/Versions/${name}`,
      })),
    };
  });

  api.define('GET', `${IMAGES}/:offer/skus`, READ_IMAGES, (request) => {
    const { publisher, offer } = request.params as { publisher: string; offer: string };
    const location = locationOf(request);
    const found = images
      .list()
      .filter((image) => isSameText(image.publisher, publisher) && isSameText(image.offer, offer));
    return { status: 200, body: found.map((image) => ({ location, name: image.sku, id: base(request, image) })) };
  });

  api.define('GET', `${COMPUTE}/skus`, rule('Microsoft.Compute/skus/read'), (request) => {
    requireCompute(request);
    const wanted = /location eq '([^']+)'/i.exec(request.query.get('$filter') ?? '')?.[1];
    const locations = wanted === undefined ? Object.keys(LOCATIONS) : [findLocation(wanted)];
    const value = locations.flatMap((location) =>
      location === undefined ? [] : SIZES.map((size) => viewSize(size, location)),
    );
    return { status: 200, body: { value } };
  });

  const usages = `${COMPUTE}/locations/:location/usages`;
  api.define('GET', usages, rule('Microsoft.Compute/locations/usages/read'), (request) => ({
    status: 200,
    body: {
      value: capacity.usages(request.subscription.id, locationOf(request)).map(({ name, text, limit, used }) => ({
        limit,
        unit: 'Count',
        currentValue: used,
        name: { value: name, localizedValue: text },
      })),
    },
  }));

  function viewSize({ name, cores, memoryGb, family }: (typeof SIZES)[number], location: string): object {
    const restrictions = capacity
      .restrictions()
      .filter((one) => isSameText(one.size, name) && one.location === location)
      .map(({ reasonCode }) => ({
        type: 'Location',
        values: [location],
        restrictionInfo: { locations: [location] },
        reasonCode,
      }));
    return {
      resourceType: 'virtualMachines',
      name,
      tier: 'Standard',
      size: name.replace(/^Standard_/, ''),
      family,
      locations: [location],
      locationInfo: [{ location, zones: ['1', '2', '3'] }],
      capabilities: [
        { name: 'vCPUs', value: String(cores) },
        { name: 'MemoryGB', value: String(memoryGb) },
        { name: 'HyperVGenerations', value: 'V1,V2' },
        { name: 'CpuArchitectureType', value: 'x64' },
        { name: 'PremiumIO', value: 'True' },
      ],
      restrictions,
    };
  }
}

function imageNotFound(publisher: string, offer: string, sku: string, version = '') {
  if (publisher === '' || offer === '') return invalidContent('The image is not named.');
  const name = [publisher, offer, sku, version].filter((part) => part !== '').join(', ');
  return refuse(404, 'NotFound', `Artifact: VMImage was not found. (${name})`);
}
