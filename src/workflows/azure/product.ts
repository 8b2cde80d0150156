import type { Workflow } from '../../engine/workflow.ts';
import type { Look } from '../look.ts';
import type { ProductType } from '../operations.ts';
import type { Product } from '../product.ts';
import { configurationOf } from './assignment.ts';
import { createConvertAzureTrial } from './convert-trial.ts';
import { createDeprovisionAzure } from './deprovision.ts';
import { inspectAzure } from './inspect.ts';
import { createResumeAzure, createSuspendAzure } from './power.ts';
import { createProvisionAzure, type ProvisionAzureParts } from './provision.ts';
import { recoverAzure } from './recover.ts';
import { createRedeploy } from './redeploy.ts';
import { createRenewAzure } from './renew.ts';
import { createReportAzure } from './report-again.ts';
import { toldWhenUnseen } from './unseen.ts';

/** What is known of a product that is deployed in Azure: `azure` is a machine of the Azure Marketplace, `arm` a template. */
export function createAzureProduct(productType: Exclude<ProductType, 'license'>, parts: ProvisionAzureParts): Product {
  const inAzure = (workflow: Workflow<Look>) => toldWhenUnseen(workflow, parts);
  return {
    operations: {
      provision: inAzure(createProvisionAzure(productType, parts)),
      report: inAzure(createReportAzure(productType, parts)),
      'change-plan': inAzure(createRedeploy('change-plan', productType, parts)),
      reconfigure: inAzure(createRedeploy('reconfigure', productType, parts)),
      'convert-trial': createConvertAzureTrial(productType, parts),
      renew: createRenewAzure(productType),
      suspend: inAzure(createSuspendAzure(productType, parts)),
      resume: inAzure(createResumeAzure(productType, parts)),
      deprovision: inAzure(createDeprovisionAzure(productType, parts)),
    },
    configuration: (subscription, known) => configurationOf(subscription, parts.secrets, known),
    recover: (subscription, at) => recoverAzure(productType, subscription, parts, at),
    inspect: (fulfillment, subscriptionId) => inspectAzure(parts, subscriptionId, fulfillment),
  };
}
