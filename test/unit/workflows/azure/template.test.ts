import { describe, expect, it } from 'vitest';
import { readTemplate } from '../../../../src/workflows/azure/template.ts';
import { flawOf, NETWORK, nested, read, SCHEMA, templateText } from './build-template.ts';

const secret = { type: 'secureString' };

describe('a template', () => {
  it('tells what it wants to know', () => {
    const { parameters } = read({
      parameters: {
        dnsPrefix: { type: 'String', minLength: 3, maxLength: 63, metadata: { description: 'First part.' } },
        count: { type: 'int', defaultValue: 2, minValue: 1, maxValue: 6, allowedValues: [1, 2, 6] },
        adminPassword: { type: 'securestring', minLength: 12 },
        settings: { type: 'secureObject', defaultValue: {} },
        note: { type: 'string', nullable: true },
      },
    });
    const plain = { secure: false, required: false };
    expect(parameters).toEqual([
      {
        ...plain,
        name: 'dnsPrefix',
        type: 'string',
        required: true,
        minLength: 3,
        maxLength: 63,
        description: 'First part.',
      },
      { ...plain, name: 'count', type: 'int', defaultValue: 2, allowedValues: [1, 2, 6], minValue: 1, maxValue: 6 },
      { name: 'adminPassword', type: 'string', secure: true, required: true, minLength: 12 },
      { name: 'settings', type: 'object', secure: true, required: false, defaultValue: {} },
      { ...plain, name: 'note', type: 'string' },
    ]);
  });

  it('tells what it will create and for what, with the providers to be registered, nested templates included', () => {
    const { resources, namespaces } = read({
      resources: [
        { ...NETWORK, resources: [{ ...NETWORK, type: 'subnets', name: 'web' }] },
        { ...NETWORK, type: 'Microsoft.Network/dnsZones/A', name: "[concat('a', '/@')]" },
        { ...NETWORK, type: 'microsoft.compute/virtualMachines', name: 'vm' },
        { ...NETWORK, type: 'Microsoft.Insights/components', name: 'insights' },
        nested({ resources: [{ ...NETWORK, type: 'Microsoft.DBforPostgreSQL/flexibleServers', name: 'db' }] }),
      ],
    });
    expect(resources).toEqual([
      { role: 'network', type: 'Microsoft.Network/virtualNetworks', name: 'network' },
      { role: 'network', type: 'Microsoft.Network/virtualNetworks/subnets', name: 'web' },
      { role: 'dns', type: 'Microsoft.Network/dnsZones/A', name: "[concat('a', '/@')]" },
      { role: 'application', type: 'microsoft.compute/virtualMachines', name: 'vm' },
      { role: 'other', type: 'Microsoft.Insights/components', name: 'insights' },
      { role: 'data', type: 'Microsoft.DBforPostgreSQL/flexibleServers', name: 'db' },
    ]);
    expect(namespaces).toEqual([
      'Microsoft.DBforPostgreSQL',
      'Microsoft.Insights',
      'Microsoft.Network',
      'microsoft.compute',
    ]);
  });

  it('is read as a compiler writes it, with symbolic names, defined types and existing resources', () => {
    const template = read({
      languageVersion: '2.0',
      definitions: {
        size: { type: 'string', allowedValues: ['S', 'M'] },
        chosenSize: { $ref: '#/definitions/size', metadata: { description: 'Size.' } },
      },
      parameters: { size: { $ref: '#/definitions/chosenSize', defaultValue: 'S' } },
      resources: { network: NETWORK, old: { ...NETWORK, existing: true, name: 'old' } },
      outputs: { size: { $ref: '#/definitions/size', value: "[parameters('size')]" } },
    });
    expect(template.parameters[0]).toMatchObject({ type: 'string', allowedValues: ['S', 'M'], description: 'Size.' });
    expect(template.resources.map(({ name }) => name)).toEqual(['network']);
    expect(template.outputs).toEqual([{ name: 'size', type: 'string' }]);
  });

  it('is sent as it was checked', () => {
    expect(JSON.stringify(readTemplate(templateText()).json)).toBe(templateText());
  });
});

it.each([
  ['no JSON', '{', 'template.not-json'],
  ['JSON with comments', '{\n  // a comment\n}', 'template.not-json'],
  ['nothing', '', 'template.not-json'],
  ['a list', '[]', 'template.malformed'],
  ['null', 'null', 'template.malformed'],
  ['no schema', '{"contentVersion":"1.0.0.0","resources":[]}', 'template.malformed'],
  ['more than 4 MB', `"${' '.repeat(4 * 1024 * 1024)}"`, 'template.too-large'],
  ['endless nesting', `${'{"a":['.repeat(50_000)}1${']}'.repeat(50_000)}`, 'template.limit-exceeded'],
])('is refused when the file holds %s', (_what, text, code) => {
  expect(() => readTemplate(text)).toThrow(expect.objectContaining({ code }));
});

