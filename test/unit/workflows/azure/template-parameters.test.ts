import { describe, expect, it } from 'vitest';
import { AttentionError, CustomerError } from '../../../../src/lib/errors.ts';
import { en } from '../../../../src/report/texts/en.ts';
import {
  choicesOf,
  fillParameters,
  type ParameterSources,
} from '../../../../src/workflows/azure/template-parameters.ts';
import { read } from './build-template.ts';

const OWN_CODES = { DNS_PREFIX: 'dnsLabel', REGION: 'location', MICROSOFT_DOMAIN: null } as const;

function fill(parameters: object, sources: Partial<ParameterSources> = {}) {
  const none = { chosen: {}, ownCodes: OWN_CODES, system: {}, generate: () => 'Generated-Secret-1' };
  return fillParameters(read({ parameters }), { ...none, ...sources });
}

/** What one value of the customer becomes. */
function convert(declared: object, text: string): unknown {
  return fill({ it: declared }, { chosen: { IT: text } }).parameters.it?.value;
}

function errorOf(action: () => unknown): CustomerError | AttentionError {
  try {
    action();
  } catch (error) {
    return error as CustomerError;
  }
  throw new Error('it went well');
}

describe('a value that the customer chose', () => {
  it.each([
    ['DNS_PREFIX', 'dnsPrefix'],
    ['dns-prefix', 'DnsPrefix'],
    ['ADMIN_NAME', 'adminname'],
    ['adminName', 'admin_name'],
  ])('fits by its code: %s fills %s', (code, name) => {
    expect(fill({ [name]: { type: 'string' } }, { chosen: { [code]: 'value' } })).toEqual({
      parameters: { [name]: { value: 'value' } },
      generated: [],
    });
  });

  it.each([
    ['dnsLabel', 'DNS_PREFIX', 'shop'],
    ['dnsLabelPrefix', 'DNS_PREFIX', 'shop'],
    ['domainNameLabel', 'DNS_PREFIX', 'shop'],
    ['location', 'REGION', 'westeurope'],
  ])("fits %s by the meaning of the connector's own code %s", (name, code, value) => {
    expect(fill({ [name]: { type: 'string' } }, { chosen: { [code]: value } }).parameters).toEqual({
      [name]: { value },
    });
  });

  it('under a code that names the parameter outranks one that only means it', () => {
    const entries = Object.entries({ DNS_PREFIX: 'meant', DNS_LABEL: 'named' });
    for (const chosen of [entries, entries.toReversed()].map(Object.fromEntries))
      expect(fill({ dnsLabel: { type: 'string' } }, { chosen }).parameters.dnsLabel).toEqual({ value: 'named' });
  });

  it("outranks the connector's own, which outranks the default; what has a default may go without", () => {
    const declared = { location: { type: 'string', defaultValue: 'northeurope' } };
    const system = { location: 'westeurope' };
    expect(fill(declared, { chosen: { REGION: 'italynorth' }, system }).parameters.location?.value).toBe('italynorth');
    expect(fill(declared, { chosen: { REGION: ' ' }, system }).parameters.location?.value).toBe('westeurope');
    expect(fill(declared).parameters).toEqual({});
  });

  it('is ignored without a parameter only when its code is one of the connector itself', () => {
    expect(fill({}, { chosen: { DNS_PREFIX: 'shop', region: 'x', MICROSOFT_DOMAIN: 'y' } }).parameters).toEqual({});
    const error = errorOf(() => fill({}, { chosen: { COLOUR: 'red' } }));
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({ code: 'template.parameter-unknown', message: expect.stringContaining('"COLOUR"') });
  });

  it.each<[object, string, unknown]>([
    [{ type: 'string' }, '  text  ', 'text'],
    [{ type: 'string' }, '42', '42'],
    [{ type: 'secureString' }, ' with spaces ', ' with spaces '],
    [{ type: 'int' }, ' 42 ', 42],
    [{ type: 'int' }, '-7', -7],
    [{ type: 'bool' }, 'TRUE', true],
    [{ type: 'bool' }, 'false', false],
    [{ type: 'array' }, '["a", 1]', ['a', 1]],
    [{ type: 'object' }, '{"a": {"b": null}}', { a: { b: null } }],
    [{ type: 'secureObject' }, '{}', {}],
    [{ type: 'string', allowedValues: ['Standard_B2s'] }, 'standard_b2S', 'Standard_B2s'],
    [{ type: 'string', allowedValues: ['s', 'S'] }, 'S', 'S'],
    [{ type: 'int', allowedValues: [32, 64] }, '64', 64],
    [{ type: 'array', allowedValues: ['a', 'b', 'c'] }, '["c", "a"]', ['c', 'a']],
    [{ type: 'array', allowedValues: [['a'], ['b']] }, '["b"]', ['b']],
    [{ type: 'string', minLength: 2, maxLength: 2 }, 'ab', 'ab'],
    [{ type: 'int', minValue: 1, maxValue: 1 }, '1', 1],
  ])('is converted to the declared type: %j takes "%s"', (declared, text, value) => {
    expect(convert(declared, text)).toEqual(value);
  });

  it('is a DNS label in lower case where one is asked for', () => {
    expect(fill({ dnsPrefix: { type: 'string' } }, { chosen: { DNS_PREFIX: 'MyShop' } }).parameters).toEqual({
      dnsPrefix: { value: 'myshop' },
    });
    for (const wrong of ['my shop', 'my_shop', '1shop', 'shop-', 'ab', 'a'.repeat(64), 'größe', 'a.b.c']) {
      const error = errorOf(() => fill({ dnsLabel: { type: 'string' } }, { chosen: { DNS_PREFIX: wrong } }));
      expect(error.params, wrong).toEqual({ parameter: 'DNS_PREFIX', reason: 'dns-label' });
    }
  });

  it.each<[object, string, string, object]>([
    [{ type: 'string' }, 'a\nb', 'characters', {}],
    [{ type: 'string' }, 'a\u0000b', 'characters', {}],
    [{ type: 'string' }, 'a'.repeat(16_385), 'characters', {}],
    [{ type: 'string' }, '[resourceGroup().id]', 'bracket', {}],
    [{ type: 'secureString' }, '[resourceGroup().id]', 'bracket', {}],
    [{ type: 'secureString' }, ' [resourceGroup().id]', 'bracket', {}],
    [{ type: 'array' }, '["[resourceGroup().id]"]', 'bracket', {}],
    [{ type: 'object' }, '{"[concat()]": 1}', 'bracket', {}],
    [{ type: 'object' }, '{"a": {"b": ["[x]"]}}', 'bracket', {}],
    [{ type: 'object' }, `${'{"a":'.repeat(30)}1${'}'.repeat(30)}`, 'characters', {}],
    [{ type: 'int' }, '1.5', 'number', {}],
    [{ type: 'int' }, '0x10', 'number', {}],
    [{ type: 'int' }, '1e3', 'number', {}],
    [{ type: 'int' }, '9'.repeat(16), 'number', {}],
    [{ type: 'int' }, 'two', 'number', {}],
    [{ type: 'bool' }, 'yes', 'yes-no', {}],
    [{ type: 'array' }, 'a,b', 'list', {}],
    [{ type: 'array' }, '{}', 'list', {}],
    [{ type: 'object' }, '[]', 'object', {}],
    [{ type: 'object' }, 'null', 'object', {}],
    [{ type: 'string', minLength: 3, maxLength: 5 }, 'ab', 'length', { min: '3', max: '5' }],
    [{ type: 'string', maxLength: 5 }, 'abcdef', 'length', { max: '5' }],
    [{ type: 'array', minLength: 2 }, '[1]', 'items', { min: '2' }],
    [{ type: 'int', minValue: 1, maxValue: 6 }, '7', 'range', { min: '1', max: '6' }],
    [{ type: 'int', minValue: 1 }, '0', 'range', { min: '1' }],
    [{ type: 'string', allowedValues: ['S', 'M'] }, 'L', 'allowed', { allowed: 'S, M' }],
    [{ type: 'int', allowedValues: [32, 64] }, '33', 'allowed', { allowed: '32, 64' }],
    [{ type: 'array', allowedValues: ['a', 'b'] }, '["a", "c"]', 'allowed', { allowed: 'a, b' }],
  ])('is refused with a reason in words when %j is given "%.30s": %s', (declared, text, reason, bounds) => {
    const error = errorOf(() => convert(declared, text));

    expect(error).toBeInstanceOf(CustomerError);
    expect(error).toMatchObject({ code: 'order.parameter-invalid', effect: 'none' });
    expect(error.params).toEqual({ parameter: 'IT', reason, ...bounds });
    expect(en.objections['order.parameter-invalid'](error.params)).toMatch(/^Please check the value of "IT": /);
    expect(en.objections['order.parameter-invalid'](error.params)).not.toMatch(/undefined|cannot be used for this/);
  });

  it('is never told, secret or not', () => {
    for (const type of ['secureString', 'string']) {
      const error = errorOf(() => convert({ type, minLength: 20 }, 'hunter2'));
      expect(JSON.stringify([error.message, error.params, error.facts, String(error.cause)])).not.toContain('hunter2');
    }
  });

  it('is missing when the customer left it empty and nothing else supplies it', () => {
    const error = errorOf(() => convert({ type: 'string' }, ' '));
    expect(error).toBeInstanceOf(CustomerError);
    expect(error.params).toEqual({ parameter: 'IT', reason: 'missing' });
  });

  it('keeps a long list of allowed values short', () => {
    const allowedValues = Array.from({ length: 100 }, (_, index) => `size${index}`);
    const { params } = errorOf(() => convert({ type: 'string', allowedValues }, 'other'));
    expect(params.allowed).toMatch(/^size0, .*, size19 …$/);
  });
});

