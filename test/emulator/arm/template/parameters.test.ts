import { describe, expect, it } from 'vitest';
import { accept, bodyOf, disk, refuse, templateOf } from './probe.ts';

const HELP = 'Please see https://aka.ms/arm-create-parameter-file for usage details.';

describe('parameters', () => {
  it('take their default unless a value is supplied, whatever the case of the name, and null counts as none', () => {
    const parameters = {
      size: { type: 'int', defaultValue: 2 },
      label: { type: 'String', defaultValue: "[format('x{0}', parameters('size'))]" },
    };
    const label = { type: 'String', value: 'x3' };
    expect(accept({ parameters }, { SIZE: { value: 3 } }).parameters).toEqual({
      size: { type: 'Int', value: 3 },
      label,
    });
    expect(accept({ parameters }, { size: { value: null } }).parameters.size).toEqual({ type: 'Int', value: 2 });
  });

  it('are data: a supplied text in brackets is never evaluated', () => {
    const sections = {
      parameters: { label: { type: 'string' } },
      resources: [disk('d', { tags: { label: "[parameters('label')]" } })],
    };
    const [resource] = accept(sections, { label: { value: '[subscription().id]' } }).resources;
    expect(bodyOf(resource!).tags).toEqual({ label: '[subscription().id]' });
  });

  it('are all declared in the answer, the secure ones without their value', () => {
    const parameters = {
      password: { type: 'securestring' },
      settings: { type: 'secureObject', defaultValue: { key: 'secret' } },
      fromVault: { type: 'secureString', minLength: 500 },
    };
    const vault = '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v';
    const reference = { keyVault: { id: vault }, secretName: 'pg-admin' };
    const evaluation = accept({ parameters }, { password: { value: 'hidden' }, fromVault: { reference } });
    expect(evaluation.parameters).toEqual({
      password: { type: 'SecureString' },
      settings: { type: 'SecureObject' },
      fromVault: { type: 'SecureString', reference },
    });
  });

  it('that are secure do not show their value in a refusal either', () => {
    const parameters = { password: { type: 'securestring', allowedValues: ['letmein'] } };
    const text = JSON.stringify(refuse({ parameters }, { password: { value: 'hunter2' } }));
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('letmein');
  });

  it('that have neither value nor default are named with their place', () => {
    const parameters = { location: { type: 'string', defaultValue: 'x' }, password: { type: 'string' } };
    const column = JSON.stringify(templateOf({ parameters })).indexOf('{"type":"string"}') + 1;
    const info = { lineNumber: 1, linePosition: column, path: 'properties.template.parameters.password' };
    expect(refuse({ parameters })).toEqual({
      code: 'InvalidTemplate',
      message: `Deployment template validation failed: 'The value for the template parameter 'password' at line '1' and column '${column}' is not provided. ${HELP}'.`,
      additionalInfo: [{ type: 'TemplateViolation', info }],
    });
  });

  it('that the template does not know are all named', () => {
    const { message } = refuse(
      { parameters: { a: { type: 'int', defaultValue: 1 } } },
      { b: { value: 1 }, c: { value: 2 } },
    );
    expect(message).toBe(
      "Deployment template validation failed: 'The following parameters were supplied, but do not correspond to any parameters defined in the template: 'b, c'. The parameters defined in the template are: 'a'. Please see https://aka.ms/arm-pass-parameter-values for usage details.'.",
    );
  });

  it.each([
    [{ type: 'int' }, '5', "Expected a value of type 'Integer', but received a value of type 'String'."],
    [{ type: 'string' }, 5, "Expected a value of type 'String, Uri', but received a value of type 'Integer'."],
    [{ type: 'bool' }, 'true', "Expected a value of type 'Boolean', but received a value of type 'String'."],
    [{ type: 'object' }, [], "Expected a value of type 'Object', but received a value of type 'Array'."],
    [{ type: 'int' }, 1.5, "Expected a value of type 'Integer', but received a value of type 'Float'."],
    [{ type: 'string', minLength: 3 }, 'ab', "Length of the value should be greater than or equal to '3'."],
    [{ type: 'array', maxLength: 1 }, [1, 2], "Length of the value should be less than or equal to '1'."],
    [{ type: 'int', minValue: 2 }, 1, "The value should be greater than or equal to '2'."],
    [{ type: 'int', maxValue: 2 }, 3, "The value should be less than or equal to '2'."],
    [
      { type: 'string', allowedValues: ['a', 'b'] },
      'c',
      "The parameter value is not part of the allowed value(s): 'a,b'.",
    ],
  ])('of the form %j do not take %j', (declaration, value, message) => {
    const error = refuse({ parameters: { p: declaration } }, { p: { value } });
    expect(error.message).toContain("for the template parameter 'p'");
    expect(error.message).toContain(message);
  });

  it('of type array take any of the allowed values', () => {
    const parameters = { zones: { type: 'array', allowedValues: ['1', '2', '3'] } };
    expect(accept({ parameters }, { zones: { value: ['3', '1'] } }).parameters.zones?.value).toEqual(['3', '1']);
    expect(refuse({ parameters }, { zones: { value: ['4'] } }).message).toContain('allowed value(s)');
  });

  it('that are nullable may be left out', () => {
    const parameters = { zone: { type: 'string', nullable: true } };
    expect(accept({ languageVersion: '2.0', parameters, resources: {} }).parameters).toEqual({
      zone: { type: 'String', value: null },
    });
  });

  it('have their defaults checked like values, and those may not look at variables or resources', () => {
    const parameters = { p: { type: 'string', defaultValue: 'toolong', maxLength: 3 } };
    expect(refuse({ parameters }).message).toContain("Length of the value should be less than or equal to '3'.");
    for (const name of ['variables', 'reference', 'listKeys']) {
      const { message } = refuse({ parameters: { p: { type: 'string', defaultValue: `[${name}('x')]` } } });
      expect(message).toContain(`The template resource 'p' at line '1'`);
      expect(message).toContain(`The template function '${name}' is not expected at this location.`);
    }
  });

  it('may default to the time and to new guids, each its own', () => {
    const parameters = {
      now: { type: 'string', defaultValue: '[utcNow()]' },
      day: { type: 'string', defaultValue: "[utcNow('yyyy-MM-dd')]" },
      first: { type: 'string', defaultValue: '[newGuid()]' },
      second: { type: 'string', defaultValue: '[newGuid()]' },
    };
    const { now, day, first, second } = accept({ parameters }).parameters;
    expect([now?.value, day?.value]).toEqual(['20261122T091420Z', '2026-11-22']);
    for (const guid of [first, second]) expect(guid?.value).toMatch(/^[0-9a-f-]{36}$/);
    expect(second?.value).not.toBe(first?.value);
  });

  it('whose defaults refer to each other in a circle are refused', () => {
    const parameters = {
      a: { type: 'string', defaultValue: "[parameters('b')]" },
      b: { type: 'string', defaultValue: "[parameters('a')]" },
    };
    expect(refuse({ parameters }).message).toContain('refers to itself');
  });

  it('take the form of a user-defined type', () => {
    const sections = {
      languageVersion: '2.0',
      definitions: { tier: { type: 'string', allowedValues: ['basic', 'premium'] } },
      parameters: { tier: { $ref: '#/definitions/tier', maxLength: 5 } },
      resources: {},
    };
    expect(accept(sections, { tier: { value: 'basic' } }).parameters.tier).toEqual({ type: 'String', value: 'basic' });
    expect(refuse(sections, { tier: { value: 'premium' } }).message).toContain("less than or equal to '5'");
    expect(refuse(sections, { tier: { value: 'gold' } }).message).toContain('allowed value(s)');
  });

  it('from a Key Vault need the id of a vault and the name of a secret, and a type that can hold one', () => {
    const parameters = { p: { type: 'securestring' }, count: { type: 'int', defaultValue: 1 } };
    const reference = { keyVault: { id: 'my-vault' }, secretName: 's' };
    expect(refuse({ parameters }, { p: { reference } }).message).toContain(
      'The Key Vault reference of the template parameter',
    );
    const vault = { id: '/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v' };
    const secret = { reference: { keyVault: vault, secretName: 's' } };
    expect(refuse({ parameters }, { p: { value: 'x' }, count: secret }).message).toContain("of type 'Int' cannot take");
  });
});
