import { describe, expect, it } from 'vitest';
import type { Json } from './json.ts';
import { accept, bodyOf, disk, diskId, GROUP, refuse } from './probe.ts';
import type { Evaluation } from './types.ts';

function order({ resources }: Evaluation): string[] {
  return resources.map(({ name }) => name);
}

function waitsFor({ resources }: Evaluation, name: string): string[] {
  const dependsOn = resources.find((resource) => resource.name === name)?.dependsOn ?? [];
  return dependsOn.map((id) => id.split('/').at(-1)!);
}

describe('resources', () => {
  it('have ids of their resource group, of their parent, or of the scope they extend', () => {
    const lock = { type: 'Microsoft.Authorization/locks', apiVersion: '2020-05-01', name: 'keep', scope: diskId('d') };
    const subnet = { type: 'subnets', apiVersion: '2024-05-01', name: 'app' };
    const vnet = {
      type: 'Microsoft.Network/virtualNetworks',
      apiVersion: '2024-05-01',
      name: 'v',
      resources: [subnet],
    };
    const assignment = {
      type: 'Microsoft.Compute/disks/providers/locks',
      apiVersion: '2020-05-01',
      name: 'd/Microsoft.Authorization/l',
    };
    const evaluation = accept({ resources: [disk('d'), lock, vnet, assignment] });
    expect(evaluation.resources.map(({ id }) => id)).toEqual([
      diskId('d'),
      `${diskId('d')}/providers/Microsoft.Authorization/locks/keep`,
      `${GROUP}/providers/Microsoft.Network/virtualNetworks/v`,
      `${GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/app`,
      `${diskId('d')}/providers/Microsoft.Authorization/locks/l`,
    ]);
    expect(evaluation.providers).toEqual(['Microsoft.Compute', 'Microsoft.Authorization', 'Microsoft.Network']);
  });

  it('send what they are made of, evaluated, without what only ARM needs', () => {
    const more = {
      comments: 'for the shop',
      tags: { "[toLower('ENV')]": '[resourceGroup().name]' },
      plan: '[null()]',
      zones: ['1'],
      properties: { size: '[mul(4, 8)]', none: '[null()]', text: '[[literal]' },
    };
    expect(bodyOf(accept({ resources: [disk('d', more)] }).resources[0]!)).toEqual({
      location: 'westeurope',
      tags: { env: 'mp-ord-000417' },
      zones: ['1'],
      properties: { size: 32, none: null, text: '[literal]' },
    });
  });

  it('in a loop are repeated, and can be waited for one by one or all together', () => {
    const loop = disk("[format('d{0}', copyIndex(1))]", { copy: { name: 'disks', count: "[parameters('count')]" } });
    const last = disk('last', { dependsOn: ['disks'] });
    const second = disk('second', { dependsOn: ["[resourceId('Microsoft.Compute/disks', 'd2')]"] });
    const parameters = { count: { type: 'int' } };
    const evaluation = accept({ parameters, resources: [last, second, loop] }, { count: { value: 2 } });
    expect(order(evaluation)).toEqual(['d1', 'd2', 'last', 'second']);
    expect(waitsFor(evaluation, 'last')).toEqual(['d1', 'd2']);
    expect(waitsFor(evaluation, 'second')).toEqual(['d2']);
    expect(order(accept({ parameters, resources: [last, loop] }, { count: { value: 0 } }))).toEqual(['last']);
  });

  it('in a serial loop wait for the batch before', () => {
    const copy = { name: 'disks', count: 4, mode: 'serial', batchSize: 2 };
    const evaluation = accept({ resources: [disk("[concat('d', copyIndex())]", { copy })] });
    expect(waitsFor(evaluation, 'd1')).toEqual([]);
    expect(waitsFor(evaluation, 'd3')).toEqual(['d0', 'd1']);
  });

  it('repeat properties in loops of their own, within the loop of the resource', () => {
    const inner = {
      name: 'rules',
      count: 2,
      input: { name: "[format('{0}-{1}', copyIndex(), copyIndex('rules', 5))]" },
    };
    const copy = { name: 'disks', count: 2 };
    const { resources } = accept({
      resources: [disk("[concat('d', copyIndex())]", { copy, properties: { copy: [inner] } })],
    });
    expect(bodyOf(resources[1]!).properties).toEqual({ rules: [{ name: '1-5' }, { name: '1-6' }] });
  });

  it('of variables repeat as well', () => {
    const variables = { copy: [{ name: 'names', count: 3, input: "[concat('n', copyIndex('names'))]" }] };
    const { resources } = accept({ variables, resources: [disk("[join(variables('names'), '-')]")] });
    expect(resources[0]!.name).toBe('n0-n1-n2');
  });

  it('whose condition is false are left out, and nobody waits for them', () => {
    const skipped = disk('skipped', {
      condition: '[equals(1, 2)]',
      resources: [{ type: 'parts', apiVersion: '1', name: 'x' }],
    });
    const evaluation = accept({ resources: [skipped, disk('d', { dependsOn: ['skipped'] })] });
    expect(order(evaluation)).toEqual(['d']);
    expect(waitsFor(evaluation, 'd')).toEqual([]);
    expect(evaluation.providers).toEqual(['Microsoft.Compute']);
  });

  it.each([
    ['by name', "[reference('first').size]"],
    ['by id without an API version', `[reference('${diskId('FIRST')}').size]`],
    ['in both branches of a condition not yet known', "[if(equals(reference('other').x, 1), reference('first').a, 1)]"],
    ['by a list function', "[listKeys('first', '2024-03-02').primaryKey]"],
  ])('come first when another refers to them %s', (_, size) => {
    const resources = [disk('second', { properties: { size } }), disk('other'), disk('first')];
    expect(waitsFor(accept({ resources }), 'second')).toContain('first');
  });

  it('are not implied by an id with an API version', () => {
    const resources = [
      disk('second', { properties: { size: `[reference('${diskId('first')}', '2024-03-02').size]` } }),
      disk('first'),
    ];
    expect(waitsFor(accept({ resources }), 'second')).toEqual([]);
  });

  it('see the state of others when they run: properties, the whole, and keys', () => {
    const properties = {
      size: "[reference('first').size]",
      kind: "[reference('first', '2024-03-02', 'Full').kind]",
      known: "[first(listNames('first', '2024-03-02'))]",
      key: "[listKeys('first', '2024-03-02').keys[0].value]",
    };
    const [, second] = accept({ resources: [disk('first'), disk('second', { properties })] }).resources;
    const state = { id: diskId('first'), kind: 'ssd', properties: { size: 32 }, listNames: ['a'] };
    const body = bodyOf(second!, (id) => (id === diskId('first') ? state : undefined)).properties as Json;
    expect(body).toMatchObject({ size: 32, kind: 'ssd', known: 'a' });
    expect(String(body.key)).toMatch(/^[A-Za-z0-9+/]{86}==$/);
  });

  it('fail while they run when what they read is missing', () => {
    const size = "[reference('first').size]";
    const [, second] = accept({ resources: [disk('first'), disk('second', { properties: { size } })] }).resources;
    expect(second!.resolve(() => undefined)).toMatchObject({
      ok: false,
      error: {
        code: 'ResourceNotFound',
        message:
          "The Resource 'Microsoft.Compute/disks/first' under resource group 'mp-ord-000417' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
      },
    });
    const result = second!.resolve(() => ({ properties: { other: 1 } }));
    expect(result.ok ? '' : result.error.message).toMatch(
      /^Unable to process template language expressions for resource '.*\/disks\/second' at line '1' and column '\d+'\. 'The language expression property 'size' doesn't exist, available properties are 'other'\.'$/,
    );
  });

  it('go by symbolic names in language version 2.0, existing ones being read only', () => {
    const resources = {
      old: disk('old', { existing: true }),
      all: disk("[concat('d', copyIndex())]", { copy: { name: 'loop', count: 2 } }),
      last: disk('last', {
        dependsOn: ['all', 'old'],
        properties: { size: "[reference('old').size]", id: "[resourceInfo('all[1]').id]" },
      }),
      one: disk('one', { properties: { size: "[reference('all[1]').size]", all: "[length(references('all'))]" } }),
    };
    const evaluation = accept({ languageVersion: '2.0', resources });
    expect(order(evaluation)).toEqual(['d0', 'd1', 'last', 'one']);
    expect(waitsFor(evaluation, 'last')).toEqual(['d0', 'd1']);
    expect(waitsFor(evaluation, 'one')).toEqual(expect.arrayContaining(['d0', 'd1']));
    const read = (id: string): Json => ({ properties: { size: id.length } });
    expect(bodyOf(evaluation.resources[2]!, read).properties).toEqual({ size: diskId('old').length, id: diskId('d1') });
    expect(bodyOf(evaluation.resources[3]!, read).properties).toEqual({ size: diskId('d1').length, all: 2 });
  });
});

