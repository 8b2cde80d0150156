import { copyCount, propertyLoops, withTurn } from './copy.ts';
import type { Environment } from './environment.ts';
import { ExpressionError, naming, type TemplatePath, withHelp } from './errors.ts';
import { keyOf } from './json.ts';
import type { Sections } from './structure.ts';
import { evaluateTree } from './tree.ts';

/** The variables of a template, evaluated when first asked for. */
export interface Variables {
  /** @throws {ExpressionError} when there is none of that name */
  value(name: string): unknown;
  /** Evaluates them all, as validation does. @throws {TemplateError} when one is wrong */
  check(): void;
}

/**
 * Reads the variables of a template, those of its `copy` loops included.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/variables
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/copy-variables
 */
export function readVariables(sections: Sections, environment: () => Environment): Variables {
  const { template, variables } = sections;
  const section = keyOf(template, 'variables') ?? 'variables';
  const sources = new Map<string, { name: string; path: TemplatePath; evaluate: () => unknown }>();
  const values = new Map<string, unknown>();
  const underWay = new Set<string>();
  const env = (): Environment => ({ ...environment(), place: 'variable' });

  const loops = propertyLoops(variables) ?? [];
  for (const [name, source] of Object.entries(variables)) {
    if (name === 'copy' && loops.length > 0) continue;
    sources.set(name.toLowerCase(), { name, path: [section, name], evaluate: () => evaluateTree(source, env()) });
  }
  for (const [at, { name, count, input }] of loops.entries()) {
    const path = [section, 'copy', at];
    const evaluate = (): unknown[] => {
      const turns = Array.from({ length: copyCount(count, env(), path) }, (_, index) => index);
      return turns.map((index) => evaluateTree(input, withTurn(env(), name, index, false)));
    };
    sources.set(name.toLowerCase(), { name, path, evaluate });
  }

  function value(name: string): unknown {
    const key = name.toLowerCase();
    if (values.has(key)) return values.get(key);
    const source = sources.get(key);
    if (source === undefined) {
      throw new ExpressionError(withHelp(`The template variable '${name}' is not found.`, 'arm-syntax-variables'));
    }
    if (underWay.has(key)) throw new ExpressionError(`The template variable '${source.name}' refers to itself.`);
    underWay.add(key);
    const result = naming(`template variable '${source.name}'`, source.path, source.evaluate);
    values.set(key, result);
    return result;
  }

  return {
    value,
    check() {
      for (const { name } of sources.values()) value(name);
    },
  };
}
