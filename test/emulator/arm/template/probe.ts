import { evaluateTemplate } from './evaluate.ts';
import type { Json } from './json.ts';
import type { ArmError, DeploymentScope, Evaluation, ParameterValue, ReadResource, TemplateResource } from './types.ts';

export const SCOPE: DeploymentScope = {
  tenantId: '7c1e4d52-0d65-4f0e-9a53-2a1f6a9c1b11',
  subscriptionId: '3b9f0c1d-2e4f-4a6b-8c7d-9e0f1a2b3c4d',
  subscriptionName: 'Panificio Aurora',
  resourceGroup: { name: 'mp-ord-000417', location: 'westeurope', tags: { orderId: 'ord-000417' } },
  deploymentName: 'mp-oi-000417-1-a1',
  nowMs: Date.parse('2026-11-22T09:14:20Z'),
};

export const GROUP = `/subscriptions/${SCOPE.subscriptionId}/resourceGroups/${SCOPE.resourceGroup.name}`;

/** A template with the sections given and nothing else. */
export function templateOf(sections: Json): Json {
  return {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    resources: [],
    ...sections,
  };
}

/** A disk: the smallest resource there is, in the form of a template. */
export function disk(name: string, more: Json = {}): Json {
  return {
    type: 'Microsoft.Compute/disks',
    apiVersion: '2024-03-02',
    name,
    location: 'westeurope',
    properties: {},
    ...more,
  };
}

export function diskId(name: string): string {
  return `${GROUP}/providers/Microsoft.Compute/disks/${name}`;
}

/** Evaluates a template that has to be accepted. */
export function accept(sections: Json, parameters: Record<string, ParameterValue> = {}): Evaluation {
  const result = evaluateTemplate({ template: templateOf(sections), parameters, scope: SCOPE });
  if (!result.ok) throw new Error(result.error.message);
  return result;
}

/** The error of a template that has to be refused. */
export function refuse(sections: Json, parameters: Record<string, ParameterValue> = {}): ArmError {
  const result = evaluateTemplate({ template: templateOf(sections), parameters, scope: SCOPE });
  if (result.ok) throw new Error('the template is accepted');
  return result.error;
}

/** The value of one expression, as a template with those sections has it in a variable. */
export function resultOf(expression: unknown, sections: Json = {}): unknown {
  const variables = { ...(sections.variables as Json | undefined), probe: expression };
  const template = {
    ...sections,
    variables,
    resources: [disk('probe', { properties: { probe: "[variables('probe')]" } })],
  };
  const { properties } = bodyOf(accept(template).resources[0]!);
  return (properties as Json).probe;
}

/** What a resource sends, which has to be evaluated without error. */
export function bodyOf(resource: TemplateResource, read: ReadResource = () => undefined): Json {
  const result = resource.resolve(read);
  if (!result.ok) throw new Error(result.error.message);
  return result.body;
}

/** The values of all outputs. */
export function outputsOf(evaluation: Evaluation, read: ReadResource = () => undefined): Json {
  const result = evaluation.outputs(read);
  if (!result.ok) throw new Error(result.error.message);
  return Object.fromEntries(Object.entries(result.outputs).map(([name, { value }]) => [name, value]));
}