describe('what the connector knows', () => {
  it.each([
    ['location', 'location', 'westeurope'],
    ['region', 'location', 'westeurope'],
    ['dnsPrefix', 'dnsLabel', 'shop-50030'],
    ['dnsLabelPrefix', 'dnsLabel', 'shop-50030'],
    ['virtualMachineSize', 'vmSize', 'Standard_B2s'],
    ['resourceTags', 'tags', { order: '50030' }],
    ['orderId', 'orderId', '50030'],
    ['imagePublisher', 'imagePublisher', 'contoso'],
  ])('fills %s', (name, known, value) => {
    const type = typeof value === 'string' ? 'string' : 'object';
    expect(fill({ [name]: { type } }, { system: { [known]: value } }).parameters).toEqual({ [name]: { value } });
  });

  it('is not sent where the template does not ask for it', () => {
    expect(fill({}, { system: { location: 'westeurope', tags: {} } }).parameters).toEqual({});
  });

  it('is a matter for operations when it does not fit', () => {
    const declared = { vmSize: { type: 'string', allowedValues: ['Standard_B2s'] } };
    const error = errorOf(() => fill(declared, { system: { vmSize: 'Standard_M128' } }));
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({
      code: 'template.parameter-unfit',
      message: expect.stringContaining(
        '"vmSize" of the template does not fit its declaration (allowed, allowed Standard_B2s)',
      ),
    });
  });
});

