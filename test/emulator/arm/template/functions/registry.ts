import type { BuiltIn } from './built-in.ts';
import { COLLECTION_FUNCTIONS } from './collections.ts';
import { DATE_FUNCTIONS } from './dates.ts';
import { ID_FUNCTIONS } from './ids.ts';
import { LAMBDA_FUNCTIONS } from './lambdas.ts';
import { NUMBER_FUNCTIONS } from './numbers.ts';
import { SCOPE_FUNCTIONS } from './scopes.ts';
import { LIST_FUNCTION, STATE_FUNCTIONS } from './state.ts';
import { STRING_FUNCTIONS } from './strings.ts';

const BUILT_INS = new Map<string, BuiltIn>(
  [
    COLLECTION_FUNCTIONS,
    DATE_FUNCTIONS,
    ID_FUNCTIONS,
    LAMBDA_FUNCTIONS,
    NUMBER_FUNCTIONS,
    SCOPE_FUNCTIONS,
    STATE_FUNCTIONS,
    STRING_FUNCTIONS,
  ].flatMap((functions) => Object.entries(functions).map(([name, builtIn]) => [name.toLowerCase(), builtIn])),
);

/** The function of that name, whatever its case; every name that begins with `list` is an operation of a resource. */
export function findBuiltIn(name: string): BuiltIn | undefined {
  const key = name.toLowerCase();
  return BUILT_INS.get(key) ?? (/^list\w+$/.test(key) ? LIST_FUNCTION : undefined);
}
