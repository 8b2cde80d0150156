import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { evaluateTemplate } from './evaluate.ts';
import type { Json } from './json.ts';
import { outputsOf, SCOPE } from './probe.ts';
import type { Evaluation, ParameterValue } from './types.ts';

const APP = {
  namePrefix: 'fabshop',
  adminUsername: 'opsadmin',
  adminSshPublicKey: `ssh-ed25519 ${'A'.repeat(80)}`,
  databaseAdminLogin: 'pgadmin',
  databaseAdminPassword: 'example-Passw0rd!',
  dnsZoneName: 'fabrikam.example',
};
const MACHINE = {
  vmName: 'shop',
  imagePublisher: 'contoso',
  imageOffer: 'shop-server',
  imageSku: 'standard',
  adminUsername: 'opsadmin',
  adminPasswordOrKey: 'ssh-ed25519 AAAA',
};

function evaluate(name: string, values: Json): Evaluation {
  const template: unknown = JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'));
  const entries = Object.entries(values).map(([key, value]): [string, ParameterValue] => [key, { value }]);
  const result = evaluateTemplate({ template, parameters: Object.fromEntries(entries), scope: SCOPE });
  if (!result.ok) throw new Error(result.error.message);
  return result;
}

/** Runs a deployment: each resource in turn, with what ARM adds to their states. */
function run({ resources }: Evaluation, added: Json): Map<string, Json> {
  const states = new Map<string, Json>();
  for (const { id, dependsOn, resolve } of resources) {
    for (const dependency of dependsOn) expect(states.has(dependency)).toBe(true);
    const result = resolve((other) => states.get(other));
    if (!result.ok) throw new Error(result.error.message);
    states.set(id, { ...result.body, id, properties: { ...(result.body.properties as Json), ...added } });
  }
  return states;
}

describe('the example templates', () => {
  it('of a three-tier application run from parameters to outputs', () => {
    const evaluation = evaluate('three-tier-app', APP);
    const states = run(evaluation, {
      ipAddress: '203.0.113.7',
      dnsSettings: { fqdn: 'shop.example' },
      nameServers: ['ns1'],
      fullyQualifiedDomainName: 'pg.example',
    });
    expect(evaluation.providers).toEqual(['Microsoft.Network', 'Microsoft.Compute', 'Microsoft.DBforPostgreSQL']);
    expect(evaluation.resources).toHaveLength(15);
    expect(outputsOf(evaluation, (id) => states.get(id))).toEqual({
      applicationUrl: 'https://app.fabrikam.example',
      platformFqdn: 'shop.example',
      publicIpAddress: '203.0.113.7',
      dnsNameServers: ['ns1'],
      databaseHost: 'pg.example',
      databaseName: 'appdb',
      appVirtualMachineNames: ['fabshop-app1', 'fabshop-app2'],
      appInstanceCount: 2,
      highAvailability: false,
      endpoints: { web: 'shop.example', databasePort: 5432 },
    });
    expect(JSON.stringify(evaluation.parameters)).not.toContain(APP.databaseAdminPassword);
  });

  it('of a three-tier application grow with their parameters', () => {
    const more = { ...APP, appInstanceCount: 3, appSettings: { key: 'x' }, createDnsZone: false };
    const types = evaluate('three-tier-app', more).resources.map(({ type }) => type);
    expect(types.filter((type) => type === 'Microsoft.Compute/virtualMachines/extensions')).toHaveLength(3);
    expect(types).not.toContain('Microsoft.Network/dnsZones');
  });

  it('of a marketplace machine carry the plan only when there is one', () => {
    const plan = { name: 'standard', product: 'shop-server', publisher: 'contoso' };
    const machine = (values: Json): Json | undefined => {
      const states = run(evaluate('marketplace-vm', values), {});
      return [...states.values()].find(({ id }) => String(id).includes('/virtualMachines/'));
    };
    expect(machine(MACHINE)?.plan).toEqual(plan);
    expect(machine({ ...MACHINE, planRequired: false })).not.toHaveProperty('plan');
    const disks = machine({ ...MACHINE, dataDiskSizesGb: [32, 64] })?.properties as Json;
    expect(disks).toMatchObject({
      storageProfile: {
        dataDisks: [
          { lun: 0, diskSizeGB: 32 },
          { lun: 1, diskSizeGB: 64 },
        ],
      },
    });
  });
});
