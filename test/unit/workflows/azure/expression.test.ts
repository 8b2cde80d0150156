import { expect, it } from 'vitest';
import { AttentionError } from '../../../../src/lib/errors.ts';
import { callsIn, isExpression, parseExpression } from '../../../../src/workflows/azure/expression.ts';

const calls = (text: string) => callsIn(parseExpression(text, 'variables.x')).map(({ name }) => name);

it('tells expressions from texts in brackets', () => {
  const texts = ["[parameters('a')]", '[]', '[[literal]', '[a', 'a]', 'a', ''];
  expect(texts.map(isExpression)).toEqual([true, true, false, false, false, false, false]);
});

it.each([
  ["[parameters('a')]", ['parameters']],
  ["[ parameters ( 'a' ) ]", ['parameters']],
  ["[format('{0}-it''s', parameters('a'))]", ['format', 'parameters']],
  ["[variables('a')[copyIndex(1)].b.c[0]['d']]", ['variables', 'copyIndex']],
  ["[reference(resourceId('A.B/c', 'd'), '2024-05-01').e.f]", ['reference', 'resourceId']],
  ['[add(-1, 2)]', ['add']],
  ['[resourceGroup().location]', ['resourceGroup']],
  ["[contoso.unique('x').y]", ['contoso.unique']],
  ["[concat('(', ')', '[', ']', ',')]", ['concat']],
  ["['text']", []],
  ["[\n  if(\n    true(),\n    'a',\n    'b'\n  )\n]", ['if', 'true']],
])('reads %s', (text, expected) => {
  expect(calls(text)).toEqual(expected);
});

it.each([
  '[]',
  '[ ]',
  "[parameters('a']",
  "[parameters('a'))]",
  "[parameters('a)]",
  "[parameters('a',)]",
  "[parameters(,'a')]",
  "[variables('a')[0]",
  "[variables('a')[]]",
  "[variables('a').]",
  "[variables('a')..b]",
  "[parameters('a') parameters('b')]",
  "['it's']",
  '[a]',
  '[a.b]',
  '["a"]',
  '[1 + 1]',
])('finds that %s cannot be read', (text) => {
  expect(() => calls(text)).toThrow(AttentionError);
  expect(() => calls(text)).toThrow(/\(at variables\.x\)/);
});

it('takes expressions as long as Azure does, and no deeper than anybody writes', () => {
  const long = (length: number) => `['${'a'.repeat(length - 4)}']`;
  expect(calls(long(24_576))).toEqual([]);
  expect(() => calls(long(24_577))).toThrow(expect.objectContaining({ code: 'template.limit-exceeded' }));
  const deep = (depth: number) => `[${'a('.repeat(depth)}${')'.repeat(depth)}]`;
  expect(calls(deep(200))).toHaveLength(200);
  expect(() => calls(deep(8_000))).toThrow(expect.objectContaining({ code: 'template.expression-invalid' }));
});
