import type { Product } from '../product.ts';
import { createChangePlan } from './change-plan.ts';
import { createChangeSeats } from './change-seats.ts';
import { createConvertTrial } from './convert-trial.ts';
import { createDeprovisionLicense } from './deprovision.ts';
import { inspectLicense } from './inspect.ts';
import { createNoteRenewal } from './note-renewal.ts';
import { createProvisionLicense, type ProvisionLicenseParts } from './provision.ts';
import { recoverLicense } from './recover.ts';
import { createRenewLicense } from './renew.ts';
import { createReportLicense } from './report-again.ts';
import { createResumeLicense } from './resume.ts';
import { createSetTermEnd } from './set-term-end.ts';
import { createSuspendLicense } from './suspend.ts';
import { withAgreement } from './with-agreement.ts';

/** What is known of a product that is sold as licences. */
export function createLicenseProduct(parts: ProvisionLicenseParts): Product {
  const { licenseIdentifier } = parts.license;
  return {
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
    inspect: (fulfillment, subscriptionId) => inspectLicense(parts, subscriptionId, fulfillment),
  };
}
