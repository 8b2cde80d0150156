import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { AskedValues, ParameterValue, Suggestion } from '../parameter-values.ts';
import { readSelling } from '../selling.ts';
import { ownCodes } from './assignment.ts';
import { type BlueprintParts, readBlueprint } from './blueprint.ts';
import { type AzureSettings, readDeploys } from './order.ts';
import { choicesOf } from './template-parameters.ts';

export interface AzureValuesParts extends BlueprintParts {
  cloudesire: Pick<Cloudesire, 'catalogue'>;
  settings: AzureSettings;
}

/** Suggests for every parameter of a plan that is deployed in Azure the values that its template allows. */
export function createAzureValues(parts: AzureValuesParts): Suggestion {
  const { catalogue } = parts.cloudesire;

  return ({ planId, parameter }) => (planId === undefined ? undefined : allowed(planId, parameter));

  async function allowed(planId: number, parameter: AskedValues['parameter']): Promise<ParameterValue[] | null> {
    const productId = (await catalogue.plan(planId))?.productId;
    const productType = productId && (await catalogue.product(productId))?.cspProductType;
    if (!productId || !productType || productType === 'license') return null;
    const deploys = readDeploys(productType, await readSelling(parts.cloudesire, { planId, productId }));
    const { template } = await readBlueprint(deploys, undefined, parts);
    return choicesOf(template, parameter, ownCodes(parts.settings));
  }
}