describe('a template is refused when', () => {
  it.each<[string, unknown[], string]>([
    [
      'a dependency is not in it',
      [disk('a', { dependsOn: [diskId('b')] })],
      "The resource 'Microsoft.Compute/disks/b' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details.",
    ],
    [
      'resources wait in a circle',
      [disk('a', { dependsOn: ['b'] }), disk('b', { dependsOn: ['a'] })],
      `Circular dependency detected on resource: '${diskId('a')}'. Please see https://aka.ms/arm-syntax-resources for usage details.`,
    ],
    [
      'a reference closes a circle',
      [disk('a', { dependsOn: ['b'] }), disk('b', { properties: { x: "[reference('a')]" } })],
      'Circular dependency detected on resource',
    ],
    [
      'a resource refers to itself',
      [disk('a', { properties: { x: "[reference('a')]" } })],
      "The template resource 'a' cannot reference itself.",
    ],
    ['a resource occurs twice', [disk('a'), disk('A')], 'is defined multiple times in a template'],
    [
      'a name has too many segments',
      [disk('a/b')],
      "The template resource 'a/b' for type 'Microsoft.Compute/disks' at line '1' and column",
    ],
    ['a name is empty', [disk('')], 'is not valid. The name property cannot be null or empty.'],
    [
      'an API version is missing',
      [{ type: 'Microsoft.Compute/disks', name: 'a' }],
      "Deployment template parse failed: 'Required property 'apiVersion' not found in JSON. Path 'resources[0]', line 1, position",
    ],
    ['a condition is no boolean', [disk('a', { condition: '[string(1)]' })], "The condition must be of type 'Boolean'"],
    [
      'a loop is negative',
      [disk('a', { copy: { name: 'l', count: -1 } })],
      "has an invalid copy count. The copy count must be a positive integer value and cannot exceed '800'.",
    ],
    [
      'a nested resource has a loop',
      [disk('a', { resources: [{ type: 'x', apiVersion: '1', name: 'b', copy: { name: 'l', count: 1 } }] })],
      'Copying nested resources is not supported.',
    ],
    [
      'a name needs run-time state',
      [disk("[reference('x').name]")],
      "The template function 'reference' is not expected at this location.",
    ],
    [
      'the count of a loop needs run-time state',
      [disk('a', { properties: { copy: [{ name: 'l', count: "[reference('x').y]", input: 1 }] } })],
      "The template function 'reference' is not expected at this location.",
    ],
    [
      'a property has a wrong expression',
      [disk('a', { properties: { x: ["[parameters('nope')]"] } })],
      "The template resource 'a' at line '1' and column",
    ],
    [
      'an expression is wrong beside one that needs run-time state',
      [disk('b'), disk('a', { properties: { x: "[concat(reference('b').x, parameters('nope'))]" } })],
      "The template parameter 'nope' is not found.",
    ],
    [
      'a reference leads nowhere',
      [disk('a', { properties: { x: "[reference('b').x]" } })],
      "The template reference 'b' is not valid: could not find template resource or resource copy with this name.",
    ],
    [
      'a foreign id has no API version',
      [disk('a', { properties: { x: `[reference('${diskId('b')}').x]` } })],
      'requires an API version',
    ],
    [
      'there are more than 800 resources',
      [disk("[concat('a', copyIndex())]", { copy: { name: 'l', count: 800 } }), disk('b')],
      "The number of template resources limit exceeded. Limit: '800' and actual: '801'.",
    ],
  ])('%s', (_, resources, message) => {
    const error = refuse({ resources });
    expect(error.code).toBe('InvalidTemplate');
    expect(error.message).toContain(message);
  });

  it.each<[string, Json, string]>([
    [
      'it has no schema',
      { $schema: undefined },
      "Required property '$schema' not found in JSON. Path '', line 1, position 1.",
    ],
    ['it has no version', { contentVersion: undefined }, "Required property 'contentVersion' not found in JSON."],
    [
      'its schema is that of a subscription',
      { $schema: 'https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#' },
      'is not supported. Supported versions are',
    ],
    ['it has an unknown section', { resource: [] }, "Could not find member 'resource' on object of type 'Template'."],
    ['its resources are no list', { resources: 'none' }, 'Unexpected initial token when populating object.'],
    [
      'a parameter has no type',
      { parameters: { p: {} } },
      "Required property 'type' not found in JSON. Path 'parameters.p'",
    ],
    [
      'it has more than 256 parameters',
      { parameters: many(257, { type: 'int', defaultValue: 1 }) },
      "The number of template parameters limit exceeded. Limit: '256' and actual: '257'.",
    ],
    ['it has more than 256 variables', { variables: many(257, 1) }, 'The number of template variables limit exceeded.'],
    [
      'it has more than 64 outputs',
      { outputs: many(65, { type: 'int', value: 1 }) },
      'The number of template outputs limit exceeded.',
    ],
    ['it is larger than 4 MB', { variables: { text: 'x'.repeat(4_194_304) } }, 'exceeds the maximum permitted size'],
  ])('%s', (_, sections, message) => {
    expect(refuse(sections).message).toContain(message);
  });
});

function many(count: number, value: unknown): Json {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, value]));
}
