import fc from 'fast-check';
import { it } from 'vitest';
import { ConnectorError } from '../../../../src/lib/errors.ts';
import { parseExpression } from '../../../../src/workflows/azure/expression.ts';
import { readTemplate } from '../../../../src/workflows/azure/template.ts';
import { fillParameters } from '../../../../src/workflows/azure/template-parameters.ts';
import { NETWORK, nested, SCHEMA } from './build-template.ts';

/** Anything else than an error of ours would be taken for a bug, and tried again and again. */
function onlyOurErrors<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof ConnectorError) return undefined;
    throw error;
  }
}

const VALID = {
  $schema: SCHEMA,
  contentVersion: '1.0.0.0',
  definitions: { size: { type: 'string', allowedValues: ['S', 'M'] } },
  functions: [
    { namespace: 'n', members: { f: { parameters: [{ name: 'x', type: 'int' }], output: { value: '[a()]' } } } },
  ],
  parameters: {
    dnsPrefix: { type: 'string', minLength: 3, metadata: { description: 'a' } },
    size: { $ref: '#/definitions/size', defaultValue: 'S' },
    count: { type: 'int', minValue: 1, allowedValues: [1, 2], defaultValue: 1 },
    password: { type: 'secureString' },
    settings: { type: 'object', defaultValue: {} },
  },
  variables: { copy: [{ name: 'a', count: 1, input: 'b' }], c: "[variables('a')[0]]" },
  resources: [
    { ...NETWORK, copy: { name: 'x', count: 2 }, resources: [{ ...NETWORK, type: 'subnets' }] },
    nested(
      { parameters: { p: { type: 'secureString' } } },
      { parameters: { p: { value: "[parameters('password')]" } } },
    ),
  ],
  outputs: { name: { type: 'string', value: "[parameters('dnsPrefix')]" } },
};

const NASTY = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, '', '[]', '[', "[parameters('password')]", '__proto__', [], {}, [
    [],
  ]),
  fc.constantFrom<unknown>(
    { toString: 1, valueOf: 1 },
    [{ toString: null }],
    'constructor',
    'toString',
    '#/definitions/size',
    'secureString',
    {
      $ref: '#/definitions/size',
    },
  ),
  fc.jsonValue(),
);

/** Every place in a value, as a list of keys. */
function placesIn(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, child]) => placesIn(child, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

const places = placesIn(VALID);
const damaged = fc.array(fc.tuple(fc.nat(places.length - 1), NASTY), { minLength: 1, maxLength: 3 }).map((changes) =>
  changes.reduce<unknown>((template, [place, by]) => {
    // A former change may have taken the place away.
    try {
      return replaced(template, places[place] ?? [], by);
    } catch {
      return template;
    }
  }, VALID),
);

it('a template that was damaged anywhere is read, or refused with a flaw, but never breaks the reader', () => {
  fc.assert(
    fc.property(damaged, (template) => {
      onlyOurErrors(() => readTemplate(JSON.stringify(template)));
    }),
    { numRuns: 3_000 },
  );
});

it('any text at all is refused with a flaw', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.json());
  fc.assert(
    fc.property(text, (file) => onlyOurErrors(() => readTemplate(file)) === undefined),
    { numRuns: 500 },
  );
});

it('any expression is read, or refused with a flaw', () => {
  const pieces = fc.constantFrom(
    "'",
    "''",
    '(',
    ')',
    '[',
    ']',
    ',',
    '.',
    ' ',
    'a',
    'parameters',
    "'x'",
    '1',
    '-',
    '\n',
    'é',
  );
  const expression = fc.array(pieces, { maxLength: 40 }).map((parts) => `[${parts.join('')}]`);
  fc.assert(
    fc.property(expression, (text) => {
      onlyOurErrors(() => parseExpression(text, 'somewhere'));
    }),
    { numRuns: 3_000 },
  );
});

it('any choice of a customer fills a template, or is refused with a reason, whatever the template declares', () => {
  const type = fc.constantFrom('string', 'secureString', 'int', 'bool', 'array', 'object', 'secureObject');
  const limit = fc.option(fc.integer({ min: -3, max: 30 }), { nil: undefined });
  const declared = fc.record({ type, minLength: limit, maxLength: limit, minValue: limit, maxValue: limit });
  const name = fc.oneof(
    fc.constantFrom('dnsPrefix', 'location', 'tags', '__proto__', 'constructor', 'a_b'),
    fc.string(),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.integer().map(String),
    fc.constantFrom('true', ''),
  );
  fc.assert(
    fc.property(
      fc.dictionary(name, declared, { maxKeys: 5 }),
      fc.dictionary(name, text, { maxKeys: 5 }),
      fc.dictionary(name, fc.anything(), { maxKeys: 3 }),
      (parameters, chosen, system) => {
        const template = onlyOurErrors(() =>
          readTemplate(JSON.stringify({ ...VALID, ...ONLY_PARAMETERS, parameters })),
        );
        if (!template) return;
        const filled = onlyOurErrors(() =>
          fillParameters(template, {
            chosen,
            ownCodes: { DNS_PREFIX: 'dnsLabel' },
            system,
            generate: () => 'x'.repeat(20),
          }),
        );
        // Whatever is sent has a name that the template declares.
        const names = new Set(template.parameters.map((parameter) => parameter.name));
        for (const sent of Object.keys(filled?.parameters ?? {})) {
          if (!names.has(sent)) throw new Error(`${sent} is not declared`);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

const ONLY_PARAMETERS = { resources: [NETWORK], outputs: {} };
