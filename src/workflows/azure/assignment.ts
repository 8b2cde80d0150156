import type { DerivedSecrets } from '../../lib/derived-secrets.ts';
import { AttentionError } from '../../lib/errors.ts';
import type { DeploymentBody, Image } from '../../upstreams/azure/client.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { AzureFulfillment } from '../fulfillment.ts';
import type { Look } from '../look.ts';
import type { ProductType } from '../operations.ts';
import { readSelling } from '../selling.ts';
import { architectureOf, type Blueprint, type BlueprintParts, readBlueprint } from './blueprint.ts';
import { atRetry } from './faults.ts';
import { groupOf, tagsOf } from './names.ts';
import { noteAzure } from './note.ts';
import { type AzureOrder, type AzureSettings, type ImageReference, readAzureOrder } from './order.ts';
import { fillParameters, type Meaning } from './template-parameters.ts';

export interface AssignmentParts extends BlueprintParts {
  cloudesire: Pick<Cloudesire, 'catalogue'>;
  secrets: DerivedSecrets;
  settings: AzureSettings;
}

/** What is to be deployed for a subscription. It holds what the customer entered, which may be secret: it lives as long as one look. */
export interface Assignment {
  order: AzureOrder;
  blueprint: Blueprint;
  /** Digest of what the customer entered. */
  configuration: string;
  /** What is sent to Azure; for an image, once it is known which plan it has. */
  body(image?: Image): DeploymentBody;
  /** The secrets that nobody entered, by the name of their template parameter. */
  generatedSecrets(): { name: string; value: string }[];
}

/**
 * Reads plan, template and what the customer entered, and fits them together. Nothing has been asked of Microsoft yet.
 *
 * @throws {AttentionError} when plan or template are not in order
 * @throws {CustomerError} `order.parameter-invalid` for what the customer entered
 */
export async function readAssignment(
  productType: Exclude<ProductType, 'license'>,
  subscription: Pick<Subscription, 'id' | 'productId' | 'planId' | 'parameters' | 'type'>,
  { template: pinned, secretsKey }: Pick<AzureFulfillment, 'template' | 'secretsKey'>,
  parts: AssignmentParts,
): Promise<Assignment> {
  const { secrets, settings } = parts;
  const selling = await readSelling(parts.cloudesire, subscription);
  const order = readAzureOrder(productType, selling, subscription, settings);
  const tellPlace = (error: unknown): never => {
    throw productType === 'arm' && isOfTemplate(error) ? placed(error, selling.placeOf('template')) : error;
  };
  const blueprint = await readBlueprint(order.deploys, pinned, parts).catch(tellPlace);

  const secretOf = (name: string, maxLength?: number): string => {
    const own = secretsKey === undefined ? secrets : secrets.madeWith(secretsKey);
    if (!own) throw keyChanged(subscription.id);
    return own.password(`${subscription.id} ${name}`, maxLength);
  };
  const fill = (image?: Image) =>
    fillParameters(blueprint.template, {
      chosen: subscription.parameters,
      ownCodes: ownCodes(settings),
      system: {
        location: order.region,
        dnsLabel: order.dnsPrefix ?? groupOf(subscription.id),
        orderId: String(subscription.id),
        tags: tagsOf(subscription.id),
        ...(order.vmSize && { vmSize: order.vmSize }),
        ...(order.deploys.kind === 'image' && imageParameters(order.deploys.image, image)),
      },
      generate: (name, { maxLength }) => secretOf(name, maxLength),
    });
  // What does not fit is found now, and not when it is needed.
  try {
    fill();
  } catch (error) {
    tellPlace(error);
  }

  return {
    order,
    blueprint,
    configuration: configurationOf(subscription, secrets),
    body: (image) => ({ template: blueprint.template.json, parameters: fill(image).parameters }),
    generatedSecrets() {
      const { parameters, generated } = fill();
      return generated.map((name) => ({ name, value: String(parameters[name]?.value) }));
    },
  };
}

export interface CurrentAssignment {
  read(): Promise<Assignment>;
  /**
   * Takes up what stands at the address of the template now, and keeps to that from here on, on the word of operations that it was corrected,
   * which is `retry`. Answers whether there was one.
   */
  renewAtRetry(): Promise<boolean>;
}

/**
 * The assignment of a look, which is read when it is first needed.
 *
 * @param isKept whether it keeps to the content of the template that is noted, as long as that can be used; else it is that of now
 */
