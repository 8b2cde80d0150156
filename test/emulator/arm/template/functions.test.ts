import { describe, expect, it } from 'vitest';
import { GROUP, refuse, resultOf } from './probe.ts';

const TEXT: [string, unknown][] = [
  ["[base64('one, two')]", 'b25lLCB0d28='],
  ["[base64ToString('b25l')]", 'one'],
  [`[base64ToJson('${Buffer.from('{"a":1}').toString('base64')}').a]`, 1],
  ["[concat('a', 1, true())]", 'a1True'],
  ["[contains('OneTwo', 'one')]", false],
  ["[dataUri('Hello')]", 'data:text/plain;charset=utf8;base64,SGVsbG8='],
  ["[dataUriToString('data:;base64,SGVsbG8=')]", 'Hello'],
  ["[endsWith('abcdef', 'EF')]", true],
  ["[format('{0}-{1:D3}{{{2,4}}}', 'vm', 7, 'x')]", 'vm-007{   x}'],
  ["[format('{0:N0} {1:X} {2}', 1234567, 255, false())]", '1,234,567 FF False'],
  ["[indexOf('abcdef', 'CD')]", 2],
  ["[join(createArray('a', 2), '-')]", 'a-2'],
  ["[lastIndexOf('ab-ab', 'AB')]", 3],
  ["[padLeft(7, 3, '0')]", '007'],
  ["[replace('a.b.c', '.', '-')]", 'a-b-c'],
  ["[split('a,b;c', createArray(',', ';'))]", ['a', 'b', 'c']],
  ["[startsWith('abcdef', 'AB')]", true],
  ["[string(createObject('a', createArray(1)))]", '{"a":[1]}'],
  ["[substring('abcdef', 2, 3)]", 'cde'],
  ["[trim('  a ')]", 'a'],
  ["[uniqueString('test')]", 'rbgf3xv4ufgzg'],
  ["[uniqueString('hello', 'world')]", 'a7wkljktk6wne'],
  ["[uri('https://a.example/b/', 'c.sh')]", 'https://a.example/b/c.sh'],
  ["[uriComponent('a b')]", 'a%20b'],
  ['[json(\'{"a": null}\').a]', null],
];

const COLLECTIONS: [string, unknown][] = [
  ["[array('a')]", ['a']],
  ['[concat(createArray(1), createArray(2))]', [1, 2]],
  ["[contains(createObject('Key', 1), 'KEY')]", true],
  ['[contains(createArray(1, 2), 2)]', true],
  ["[empty('')]", true],
  ['[first(createArray(5, 6))]', 5],
  ["[last('abc')]", 'c'],
  ['[flatten(createArray(createArray(1), createArray(2, 3)))]', [1, 2, 3]],
  ["[intersection(createObject('a', 1, 'b', 2), createObject('a', 1, 'b', 3))]", { a: 1 }],
  [
    "[items(createObject('b', 2, 'a', 1))]",
    [
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ],
  ],
  ["[length(createObject('a', 1))]", 1],
  ["[objectKeys(createObject('a', 1))]", ['a']],
  ['[range(5, 3)]', [5, 6, 7]],
  ["[skip('abc', 1)]", 'bc'],
  ['[take(createArray(1, 2, 3), 2)]', [1, 2]],
  ["[tryGet(createObject('a', createObject('b', 1)), 'a', 'c')]", null],
  ["[union(createObject('a', createObject('x', 1)), createObject('A', createObject('y', 2)))]", { a: { x: 1, y: 2 } }],
  ['[union(createArray(1, 2), createArray(2, 3))]', [1, 2, 3]],
  ["[map(range(0, 2), lambda('i', format('n{0}', lambdaVariables('i'))))]", ['n0', 'n1']],
  ["[filter(range(0, 4), lambda('i', greater(lambdaVariables('i'), 1)))]", [2, 3]],
  ["[reduce(range(1, 3), 0, lambda('sum', 'i', add(lambdaVariables('sum'), lambdaVariables('i'))))]", 6],
  ["[sort(createArray(3, 1, 2), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))]", [1, 2, 3]],
  ["[toObject(createArray('a'), lambda('i', lambdaVariables('i')), lambda('i', 1))]", { a: 1 }],
];

