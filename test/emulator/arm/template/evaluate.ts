import { type Directory, explicitDependencies, fileResources, inOrder } from './dependencies.ts';
import { checkResource, templateResource } from './deployment-resource.ts';
import type { Environment } from './environment.ts';
import { TemplateError, toArmError } from './errors.ts';
import { nameBasedGuid } from './functions/hashes.ts';
import { checkOutputs, declareOutputs, resolveOutputs } from './outputs.ts';
import { bindParameters } from './parameters.ts';
import { expandResources, type Instance, providersOf } from './resources.ts';
import { liveResources, unreadResources } from './runtime.ts';
import { type Sections, takeApart } from './structure.ts';
import type { EvaluateTemplate, Evaluation } from './types.ts';
import { readUserFunctions } from './user-functions.ts';
import { readVariables } from './variables.ts';

type Input = Parameters<EvaluateTemplate>[0];

/**
 * Evaluates a template for a resource group as ARM does on `validate` and PUT: it is checked and taken apart at once, and
 * what needs the state of resources is evaluated when the caller has it. No input is changed, and the same input always
 * gives the same result.
 *
 * A refusal has the code `InvalidTemplate`; its positions suppose that the template was sent as compact JSON.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/syntax
 */
export const evaluateTemplate: EvaluateTemplate = (input) => {
  try {
    return evaluateOrThrow(input);
  } catch (error) {
    if (error instanceof TemplateError) return { ok: false, error: toArmError(input.template, error) };
    throw error;
  }
};

function evaluateOrThrow({ template, parameters: supplied, scope }: Input): Evaluation {
  const sections = takeApart(template);
  const { env, parameters } = environmentOf(sections, supplied, scope);
  const all = expandResources(sections, env);
  const directory = fileResources(sections, all);
  const deployed = all.filter((instance) => instance.deployed);
  const dependencies = new Map(deployed.map((instance) => [instance, dependenciesOf(template, instance, directory)]));
  const ordered = inOrder(deployed, dependencies);

  const declared = declareOutputs(sections);
  const outputEnv: Environment = { ...env, place: 'output' };
  const unread = unreadResources(directory, undefined, () => undefined);
  checkOutputs(template, declared, { ...outputEnv, resources: unread });

  return {
    ok: true,
    parameters: parameters.typed(),
    resources: ordered.map((instance) =>
      templateResource(template, instance, dependencies.get(instance) ?? [], directory),
    ),
    providers: providersOf(template),
    outputs: (read) => resolveOutputs(declared, { ...outputEnv, resources: liveResources(directory, undefined, read) }),
  };
}

/** What a resource waits for; on the way its expressions are checked, nested templates included. */
function dependenciesOf(template: unknown, instance: Instance, directory: Directory): Instance[] {
  const explicit = explicitDependencies(template, instance, directory);
  const { implied, nested } = checkResource(template, instance, directory);
  if (nested !== undefined) checkNested(nested);
  return [...new Set([...explicit, ...implied])];
}

function checkNested(nested: Input): void {
  try {
    evaluateOrThrow(nested);
  } catch (error) {
    // Its path leads through the nested template, not through the one that the caller sent.
    if (error instanceof TemplateError) throw new TemplateError(error.message, undefined, error.code);
    throw error;
  }
}

function environmentOf(sections: Sections, supplied: Input['parameters'], scope: Input['scope']) {
  const current = (): Environment => env;
  const userFunctions = readUserFunctions(sections, current);
  const variables = readVariables(sections, current);
  let guids = 0;
  const env: Environment = {
    place: 'resource',
    scope,
    template: sections.template,
    parameter: (name) => parameters.value(name),
    variable: (name) => variables.value(name),
    userFunction: (name) => userFunctions.get(name.toLowerCase()),
    newGuid() {
      guids += 1;
      return nameBasedGuid([scope.subscriptionId, scope.deploymentName, String(scope.nowMs), String(guids)]);
    },
    turns: [],
    locals: new Map(),
    resources: undefined,
  };
  const parameters = bindParameters(sections, supplied, current);
  parameters.check();
  variables.check();
  return { env, parameters };
}
