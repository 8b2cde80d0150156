import type { Clock } from '../core/clock.ts';
import { isSameText } from './ids.ts';
import type { Resource, State, Terms } from './model.ts';
import { propertiesOf } from './resource-kinds.ts';
import type { Switches } from './switches.ts';
import type { ArmError } from './template/types.ts';

/** A virtual machine image of the Azure Marketplace. */
export interface Image {
  publisher: string;
  offer: string;
  sku: string;
  /** Oldest first. */
  versions: string[];
  os: 'Linux' | 'Windows';
  /** What a machine made from it must name, and whose terms must be accepted; none for images of Microsoft and partners. */
  plan?: { publisher: string; product: string; name: string };
  /** Regions that have it; all when left out. */
  locations?: string[];
  deprecation?: { imageState: string; scheduledDeprecationTime?: string };
  /** Why the Marketplace does not sell it to the partner's customers. */
  refusal?: string;
}

interface ImageReference {
  publisher?: string;
  offer?: string;
  sku?: string;
  version?: string;
}

export interface Images {
  list(): Image[];
  find(reference: ImageReference, location: string | undefined): Image | undefined;
  /** Adds an image, or replaces the one of that publisher, offer and SKU. */
  put(image: Image): void;
  remove(image: Pick<Image, 'publisher' | 'offer' | 'sku'>): void;
  /** Why a deployment of this machine is refused before it begins. */
  purchaseError(machine: { body: Record<string, unknown>; subscriptionId: string }): ArmError | undefined;
  /** Why Compute refuses to write this machine. */
  checkMachine(machine: Resource): { status: number; error: ArmError } | undefined;
  reset(): void;
}

const SEED: Image[] = [
  {
    publisher: 'aurora-linux',
    offer: 'hardened-server',
    sku: '22-04-gen2',
    versions: ['22.04.20260401', '22.04.20260801'],
    os: 'Linux',
    plan: { publisher: 'aurora-linux', product: 'hardened-server', name: '22-04-gen2' },
  },
  {
    publisher: 'contosonet',
    offer: 'edge-firewall',
    sku: 'byol-gen2',
    versions: ['7.4.0', '7.4.1'],
    os: 'Linux',
    plan: { publisher: 'contosonet', product: 'edge-firewall', name: 'byol-gen2' },
  },
  {
    publisher: 'Canonical',
    offer: 'ubuntu-24_04-lts',
    sku: 'server',
    versions: ['24.04.202604160', '24.04.202608020'],
    os: 'Linux',
  },
  {
    publisher: 'MicrosoftWindowsServer',
    offer: 'WindowsServer',
    sku: '2022-datacenter-azure-edition',
    versions: ['20348.3807.250604'],
    os: 'Windows',
  },
];

