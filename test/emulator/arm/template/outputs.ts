import { copyCount, withTurn } from './copy.ts';
import type { Environment } from './environment.ts';
import {
  ExpressionError,
  expressionFailure,
  naming,
  partAt,
  RuntimeError,
  type TemplatePath,
  withHelp,
} from './errors.ts';
import { evaluateText } from './evaluator.ts';
import { isObject, type Json, keyOf, textOf, tokenType } from './json.ts';
import { expectedToken, fitsType, followReference, isSecure, type TypeName, typeNamed } from './parameter-types.ts';
import { missing, type Sections } from './structure.ts';
import { evaluateTree, known } from './tree.ts';
import type { ArmError, TypedValue } from './types.ts';

interface Output {
  name: string;
  path: TemplatePath;
  type: TypeName;
  nullable: boolean;
  written: Json;
}

/**
 * The outputs that a template declares.
 *
 * @throws {TemplateError} when one has no type, or an unknown one
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/outputs
 */
export function declareOutputs({ template, outputs, definitions }: Sections): Output[] {
  const section = keyOf(template, 'outputs') ?? 'outputs';
  return Object.entries(outputs).map(([name, value]) => {
    const path = [section, name];
    if (!isObject(value)) return missing(template, 'type', path);
    const written = followReference(value, definitions);
    const type = typeNamed(written.type);
    if (written.type === undefined) return missing(template, 'type', path);
    if (type === undefined) {
      const error = new ExpressionError(`The type '${textOf(written.type)}' is not supported`);
      throw expressionFailure(partAt(template, 'output', name, path), error, path);
    }
    if (written.value === undefined && written.copy === undefined) return missing(template, 'value', path);
    return { name, path, type, nullable: written.nullable === true, written };
  });
}

/** Evaluates outputs as far as validation can. @throws {TemplateError} when an expression is wrong */
export function checkOutputs(template: unknown, outputs: Output[], env: Environment): void {
  const leaf = known((text) => text);
  for (const output of outputs) {
    naming(
      () => partAt(template, 'output', output.name, output.path),
      output.path,
      () => {
        const { condition, value, copy } = output.written;
        if (typeof condition === 'string') evaluateText(condition, env);
        if (value !== undefined) evaluateTree(value, env, leaf);
        if (!isObject(copy)) return;
        const count = copyCount(copy.count, env, [...output.path, 'copy']);
        for (let index = 0; index < count; index += 1) {
          evaluateTree(copy.input, withTurn(env, output.name, index, true), leaf);
        }
      },
    );
  }
}

/** The outputs of a deployment that has run, or the error with one detail for each output that fails. */
export function resolveOutputs(
  outputs: Output[],
  env: Environment,
): { ok: true; outputs: Record<string, TypedValue> } | { ok: false; error: ArmError } {
  const values: Record<string, TypedValue> = {};
  const details: ArmError[] = [];
  for (const output of outputs) {
    try {
      const value = resolveOutput(output, env);
      if (value !== undefined) values[output.name] = value;
    } catch (error) {
      if (error instanceof RuntimeError) details.push({ ...error.error, target: output.name });
      else if (error instanceof ExpressionError) details.push(detailOf(output, error));
      else throw error;
    }
  }
  return details.length === 0 ? { ok: true, outputs: values } : { ok: false, error: failureOf(details) };
}

function resolveOutput({ type, nullable, written, name }: Output, env: Environment): TypedValue | undefined {
  const { condition, copy } = written;
  if (condition !== undefined && evaluateTree(condition, env) !== true) return undefined;
  const value = isObject(copy) ? resolveLoop(name, copy, env) : evaluateTree(written.value, env);
  if (!fitsType(type, value) && !(nullable && value === null)) {
    const kinds = `Expected '${expectedToken(type)}'. Actual '${tokenType(value)}'.`;
    throw new ExpressionError(withHelp(`Template output JToken type is not valid. ${kinds}`, 'arm-syntax-outputs'));
  }
  return isSecure(type) ? { type } : { type, value };
}

function resolveLoop(name: string, copy: Json, env: Environment): unknown[] {
  const turns = Array.from({ length: copyCount(copy.count, env) }, (_, index) => index);
  return turns.map((index) => evaluateTree(copy.input, withTurn(env, name, index, true)));
}

function detailOf({ name }: Output, error: ExpressionError): ArmError {
  const message = `The template output '${name}' is not valid: ${error.message}.`;
  return { code: 'DeploymentOutputEvaluationFailed', target: name, message };
}

/** A resource that is not there is answered as it is; anything else as an output that cannot be evaluated. */
function failureOf(details: ArmError[]): ArmError {
  const failed = details.filter(({ code }) => code === 'DeploymentOutputEvaluationFailed');
  if (failed.length === 0) return details[0]!;
  const names = details.map(({ target }) => target).join(',');
  const what = `Unable to evaluate template outputs: '${names}'. Please see error details and deployment operations.`;
  return { code: 'DeploymentOutputEvaluationFailed', message: withHelp(what, 'arm-debug'), details };
}