const NUMBERS: [string, unknown][] = [
  ['[div(-7, 2)]', -3],
  ['[mod(7, 3)]', 1],
  ["[int('42')]", 42],
  ['[max(createArray(1, 5, 3))]', 5],
  ['[min(4, 2)]', 2],
  ["[bool('TRUE')]", true],
  ["[equals(createObject('a', 1), json('{\"a\":1}'))]", true],
  ["[equals('a', 'A')]", false],
  ["[less('A', 'a')]", true],
  ["[dateTimeAdd('2024-01-01 00:00:00Z', 'P1Y')]", '2024-12-31T00:00:00Z'],
  ["[dateTimeAdd('20261122T091420Z', '-PT1H30M', 'yyyy/MM/dd HH:mm')]", '2026/11/22 07:44'],
  ['[dateTimeToEpoch(dateTimeFromEpoch(1683040573))]', 1_683_040_573],
];

const IDS: [string, unknown][] = [
  [
    "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 's')]",
    `${GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s`,
  ],
  [
    "[resourceId('rg', 'Microsoft.Web/sites', 'a')]",
    `${GROUP.replace('mp-ord-000417', 'rg')}/providers/Microsoft.Web/sites/a`,
  ],
  [
    "[resourceId('sub', 'rg', 'Microsoft.Web/sites', 'a')]",
    '/subscriptions/sub/resourceGroups/rg/providers/Microsoft.Web/sites/a',
  ],
  [
    "[subscriptionResourceId('sub', 'Microsoft.Authorization/roleDefinitions', 'r')]",
    '/subscriptions/sub/providers/Microsoft.Authorization/roleDefinitions/r',
  ],
  ["[tenantResourceId('Microsoft.Billing/accounts', 'a')]", '/providers/Microsoft.Billing/accounts/a'],
  ["[extensionResourceId('/s', 'Microsoft.Authorization/locks', 'l')]", '/s/providers/Microsoft.Authorization/locks/l'],
];

const FAILURES: [string, string][] = [
  ["[substring('abc', 2, 5)]", 'the index and length parameters must refer to a location within the string'],
  ["[format('{1}', 'a')]", 'Index (zero based) must be less than the size of the argument list.'],
  [
    '[length(5)]',
    "The template language function 'length' expects its parameter to be an array, object, or a string. The provided value is of type 'Integer'.",
  ],
  ["[concat(createArray(1), 'a')]", 'either all or none of the parameters must be an array'],
  ["[json('{')]", "the argument is not valid JSON: '{'"],
  ['[div(1, 0)]', 'the divisor cannot be zero'],
  [
    "[resourceId('Microsoft.Compute/virtualMachines/extensions', 'vm')]",
    "Unable to evaluate template language function 'resourceId': the type 'Microsoft.Compute/virtualMachines/extensions' requires '2' resource name argument(s).",
  ],
  [
    "[resourceId('Microsoft.Web/sites', 'a/b')]",
    'function requires exactly one multi-segmented argument which must be resource type including resource provider namespace.',
  ],
  [
    '[uniqueString(1)]',
    "Unable to evaluate template language function 'uniqueString': all function arguments must be string literals.",
  ],
  ["[dateTimeAdd('yesterday', 'P1D')]", "'yesterday' is not a valid ISO 8601 date and time"],
  ["[map(createArray(1), 'no lambda')]", 'expects its parameter to be a lambda'],
];

describe('functions of the template language', () => {
  it.each(TEXT)('work on text: %s', (text, value) => expect(resultOf(text)).toEqual(value));
  it.each(COLLECTIONS)('work on arrays and objects: %s', (text, value) => expect(resultOf(text)).toEqual(value));
  it.each(NUMBERS)('work on numbers and dates: %s', (text, value) => expect(resultOf(text)).toEqual(value));
  it.each(IDS)('build ids: %s', (text, value) => expect(resultOf(text)).toBe(value));

  it.each(FAILURES)('fail as in ARM: %s', (text, message) => {
    expect(refuse({ variables: { probe: text } }).message).toContain(message);
  });

  it('make the same guid of the same text, and a different one of another', () => {
    expect(resultOf("[guid('a', 'b')]")).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(resultOf("[guid('a', 'b')]")).toBe(resultOf("[guid('a-b')]"));
    expect(resultOf("[guid('a', 'b')]")).not.toBe(resultOf("[guid('a', 'c')]"));
  });
});
