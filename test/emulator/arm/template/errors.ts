import { isObject } from './json.ts';
import type { ArmError } from './types.ts';

/** The way from the root of a template to one of its values. */
export type TemplatePath = readonly (string | number)[];

/** A language expression that ARM cannot evaluate; whoever knows where it stands wraps the text. */
export class ExpressionError extends Error {}

/** An expression needs run-time state, which validation does not have. */
export class Deferred extends Error {}

/** A resource that an expression reads does not exist, or the like: ARM answers this error as it is. */
export class RuntimeError extends Error {
  readonly error: ArmError;

  constructor(error: ArmError) {
    super(error.message);
    this.error = error;
  }
}

/** ARM refuses the template or its parameters. */
export class TemplateError extends Error {
  readonly path: TemplatePath | undefined;
  readonly code: string;

  constructor(message: string, path?: TemplatePath, code = 'InvalidTemplate') {
    super(message);
    this.path = path;
    this.code = code;
  }
}

/** A template whose JSON does not have the form of a template. */
export function parseFailure(text: string, path?: TemplatePath): TemplateError {
  return new TemplateError(`Deployment template parse failed: '${text}'.`, path);
}

/** A template that has the form of one, but is wrong. */
export function validationFailure(text: string, path?: TemplatePath): TemplateError {
  return new TemplateError(`Deployment template validation failed: '${text}'.`, path);
}

/** Ends a sentence with the link that ARM adds to most messages. */
export function withHelp(text: string, page: string): string {
  return `${text} Please see https://aka.ms/${page} for usage details.`;
}

/** An expression of the template that fails: the message names what it belongs to, as in `template variable 'x'`. */
export function expressionFailure(what: string, error: ExpressionError, path?: TemplatePath): TemplateError {
  return validationFailure(withHelp(`The ${what} is not valid: ${error.message}.`, 'arm-functions'), path);
}

/**
 * Runs `work` and gives an expression that fails in it the name and place of what it belongs to. The words for that may
 * be a function, since the place takes time to find.
 *
 * @throws {TemplateError} in place of an {@link ExpressionError}
 */
export function naming<T>(what: string | (() => string), path: TemplatePath | undefined, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw expressionFailure(typeof what === 'string' ? what : what(), error, path);
  }
}

/**
 * The line and column of a value of the template, as a client writes it that sends compact JSON: always line 1. The
 * column counts from the start of the template, since nobody knows what came before it in the request.
 */
export function positionOf(template: unknown, path: TemplatePath): { line: number; column: number } {
  let column = 1;
  let value = template;
  for (const step of path) {
    column += 1;
    if (Array.isArray(value)) {
      for (const item of value.slice(0, Number(step))) column += JSON.stringify(item ?? null).length + 1;
      value = value[Number(step)];
    } else if (isObject(value)) {
      for (const [key, member] of Object.entries(value)) {
        column += JSON.stringify(key).length + 1;
        if (key === step) break;
        column += (JSON.stringify(member) ?? 'null').length + 1;
      }
      value = value[step];
    }
  }
  return { line: 1, column };
}

/** The place of a value in the words of a message: `at line '1' and column '57'`. */
export function placeOf(template: unknown, path: TemplatePath): string {
  const { line, column } = positionOf(template, path);
  return `at line '${line}' and column '${column}'`;
}

/** A part of a template with its place, as messages name it. */
export function partAt(template: unknown, kind: string, name: string, path: TemplatePath): string {
  return `template ${kind} '${name}' ${placeOf(template, path)}`;
}

/** A path as ARM writes it: `properties.template.resources[0].type`. */
function pathText(path: TemplatePath): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
  return `properties.template${steps.join('')}`;
}

/** The error that validate and PUT answer for a refused template. */
export function toArmError(template: unknown, { code, message, path }: TemplateError): ArmError {
  const at = path === undefined ? { line: 0, column: 0 } : positionOf(template, path);
  const info = {
    lineNumber: at.line,
    linePosition: at.column,
    path: path === undefined ? '' : pathText(path),
  };
  return { code, message, additionalInfo: [{ type: 'TemplateViolation', info }] };
}
