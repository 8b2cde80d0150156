import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { callsIn, expressionsIn } from '../../../../src/workflows/azure/expression.ts';
import { readMarketplaceVm } from '../../../../src/workflows/azure/marketplace-vm.ts';
import { readTemplate, type Template } from '../../../../src/workflows/azure/template.ts';
import { fillParameters } from '../../../../src/workflows/azure/template-parameters.ts';

const FOLDER = new URL('../../../../templates/', import.meta.url);
const read = (file: string) => readTemplate(readFileSync(new URL(file, FOLDER), 'utf8'));
const threeTier = read('three-tier.json');
const machine = readMarketplaceVm();
const OWN_CODES = { DNS_PREFIX: 'dnsLabel', REGION: 'location' } as const;
const generate = () => 'Generated-Secret-1';

const OWN: [file: string, template: Template][] = [
  ...readdirSync(FOLDER).map((file): [string, Template] => [file, read(file)]),
  ['marketplace-vm.json', machine],
];

describe.each(OWN)('our template %s', (_name, template) => {
  const json = template.json as {
    variables: Record<string, unknown>;
    resources: { type: string; location?: string; properties: Record<string, unknown> }[];
  };

  it('runs where the order says, and tags what it creates', () => {
    expect(template.parameters.find(({ name }) => name === 'location')?.defaultValue).toBe(
      '[resourceGroup().location]',
    );
    expect(template.parameters.some(({ name }) => name === 'tags')).toBe(true);
    for (const { location } of json.resources)
      expect(["[parameters('location')]", 'global', undefined]).toContain(location);
  });

  it('keeps its public addresses while machines are stopped', () => {
    const addresses = json.resources.filter(({ type }) => type === 'Microsoft.Network/publicIPAddresses');
    expect(addresses.length).toBeGreaterThan(0);
    for (const { properties } of addresses) expect(properties.publicIPAllocationMethod).toBe('Static');
  });

  it('uses every parameter and every variable', () => {
    const used = new Set(
      expressionsIn(json, '').flatMap(({ expression }) =>
        callsIn(expression).flatMap(({ name, args: [arg] }) =>
          arg?.kind === 'literal' ? [`${name} ${arg.value}`] : [],
        ),
      ),
    );
    for (const { name } of template.parameters) expect.soft(used).toContain(`parameters ${name}`);
    for (const name of Object.keys(json.variables)) expect.soft(used).toContain(`variables ${name}`);
  });

  it('gives out addresses only as the marketplace takes them', () => {
    const { outputs = {} } = template.json as { outputs?: Record<string, unknown> };
    expect(JSON.stringify(outputs)).not.toContain('http:');
  });

  it('describes its parameters', () => {
    for (const { name, description } of template.parameters) expect.soft(description, name).toMatch(/\.$/);
  });
});

it('the machine needs nothing but its image and a DNS label; its password is generated', () => {
  const system = { dnsLabel: 'shop-50020', imagePublisher: 'contoso', imageOffer: 'shop', imageSku: 'basic' };
  const { parameters, generated } = fillParameters(machine, { chosen: {}, ownCodes: OWN_CODES, system, generate });

  expect(Object.keys(parameters).sort()).toEqual([
    'adminPassword',
    'dnsLabel',
    'imageOffer',
    'imagePublisher',
    'imageSku',
  ]);
  expect(generated).toEqual(['adminPassword']);
  expect(machine.outputs.map(({ name }) => name)).toEqual([
    'fqdn',
    'publicIpAddress',
    'virtualMachineId',
    'adminUsername',
  ]);
  expect(machine.namespaces).toEqual(['Microsoft.Compute', 'Microsoft.Network']);
});

it('the three tiers are ordered with a DNS prefix, a region and a password, and have each role', () => {
  const chosen = { DNS_PREFIX: 'hafenkontor-shop', REGION: 'germanywestcentral', ADMIN_PASSWORD: 'Kx4!example-only' };
  const { parameters, generated } = fillParameters(threeTier, { chosen, ownCodes: OWN_CODES, system: {}, generate });

  expect(Object.keys(parameters).sort()).toEqual(['adminPassword', 'databasePassword', 'dnsPrefix', 'location']);
  expect(generated).toEqual(['databasePassword']);
  expect(new Set(threeTier.resources.map(({ role }) => role))).toEqual(
    new Set(['application', 'data', 'network', 'dns']),
  );
});
