import { readTemplate, type Template } from '../../../../src/workflows/azure/template.ts';

export const SCHEMA = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#';

/** A resource that nothing speaks against. */
export const NETWORK = {
  type: 'Microsoft.Network/virtualNetworks',
  apiVersion: '2024-05-01',
  name: 'network',
  location: '[resourceGroup().location]',
};

/** A template that nothing speaks against but what the test puts into it. */
export function templateText(parts: object = {}): string {
  return JSON.stringify({ $schema: SCHEMA, contentVersion: '1.0.0.0', resources: [NETWORK], ...parts });
}

export function read(parts: object = {}): Template {
  return readTemplate(templateText(parts));
}

/** The code and sentence of the flaw that is found in a template. */
export function flawOf(parts: object): { code: string; message: string } {
  try {
    read(parts);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('no flaw was found');
}

/** A nested template as a resource. */
export function nested(template: object, { scope = 'inner', ...properties }: Record<string, unknown> = {}): object {
  return {
    type: 'Microsoft.Resources/deployments',
    apiVersion: '2022-09-01',
    name: 'nested',
    properties: {
      mode: 'Incremental',
      expressionEvaluationOptions: { scope },
      template: { $schema: SCHEMA, contentVersion: '1.0.0.0', resources: [], ...template },
      ...properties,
    },
  };
}