export function createAssignment(
  productType: Exclude<ProductType, 'license'>,
  look: Look,
  parts: AssignmentParts,
  isKept: () => boolean = () => true,
): CurrentAssignment {
  const { secretsKey, attempt, region } = look.fulfillment().azure ?? {};
  // What is deployed stays where it is, wherever new orders go by now.
  const location = (attempt ? region : undefined) ?? parts.settings.location;
  const read = (noted: Pick<AzureFulfillment, 'template' | 'secretsKey'>): Promise<Assignment> =>
    readAssignment(productType, look.subscription, noted, { ...parts, settings: { ...parts.settings, location } });
  let current: Promise<Assignment> | undefined;

  async function readKept(): Promise<Assignment> {
    if (!isKept()) return readNow();
    const noted = look.fulfillment().azure ?? {};
    try {
      return await read(noted);
    } catch (error) {
      // What the order keeps to fits no more: the plan has changed since, or the content is lost.
      if (!noted.template || !isOfTemplate(error)) throw error;
      if (!look.isRetryAsked()) throw atRetry(error);
    }
    return renewOrTell();
  }

  const readNow = (): Promise<Assignment> => read(secretsKey === undefined ? {} : { secretsKey });

  async function renew(): Promise<Assignment> {
    const renewed = await readNow();
    current = Promise.resolve(renewed);
    if (!isKept()) return renewed;
    const { blueprint } = renewed;
    await noteAzure(look, { template: blueprint.sha256, architecture: architectureOf(blueprint) });
    return renewed;
  }

  /** Where it fails the order keeps to what it had, and only another press takes up what was corrected then. */
  async function renewOrTell(): Promise<Assignment> {
    try {
      return await renew();
    } catch (error) {
      throw error instanceof AttentionError ? atRetry(error) : error;
    }
  }

  return {
    read() {
      current ??= readKept();
      return current;
    },

    async renewAtRetry() {
      if (!look.isRetryAsked()) return false;
      await renewOrTell();
      return look.takeRetry();
    },
  };
}

/** The same, with where the address of the template stands. */
function placed({ code, message, facts, effect, cause }: AttentionError, place: string): AttentionError {
  return new AttentionError(code, `${message} See ${place}.`, { cause, facts, effect });
}

/** Whether another content of the template may cure it. */
function isOfTemplate(error: unknown): error is AttentionError {
  return error instanceof AttentionError && error.code.startsWith('template.');
}

/**
 * Digest of what the customer entered. Where the known one was made with a key that is gone nothing can be said: it is taken for unchanged.
 */
export function configurationOf(
  { parameters }: Pick<Subscription, 'parameters'>,
  secrets: DerivedSecrets,
  known?: string,
): string {
  let own: DerivedSecrets = secrets;
  if (known !== undefined) {
    const former = secrets.madeWith(known.split('.')[0] ?? '');
    if (!former) return known;
    own = former;
  }
  const entered = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${own.fingerprint}.${own.digest(JSON.stringify(entered))}`;
}

/** What the connector's own parameters mean to a template, under whatever name it asks for that. */
export function ownCodes({ dnsParameter, regionParameter, domainParameter }: AzureSettings): Record<string, Meaning> {
  return { [dnsParameter]: 'dnsLabel', [regionParameter]: 'location', [domainParameter]: null };
}

/**
 * What our template of a machine has to know of its image. Its version stays "latest": Azure refuses a machine that is there the change to
 * another one, which a newer version would be.
 */
function imageParameters({ publisher, offer, sku }: ImageReference, image: Image | undefined) {
  return {
    imagePublisher: publisher,
    imageOffer: offer,
    imageSku: sku,
    ...(image?.os && { osType: image.os }),
    ...(image?.plan && {
      planName: image.plan.name,
      planProduct: image.plan.product,
      planPublisher: image.plan.publisher,
    }),
  };
}

function keyChanged(subscriptionId: number): AttentionError {
  return new AttentionError(
    'secrets.key-changed',
    `The passwords that were generated for subscription ${subscriptionId} followed from another STATE_KEY, so that they cannot be sent again. Add the former STATE_KEY behind the present one, separated by a comma.`,
    { effect: 'none' },
  );
}

/** The configuration of what may or may not have been deployed: none that a customer enters is equal to it. */
export function unknownLike(configuration: string): string {
  return configuration.slice(0, configuration.indexOf('.') + 1);
}