/** What the Marketplace offers, and what it asks for before it sells a machine. */
export function createImages(parts: { clock: Clock; state: State; switches: Switches }): Images {
  const { clock, state, switches } = parts;
  let images = structuredClone(SEED);

  function find(reference: ImageReference, location: string | undefined): Image | undefined {
    return images.find(
      ({ publisher, offer, sku, locations }) =>
        isSameText(publisher, reference.publisher ?? '') &&
        isSameText(offer, reference.offer ?? '') &&
        isSameText(sku, reference.sku ?? '') &&
        (locations === undefined || location === undefined || locations.includes(location)),
    );
  }

  function imageOf({ body }: { body: Record<string, unknown> }): { image?: Image; reference?: ImageReference } {
    const storage = propertiesOf({ body }).storageProfile as { imageReference?: ImageReference } | undefined;
    const reference = storage?.imageReference;
    if (reference?.publisher === undefined) return {};
    const image = find(reference, typeof body.location === 'string' ? body.location : undefined);
    return { reference, ...(image === undefined ? {} : { image }) };
  }

  function termsOf(subscriptionId: string, { plan }: Image): Terms | undefined {
    return [...state.terms.values()].find(
      (terms) =>
        terms.subscriptionId === subscriptionId &&
        isSameText(terms.publisher, plan?.publisher ?? '') &&
        isSameText(terms.offer, plan?.product ?? '') &&
        isSameText(terms.plan, plan?.name ?? ''),
    );
  }

  function areTermsMissing(subscriptionId: string, image: Image): boolean {
    if (image.plan === undefined) return false;
    const terms = termsOf(subscriptionId, image);
    return terms === undefined || !terms.accepted || terms.effectiveAt > clock.now();
  }

  return {
    list: () => structuredClone(images),
    find,

    put(image) {
      images = [...images.filter((other) => !isSameImage(other, image)), structuredClone(image)];
    },

    remove(image) {
      images = images.filter((other) => !isSameImage(other, image));
    },

    purchaseError({ body, subscriptionId }) {
      const { image } = imageOf({ body });
      if (image === undefined || !hasPlan(body)) return undefined;
      if (image.refusal !== undefined) return eligibilityError(image, image.refusal);
      const isMissing = areTermsMissing(subscriptionId, image);
      return isMissing && switches.missingTermsRefusedAt === 'preflight'
        ? eligibilityError(image, TERMS_SENTENCE)
        : undefined;
    },

    checkMachine(machine) {
      const { image, reference } = imageOf(machine);
      if (reference === undefined) return undefined;
      const version = reference.version ?? 'latest';
      if (image === undefined || (version !== 'latest' && !image.versions.includes(version))) {
        return { status: 404, error: imageNotFound(reference, version) };
      }
      if (image.plan !== undefined && !hasPlan(machine.body)) {
        const message =
          'Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image requires ' +
          `Plan information in the request. VM: '${machine.id}'.`;
        return { status: 400, error: { code: 'VMMarketplaceInvalidInput', message } };
      }
      if (!areTermsMissing(machine.subscriptionId, image)) return undefined;
      return { status: 400, error: validationError(image, machine.subscriptionId) };
    },

    reset() {
      images = structuredClone(SEED);
    },
  };
}

const TERMS_SENTENCE =
  'Legal terms have not been accepted for this item on this subscription. To accept legal terms using PowerShell, please ' +
  'use Get-AzureRmMarketplaceTerms and Set-AzureRmMarketplaceTerms API(https://go.microsoft.com/fwlink/?linkid=862451) or ' +
  'deploy via the Azure portal to accept the terms';

function isSameImage(a: Pick<Image, 'publisher' | 'offer' | 'sku'>, b: Pick<Image, 'publisher' | 'offer' | 'sku'>) {
  return isSameText(a.publisher, b.publisher) && isSameText(a.offer, b.offer) && isSameText(a.sku, b.sku);
}

function hasPlan(body: Record<string, unknown>): boolean {
  return typeof body.plan === 'object' && body.plan !== null;
}

function eligibilityError({ publisher, offer }: Image, sentence: string): ArmError {
  return {
    code: 'MarketplacePurchaseEligibilityFailed',
    // The spelling is Azure's.
    message: 'Marketplace purchase eligibilty check returned errors. See inner errors for details. ',
    details: [
      {
        code: 'BadRequest',
        message:
          `Offer with PublisherId: ${publisher}, OfferId: ${offer} cannot be purchased due to validation errors. See ` +
          `details for more information.[{"${sentence}":"StoreApi"}]`,
      },
    ],
  };
}

function validationError({ publisher, offer, sku }: Image, subscriptionId: string): ArmError {
  return {
    code: 'ResourcePurchaseValidationFailed',
    message:
      `User failed validation to purchase resources. Error message: 'You have not accepted the legal terms on this ` +
      `subscription: '${subscriptionId}' for this plan. Before the subscription can be used, you need to accept the legal ` +
      'terms of the image. To read and accept legal terms, use the Azure CLI commands described at ' +
      'https://go.microsoft.com/fwlink/?linkid=2110637 or the PowerShell commands available at ' +
      'https://go.microsoft.com/fwlink/?linkid=862451. Alternatively, deploying via the Azure portal provides a UI ' +
      `experience for reading and accepting the legal terms. Offer details: publisher='${publisher}' offer = '${offer}', ` +
      `sku = '${sku}'.'`,
  };
}

function imageNotFound({ publisher, offer, sku }: ImageReference, version: string): ArmError {
  return {
    code: 'ImageNotFound',
    target: 'imageReference',
    message: `The platform image '${publisher}:${offer}:${sku}:${version}' is not available. Verify that all fields in the storage profile are correct.`,
  };
}