it('says where the JSON ends, and nothing of what it says', () => {
  expect(() => readTemplate('{\n  "password": "hunter2" oops }')).toThrow(/line 2 column \d+/);
  expect(() => readTemplate('{\n  "password": "hunter2" oops }')).not.toThrow(/hunter2/);
});

describe.each<[string, string, [what: string, parts: object][]]>([
  [
    'template.malformed',
    'its form',
    [
      ['the schema of a subscription', { $schema: SCHEMA.replace('deployment', 'subscriptionDeployment') }],
      ['a schema of somebody else', { $schema: 'https://example.com/2019-04-01/deploymentTemplate.json#' }],
      ['no version', { contentVersion: undefined }],
      ['no resources', { resources: undefined }],
      ['a text for resources', { resources: 'none' }],
      ['a number among the resources', { resources: [1] }],
      ['a resource without a type', { resources: [{ ...NETWORK, type: undefined }] }],
      ['a resource without a name', { resources: [{ ...NETWORK, name: undefined }] }],
      ['a type that is made up while it runs', { resources: [{ ...NETWORK, type: "[concat('a', 'b')]" }] }],
      ['a type without a provider', { resources: [{ ...NETWORK, type: 'virtualNetworks' }] }],
      ['a list of parameters', { parameters: [] }],
      ['a parameter without a type', { parameters: { a: {} } }],
      ['a parameter of an unknown type', { parameters: { a: { type: 'float' } } }],
      ['a parameter whose type every object knows', { parameters: { a: { type: 'constructor' } } }],
      ['a parameter that is a text', { parameters: { a: 'string' } }],
      ['no allowed value', { parameters: { a: { type: 'string', allowedValues: [] } } }],
      ['computed allowed values', { parameters: { a: { type: 'string', allowedValues: '[createArray()]' } } }],
      ['half a length', { parameters: { a: { type: 'string', minLength: 1.5 } } }],
      ['names that differ in case only', { parameters: { a: { type: 'int' }, A: { type: 'int' } } }],
      ['a field twice, in another case', { Resources: [] }],
      ['an unknown definition', { parameters: { a: { $ref: '#/definitions/toString' } } }],
      [
        'a definition of itself',
        { definitions: { a: { $ref: '#/definitions/a' } }, parameters: { a: { $ref: '#/definitions/a' } } },
      ],
      ['an output without a type', { outputs: { a: { value: 'b' } } }],
      ['a loop without a name', { variables: { copy: [{ count: 2 }] } }],
      ['a nested template that deletes what it does not name', { resources: [nested({}, { mode: 'Complete' })] }],
    ],
  ],
  [
    'template.limit-exceeded',
    "Azure's limits",
    [
      ['257 parameters', { parameters: many(257, () => ({ type: 'int' })) }],
      ['257 variables', { variables: many(257, () => 1) }],
      ['65 outputs', { outputs: many(65, () => ({ type: 'int', value: 1 })) }],
      ['801 resources', { resources: Array(801).fill(NETWORK) }],
      ['templates in templates in templates', { resources: [nestedLevels(11)] }],
      ['801 copies', { resources: [{ ...NETWORK, copy: { name: 'a', count: 801 } }] }],
      ['an expression of 24,577 characters', { variables: { a: `['${'b'.repeat(24_573)}']` } }],
    ],
  ],
  [
    'template.expression-invalid',
    'expressions that cannot be read',
    [
      ['a variable', { variables: { a: '[concat(]' } }],
      ['a default', { parameters: { a: { type: 'string', defaultValue: '[concat(]' } } }],
      ['a resource', { resources: [{ ...NETWORK, tags: { a: ['[b]'] } }] }],
      ['the name of a field', { resources: [{ ...NETWORK, tags: { '[concat(]': 'a' } }] }],
      ['an output', { outputs: { a: { type: 'string', value: '[concat(]' } } }],
      ['a nested template', { resources: [nested({ variables: { a: '[concat(]' } })] }],
    ],
  ],
  [
    'template.name-unknown',
    'names that are not declared',
    [
      ['in a resource', { resources: [{ ...NETWORK, name: "[parameters('a')]" }] }],
      ['in a child', { resources: [{ ...NETWORK, resources: [{ ...NETWORK, type: 'b', name: "[variables('a')]" }] }] }],
      ['in a default', { parameters: { b: { type: 'string', defaultValue: "[parameters('a')]" } } }],
      ['in a variable', { variables: { b: { c: ["[variables('a')]"] } } }],
      ['in an output', { outputs: { b: { type: 'string', value: "[variables('a')]" } } }],
      [
        'in what is handed to a nested template',
        { resources: [nested({}, { parameters: { b: { value: "[variables('a')]" } } })] },
      ],
      [
        'in a variable of the outer scope',
        { resources: [nested({ variables: { b: "[parameters('a')]" } }, { scope: 'outer' })] },
      ],
      [
        'in a nested template, where those of the outer one do not count',
        {
          parameters: { a: { type: 'string' } },
          resources: [nested({ resources: [{ ...NETWORK, name: "[parameters('a')]" }] })],
        },
      ],
      [
        'in a nested template of the outer scope, where its own do not count',
        {
          resources: [
            nested({ variables: { a: 1 }, resources: [{ ...NETWORK, name: "[variables('a')]" }] }, { scope: 'outer' }),
          ],
        },
      ],
      [
        'in a function, which knows its own parameters only',
        {
          parameters: { a: { type: 'string' } },
          functions: [{ namespace: 'n', members: { f: { output: { type: 'string', value: "[parameters('a')]" } } } }],
        },
      ],
    ],
  ],
  [
    'template.secret-exposed',
    'secrets that everybody could read',
    [
      ['a default', { parameters: { a: { type: 'secureString', defaultValue: 'hunter2' } } }],
      ['a computed default', { parameters: { a: { type: 'secureString', defaultValue: "[concat('hunt', 'er2')]" } } }],
      ['fields of a default', { parameters: { a: { type: 'secureObject', defaultValue: { b: 'hunter2' } } } }],
      ['allowed values', { parameters: { a: { type: 'secureString', allowedValues: ['hunter2'] } } }],
      ['a secret output', { outputs: { a: { type: 'secureString', value: '' } } }],
      ['a secret in an output', { parameters: { a: secret }, outputs: output("[parameters('A')]") }],
      ['a part of a secret', { parameters: { a: secret }, outputs: output("[concat('x', take(parameters('a'), 3))]") }],
      ['a computed name', { parameters: { a: secret }, outputs: output("[parameters(concat('', 'a'))]") }],
      ['a key of a resource', { outputs: output("[listKeys('a', '2024-01-01').keys[0].value]") }],
      [
        'a secret behind variables',
        {
          parameters: { a: secret },
          variables: { d: "[variables('c')]", b: "[parameters('a')]", c: { x: ["[variables('b')]"] } },
          outputs: output("[variables('d').x]"),
        },
      ],
      [
        'a default of something that is no secret',
        { parameters: { a: secret, b: { type: 'string', defaultValue: "[parameters('a')]" } } },
      ],
      [
        'an output of a nested template',
        { resources: [nested({ parameters: { a: secret }, outputs: output("[parameters('a')]") })] },
      ],
      [
        'a nested template of the outer scope',
        {
          parameters: { a: secret },
          resources: [nested({ resources: [{ ...NETWORK, tags: { b: "[parameters('a')]" } }] }, { scope: 'outer' })],
        },
      ],
      [
        'a value handed to a nested template that does not take it for a secret',
        {
          parameters: { a: secret },
          resources: [
            nested({ parameters: { b: { type: 'string' } } }, { parameters: { b: { value: "[parameters('a')]" } } }),
          ],
        },
      ],
    ],
  ],
  [
    'template.type-forbidden',
    'what an order must not create',
    [
      ...[
        'Microsoft.Authorization/roleAssignments',
        'microsoft.authorization/LOCKS',
        'Microsoft.Authorization/policyAssignments',
        'Microsoft.Storage/storageAccounts/providers/roleAssignments',
        'Microsoft.Resources/deploymentScripts',
        'Microsoft.Resources/deploymentStacks',
        'Microsoft.Resources/resourceGroups',
        'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
        'Microsoft.ManagedServices/registrationDefinitions',
        'Microsoft.Management/managementGroups',
        'Microsoft.Subscription/aliases',
        'Microsoft.Capacity/reservationOrders',
        'Microsoft.SaaS/resources',
        'Microsoft.MarketplaceOrdering/offerTypes/publishers/offers/plans/agreements',
      ].map((type): [string, object] => [type, { resources: [{ ...NETWORK, type }] }]),
      [
        'a type in another field',
        { resources: [{ ...NETWORK, type: undefined, Type: 'Microsoft.Authorization/locks' }] },
      ],
      ['a child', { resources: [{ ...NETWORK, resources: [{ ...NETWORK, type: 'Microsoft.Authorization/locks' }] }] }],
      ['a child of a provider', { resources: [{ ...NETWORK, resources: [{ ...NETWORK, type: 'providers/locks' }] }] }],
      ['a nested one', { resources: [nested({ resources: [{ ...NETWORK, type: 'Microsoft.Authorization/locks' }] })] }],
      ['things outside Azure', { imports: { graph: { provider: 'MicrosoftGraph' } } }],
      ['an import', { resources: [{ ...NETWORK, import: 'graph' }] }],
      ['a thing outside Azure', { resources: [{ ...NETWORK, extension: 'graph' }] }],
    ],
  ],
  [
    'template.linked',
    'files that nobody has checked',
    [
      ['a link', { resources: [nested({}, { templateLink: { uri: 'https://example.com/a.json' } })] }],
      [
        'a relative link',
        { resources: [nested({}, { template: undefined, templateLink: { relativePath: 'a.json' } })] },
      ],
      ['linked parameters', { resources: [nested({}, { parametersLink: { uri: 'https://example.com/a.json' } })] }],
      ['a computed template', { variables: { a: {} }, resources: [nested({}, { template: "[variables('a')]" })] }],
      ['no template', { resources: [nested({}, { template: undefined })] }],
    ],
  ],
  [
    'template.cross-scope',
    'what lies beyond the resource group',
    [
      ['another subscription', { resources: [{ ...nested({}), subscriptionId: 'a' }] }],
      ['another group', { resources: [{ ...nested({}), resourceGroup: 'a' }] }],
      ['the tenant', { resources: [{ ...nested({}), scope: '/' }] }],
      ['a resource of another group', { resources: [{ ...NETWORK, existing: true, resourceGroup: 'a' }] }],
      ['a setting of the subscription', { resources: [{ ...NETWORK, scope: '/subscriptions/a' }] }],
      ['a setting of a computed subscription', { resources: [{ ...NETWORK, scope: '[subscription().id]' }] }],
    ],
  ],
  [
    'template.api-version',
    'versions that are not written out',
    [
      ['none', { resources: [{ ...NETWORK, apiVersion: undefined }] }],
      [
        'a parameter',
        { parameters: { v: { type: 'string' } }, resources: [{ ...NETWORK, apiVersion: "[parameters('v')]" }] },
      ],
      ['a word', { resources: [{ ...NETWORK, apiVersion: 'latest' }] }],
    ],
  ],
])('%s', (code, what, cases) => {
  it.each(cases)(`refuses ${what}: %s`, (_case, parts) => {
    const found = flawOf(parts);
    expect(found.code, found.message).toBe(code);
    expect(found.message).toMatch(/^The template cannot be deployed: .* \(at .+\)\. Correct the template\./);
    expect(found.message).not.toContain('hunter2');
  });
});