describe('a secret', () => {
  it('is generated when the template requires it and nobody gave it, and is named to be handed over', () => {
    const asked: unknown[] = [];
    const generate: ParameterSources['generate'] = (name, bounds) => {
      asked.push([name, bounds]);
      return 'Generated-Secret-1';
    };
    const declared = {
      adminPassword: { type: 'secureString', minLength: 12, maxLength: 72 },
      databasePassword: { type: 'secureString' },
      licenceKey: { type: 'secureString', defaultValue: '' },
    };
    expect(fill(declared, { chosen: { DATABASE_PASSWORD: 'chosen by hand' }, generate })).toEqual({
      parameters: { adminPassword: { value: 'Generated-Secret-1' }, databasePassword: { value: 'chosen by hand' } },
      generated: ['adminPassword'],
    });
    expect(asked).toEqual([['adminPassword', { minLength: 12, maxLength: 72 }]]);
  });

  it('that was generated and does not fit is a matter for operations, and is not told', () => {
    const error = errorOf(() => fill({ pin: { type: 'secureString', maxLength: 4 } }));
    expect(error).toMatchObject({ code: 'template.parameter-unfit' });
    expect(error.message).not.toContain('Generated-Secret-1');
  });
});

it.each(['string', 'int', 'secureObject'])('nothing supplies a required %s: the product is incomplete', (type) => {
  const error = errorOf(() => fill({ shopName: { type } }));
  expect(error).toBeInstanceOf(AttentionError);
  expect(error).toMatchObject({
    code: 'template.parameter-missing',
    message: expect.stringContaining('"shopName"'),
  });
});

describe('the choices of a parameter', () => {
  const template = read({
    parameters: {
      size: { type: 'string', allowedValues: ['S', 'M', 'L'], defaultValue: 'M' },
      storageGb: { type: 'int', allowedValues: [32, 64] },
      backup: { type: 'bool', defaultValue: false },
      location: { type: 'string', allowedValues: ['westeurope'], defaultValue: '[resourceGroup().location]' },
      shopName: { type: 'string' },
      ports: { type: 'array', allowedValues: ['80', '443'] },
      password: { type: 'secureString' },
    },
  });
  it.each([
    ['SIZE', ['M', 'S', 'L']],
    ['STORAGE_GB', ['32', '64']],
    ['BACKUP', ['false', 'true']],
    ['REGION', ['westeurope']],
    ['SHOP_NAME', null],
    ['PORTS', null],
    ['PASSWORD', null],
    ['COLOUR', null],
  ])('of %s are %j, the default first', (code, values) => {
    expect(choicesOf(template, code, OWN_CODES)?.map(({ value }) => value) ?? null).toEqual(values);
  });
});
