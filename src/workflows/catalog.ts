import { Suspended, type Workflow } from '../engine/workflow.ts';
import { MINUTE_MS } from '../lib/durations.ts';
import type { Wait } from '../lib/wait.ts';
import type { Subscription } from '../upstreams/cloudesire/schema.ts';
import { hasEnded } from '../upstreams/partner-center/schema.ts';
import { createAzureProduct } from './azure/product.ts';
import type { ProvisionAzureParts } from './azure/provision.ts';
import type { AtMicrosoft, Fulfillment } from './fulfillment.ts';
import { createChangePlan } from './license/change-plan.ts';
import { createChangeSeats } from './license/change-seats.ts';
import { createConvertTrial } from './license/convert-trial.ts';
import { createDeprovisionLicense } from './license/deprovision.ts';
import { createNoteRenewal } from './license/note-renewal.ts';
import { describeAtMicrosoft, readPartnerSubscription } from './license/partner-subscription.ts';
import { createProvisionLicense, type ProvisionLicenseParts } from './license/provision.ts';
import { recoverLicense } from './license/recover.ts';
import { createRenewLicense } from './license/renew.ts';
import { createReportLicense } from './license/report-again.ts';
import { createResumeLicense } from './license/resume.ts';
import { createSetTermEnd } from './license/set-term-end.ts';
import { createSuspendLicense } from './license/suspend.ts';
import { findSuccessor } from './license/transition.ts';
import { withAgreement } from './license/with-agreement.ts';
import type { Look } from './look.ts';
import type { Operation, ProductType } from './operations.ts';

export type CatalogParts = ProvisionLicenseParts & ProvisionAzureParts;

/** What is known of a product type. */
export interface Product {
  /** Which workflow carries out an operation. */
  operations: Partial<Record<Operation, Workflow<Look>>>;
  /** Seats as sold, where the product counts them. */
  seats?(subscription: Subscription): number | undefined;
  /** Digest of what the customer entered, where that decides about what is deployed. */
  configuration?(subscription: Subscription, known: string | undefined): string;
  /**
   * What exists at Microsoft for a subscription of which nothing is recorded: at the customer `at`, else at the one that the marketplace's
   * metadata name. It only asks.
   */
  recover(subscription: Subscription, at?: string): Promise<Fulfillment | undefined>;
  /** Asks Microsoft how it stands with what was provisioned. @throws {Suspended} while that cannot be said yet */
  inspect(fulfillment: Fulfillment, subscriptionId: number): Promise<AtMicrosoft | undefined>;
}

export type Catalog = Record<ProductType, Product>;

/** The product types that are delivered. */
export function createCatalog(parts: CatalogParts): Catalog {
  const { licenseIdentifier } = parts.license;
  return {
    license: {
      operations: {
        provision: createProvisionLicense(parts),
        report: createReportLicense(parts),
        'change-seats': withAgreement(createChangeSeats(parts), 'change', parts),
        'change-plan': withAgreement(createChangePlan(parts), 'change', parts),
        'convert-trial': withAgreement(createConvertTrial(parts), 'change', parts),
        renew: withAgreement(createRenewLicense(parts), 'renewal', parts),
        'set-term-end': createSetTermEnd(parts),
        'note-renewal': createNoteRenewal(parts),
        suspend: createSuspendLicense(parts),
        resume: withAgreement(createResumeLicense(parts), 'return', parts),
        deprovision: createDeprovisionLicense(parts),
      },
      seats: ({ extraResources }) => extraResources.find(({ identifier }) => identifier === licenseIdentifier)?.value,
      recover: (subscription, at) => recoverLicense(parts, subscription, at),
      async inspect(fulfillment, subscriptionId) {
        if (!fulfillment.customerId || !fulfillment.partnerSubscriptionId) return undefined;
        const found = await readPartnerSubscription(parts, fulfillment);
        // A move of ours is followed by the run that asked for it.
        if (!hasEnded(found) || fulfillment.moving) return describeAtMicrosoft(found, parts.now());
        const successor = await findSuccessor(parts, fulfillment, subscriptionId);
        if (successor === undefined) return describeAtMicrosoft(found, parts.now());
        if (successor === 'pending') {
          // Nothing is decided, and least of all bought, before it is known what comes of it.
          const waitingFor: Wait = `Microsoft to move partner subscription ${fulfillment.partnerSubscriptionId} to another one`;
          throw new Suspended(parts.now() + parts.grace(5 * MINUTE_MS), waitingFor);
        }
        return { ...describeAtMicrosoft(successor, parts.now()), movedTo: successor.id };
      },
    },
    azure: createAzureProduct('azure', parts),
    arm: createAzureProduct('arm', parts),
  };
}
