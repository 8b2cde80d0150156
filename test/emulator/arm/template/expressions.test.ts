import { describe, expect, it } from 'vitest';
import { GROUP, refuse, resultOf, SCOPE } from './probe.ts';

function failureOf(expression: string): string {
  return refuse({ variables: { probe: expression } }).message;
}

describe('template language expressions', () => {
  it.each([
    ['plain text', 'plain text'],
    ['[[not an expression]', '[not an expression]'],
    ['[[open', '[[open'],
    ['[open', '[open'],
    ["['it''s']", "it's"],
    ['[add(-3, 5)]', 2],
    ["[ CONCAT( 'a' , toUPPER('b') ) ]", 'aB'],
    ["[createObject('Key', createArray(1, 2)).key[1]]", 2],
    ["[createObject('a', 1)['A']]", 1],
    ["[createObject('a', 1).?b]", null],
    ['[createArray(1)[?4]]', null],
  ])('reads %s', (text, value) => {
    expect(resultOf(text)).toEqual(value);
  });

  it.each([
    [
      "[concat('a']",
      "Unable to parse language expression 'concat('a'': expected token 'RightParenthesis' and actual 'EndOfData'.",
    ],
    ["[concat('a'))]", "expected token 'EndOfData' and actual 'RightParenthesis'"],
    ["[concat('a]", "the string character ''' at position '7' is not expected"],
    ['[1 + 2]', "the string character '+' at position '2' is not expected"],
    [
      "[noSuch('a')]",
      "The template function 'noSuch' is not valid. Please see https://aka.ms/arm-functions for usage details.",
    ],
    ["[if(true(), 1, noSuch('a'))]", "The template function 'noSuch' is not valid."],
    ["[createObject('a', 1).b]", "The language expression property 'b' doesn't exist, available properties are 'a'."],
    ['[createArray(1)[1]]', "The language expression property array index '1' is out of bounds."],
    ['[string(1).length]', "The language expression property 'length' can't be evaluated."],
    ["[variables('other')]", "The template variable 'other' is not found."],
    ["[parameters('other')]", "The template parameter 'other' is not found."],
    ["[variables('probe')]", "The template variable 'probe' refers to itself."],
    ['[toLower()]', "function requires '1' argument(s) while '0' were provided"],
    ["[reference('x')]", "The template function 'reference' is not expected at this location."],
    ['[newGuid()]', "The template function 'newGuid' is not expected at this location."],
    [
      '[copyIndex()]',
      'The function can only be used in a resource with copy specified. Please see https://aka.ms/arm-copy',
    ],
    [
      `[concat('${'x'.repeat(24_600)}')]`,
      "The language expression length limit exceeded. Limit: '24576' and actual: '24612'.",
    ],
  ])('refuses %s', (text, message) => {
    expect(failureOf(text)).toContain(
      "Deployment template validation failed: 'The template variable 'probe' is not valid: ",
    );
    expect(failureOf(text)).toContain(message);
  });

  it('evaluates only the branch of a condition that is taken, and no more of and, or and coalesce than needed', () => {
    const broken = "int('no number')";
    expect(resultOf(`[if(true(), 'yes', ${broken})]`)).toBe('yes');
    expect(resultOf(`[and(false(), equals(${broken}, 1))]`)).toBe(false);
    expect(resultOf(`[or(true(), equals(${broken}, 1))]`)).toBe(true);
    expect(resultOf(`[coalesce(null(), 'first', ${broken})]`)).toBe('first');
  });

  it('calls functions of the template, which see their parameters alone', () => {
    const functions = [
      {
        namespace: 'aurora',
        members: {
          label: {
            parameters: [{ name: 'text', type: 'string' }],
            output: { type: 'string', value: "[toLower(concat('x-', parameters('text')))]" },
          },
          peek: { parameters: [], output: { type: 'string', value: "[variables('probe')]" } },
        },
      },
    ];
    expect(resultOf("[Aurora.Label('VM')]", { functions })).toBe('x-vm');
    const peek = refuse({ functions, variables: { probe: '[aurora.peek()]' } }).message;
    expect(peek).toContain("The template function 'variables' is not expected at this location.");
    const typed = refuse({ functions, variables: { probe: '[aurora.label(1)]' } }).message;
    expect(typed).toContain("Expected a value of type 'String, Uri', but received a value of type 'Integer'.");
  });

  it('tells where the template is deployed', () => {
    expect(resultOf('[resourceGroup().id]')).toBe(GROUP);
    expect(resultOf('[resourceGroup().tags.orderId]')).toBe('ord-000417');
    expect(resultOf('[subscription().displayName]')).toBe('Panificio Aurora');
    expect(resultOf('[tenant().tenantId]')).toBe(SCOPE.tenantId);
    expect(resultOf('[deployment().name]')).toBe('mp-oi-000417-1-a1');
    expect(resultOf('[environment().suffixes.storage]')).toBe('core.windows.net');
  });
});
