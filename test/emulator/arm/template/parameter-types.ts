import { isObject, type Json, memberOf, tokenType } from './json.ts';

/** The types of parameters and outputs as ARM spells them in answers. */
export type TypeName = 'String' | 'SecureString' | 'Int' | 'Bool' | 'Array' | 'Object' | 'SecureObject';

const TYPES: Record<string, { name: TypeName; token: string }> = {
  string: { name: 'String', token: 'String, Uri' },
  securestring: { name: 'SecureString', token: 'String, Uri' },
  int: { name: 'Int', token: 'Integer' },
  bool: { name: 'Bool', token: 'Boolean' },
  array: { name: 'Array', token: 'Array' },
  object: { name: 'Object', token: 'Object' },
  secureobject: { name: 'SecureObject', token: 'Object' },
};

/** The type that a template writes, whatever its case. */
export function typeNamed(written: unknown): TypeName | undefined {
  return typeof written === 'string' ? TYPES[written.toLowerCase()]?.name : undefined;
}

/** What kind of value a type takes, in the words of ARM's messages. */
export function expectedToken(type: TypeName): string {
  return TYPES[type.toLowerCase()]?.token ?? type;
}

export function fitsType(type: TypeName, value: unknown): boolean {
  return expectedToken(type).split(', ').includes(tokenType(value));
}

export function isSecure(type: TypeName): boolean {
  return type.startsWith('Secure');
}

/**
 * A declaration with the members of the user-defined type that its `$ref` names, its own members first.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/definitions
 */
export function followReference(declaration: Json, definitions: Json, depth = 0): Json {
  const { $ref, ...own } = declaration;
  if (typeof $ref !== 'string' || depth > 20) return declaration;
  const definition = memberOf(definitions, $ref.replace(/^#\/definitions\//, ''));
  return isObject(definition) ? { ...followReference(definition, definitions, depth + 1), ...own } : own;
}
