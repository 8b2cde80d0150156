import type { Environment } from './environment.ts';
import { ExpressionError } from './errors.ts';
import { isExpression } from './expression.ts';
import { isObject, type Json } from './json.ts';
import { DEPLOYMENTS, type Instance } from './resources.ts';
import { evaluateTree, type Leaf } from './tree.ts';
import type { NestedDeployment, ParameterValue } from './types.ts';

/** The template inside a resource that is a deployment with one, as it is written. */
export function innerTemplate({ type, raw }: Instance): Json | undefined {
  if (type.toLowerCase() !== DEPLOYMENTS || !isObject(raw.properties)) return undefined;
  return isObject(raw.properties.template) ? raw.properties.template : undefined;
}

/** A nested deployment sees its own parameters in scope `inner`, those of the outer template otherwise. */
function isInner({ raw }: Instance): boolean {
  const properties = isObject(raw.properties) ? raw.properties : {};
  const options = isObject(properties.expressionEvaluationOptions) ? properties.expressionEvaluationOptions : {};
  return String(options.scope).toLowerCase() === 'inner';
}

/**
 * The input for a nested deployment. In scope `outer` its template is evaluated here and has no expressions left but
 * those of its own loops; in scope `inner` it stays as it is.
 *
 * @throws {ExpressionError} when an expression is wrong
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/linked-templates#expression-evaluation-scope-in-nested-templates
 */
export function nestedDeployment(instance: Instance, written: Json, env: Environment, leaf: Leaf): NestedDeployment {
  const properties = instance.raw.properties as Json;
  const parameters = evaluateTree(properties.parameters ?? {}, env, leaf) as Record<string, ParameterValue>;
  return {
    template: isInner(instance) ? written : evaluateTree(written, env, asLiteral(leaf)),
    parameters,
    scope: { ...instance.scope, deploymentName: instance.name },
  };
}

/** Evaluates for another template: what looks like an expression afterwards is a text there. */
function asLiteral(leaf: Leaf): Leaf {
  return (text, env) => {
    if (!isExpression(text)) return text;
    try {
      const value = leaf(text, env);
      if (value === text) return text;
      return typeof value === 'string' && value.startsWith('[') && value.endsWith(']') ? `[${value}` : value;
    } catch (error) {
      if (error instanceof ExpressionError && /\bcopyIndex\s*\(/i.test(text)) return text;
      throw error;
    }
  };
}