it.each<[string, object]>([
  ['a random default of a secret', { parameters: { a: { type: 'secureString', defaultValue: '[newGuid()]' } } }],
  ['an empty default of a secret', { parameters: { a: { type: 'secureString', defaultValue: '' } } }],
  [
    'a secret that defaults to another',
    { parameters: { a: secret, b: { type: 'secureString', defaultValue: "[parameters('a')]" } } },
  ],
  [
    'a secret handed to a nested template that takes it for one',
    {
      parameters: { a: secret },
      resources: [nested({ parameters: { B: secret } }, { parameters: { b: { value: "[parameters('a')]" } } })],
    },
  ],
  [
    'a nested template of the outer scope',
    {
      variables: { a: 'b' },
      resources: [nested({ resources: [{ ...NETWORK, name: "[variables('a')]" }] }, { scope: 'outer' })],
    },
  ],
  [
    'names in another case',
    { parameters: { dnsPrefix: { type: 'string' } }, variables: { a: "[parameters('DNSPREFIX')]" } },
  ],
  ['templates in templates', { resources: [nestedLevels(10)] }],
  ['loops of variables', { variables: { copy: [{ name: 'a', count: 2, input: 'b' }], c: "[variables('a')[0]]" } }],
  ['variables under computed names', { variables: { sizeS: 1, a: "[variables(concat('size', 'S'))]" } }],
  [
    'functions of its own',
    {
      functions: [
        {
          namespace: 'n',
          members: {
            f: {
              parameters: [{ name: 'x', type: 'string' }],
              output: { type: 'string', value: "[concat(parameters('x'), 'y')]" },
            },
          },
        },
      ],
      variables: { a: "[n.f('z')]" },
    },
  ],
  ['names with a quote', { variables: { "it's": 1, a: "[variables('it''s')]" } }],
  ['texts in brackets', { variables: { a: '[[no expression]', b: '[no expression' } }],
  ['an identity of a resource itself', { resources: [{ ...NETWORK, identity: { type: 'SystemAssigned' } }] }],
  ['settings of a resource', { resources: [{ ...NETWORK, scope: "[resourceId('Microsoft.Network/a', 'b')]" }] }],
])('takes %s', (_what, parts) => {
  expect(() => read(parts)).not.toThrow();
});

function nestedLevels(count: number): object {
  return nested(count === 1 ? {} : { resources: [nestedLevels(count - 1)] });
}

function many(count: number, value: () => unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, value()]));
}

function output(value: string): object {
  return { b: { type: 'string', value } };
}
