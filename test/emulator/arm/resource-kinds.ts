import { stableGuid, stableNumber } from './ids.ts';
import type { PowerState, Resource } from './model.ts';

type Body = Record<string, unknown>;

/** What a resource provider adds to a resource once it is written: the properties that only it can know. */
export function addedProperties(resource: Resource): Body {
  return PROVISIONERS[resource.type.toLowerCase()]?.(resource) ?? {};
}

const PROVISIONERS: Record<string, (resource: Resource) => Body> = {
  'microsoft.compute/virtualmachines': ({ id }) => ({ vmId: stableGuid('vm', id) }),
  'microsoft.network/publicipaddresses': (resource) => {
    const label = labelOf(resource);
    return {
      ipAddress: addressOf(resource.id),
      ...(label === undefined
        ? {}
        : { dnsSettings: { domainNameLabel: label, fqdn: dnsNameOf(label, resource.location ?? '') } }),
    };
  },
  'microsoft.network/networkinterfaces': ({ id }) => ({
    macAddress: `00-0D-3A-${[0, 1, 2]
      .map((part) => stableNumber(`${id}${part}`, 256).toString(16).padStart(2, '0'))
      .join('-')
      .toUpperCase()}`,
  }),
  'microsoft.network/dnszones': ({ id }) => {
    const set = String(stableNumber(id, 9) + 1).padStart(2, '0');
    return {
      nameServers: ['com', 'net', 'org', 'info'].map((tld, index) => `ns${index + 1}-${set}.azure-dns.${tld}.`),
    };
  },
  'microsoft.dbforpostgresql/flexibleservers': ({ name }) => ({
    fullyQualifiedDomainName: `${name.toLowerCase()}.postgres.database.azure.com`,
    state: 'Ready',
  }),
  'microsoft.dbformysql/flexibleservers': ({ name }) => ({
    fullyQualifiedDomainName: `${name.toLowerCase()}.mysql.database.azure.com`,
    state: 'Ready',
  }),
  'microsoft.storage/storageaccounts': ({ name }) => ({
    primaryEndpoints: Object.fromEntries(
      ['blob', 'file', 'queue', 'table'].map((service) => [service, `https://${name}.${service}.core.windows.net/`]),
    ),
    statusOfPrimary: 'available',
  }),
  'microsoft.web/sites': ({ name }) => ({
    state: 'Running',
    defaultHostName: `${name.toLowerCase()}.azurewebsites.net`,
    hostNames: [`${name.toLowerCase()}.azurewebsites.net`],
  }),
  'microsoft.containerservice/managedclusters': ({ id, name, location }) => ({
    fqdn: `${name.toLowerCase()}-${stableGuid(id).slice(0, 8)}.hcp.${location ?? ''}.azmk8s.io`,
    powerState: { code: 'Running' },
  }),
  'microsoft.containerinstance/containergroups': (resource) => ({
    instanceView: { state: 'Running', events: [] },
    ...(labelOf(resource) === undefined
      ? {}
      : {
          ipAddress: {
            ...(propertiesOf(resource).ipAddress as Body),
            ip: addressOf(resource.id),
            fqdn: `${labelOf(resource)}.${resource.location ?? ''}.azurecontainer.io`,
          },
        }),
  }),
  'microsoft.keyvault/vaults': ({ name }) => ({ vaultUri: `https://${name.toLowerCase()}.vault.azure.net/` }),
  'microsoft.managedidentity/userassignedidentities': ({ id }) => ({
    principalId: stableGuid('principal', id),
    clientId: stableGuid('client', id),
  }),
};

/** Properties that a provider keeps but never shows, wherever they stand in a resource. */
const HIDDEN = new Set(
  [
    'adminPassword',
    'administratorLoginPassword',
    'customData',
    'protectedSettings',
    'password',
    'secureValue',
    'userData',
    'secret',
  ].map((name) => name.toLowerCase()),
);

/** A copy without secret properties. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !HIDDEN.has(name.toLowerCase()))
      .map(([name, inner]) => [name, withoutSecrets(inner)]),
  );
}

export function propertiesOf(resource: Pick<Resource, 'body'>): Body {
  const { properties } = resource.body;
  return typeof properties === 'object' && properties !== null ? (properties as Body) : {};
}

/** The DNS label that a public address or a container group asks for. */
export function labelOf(resource: Resource): string | undefined {
  const properties = propertiesOf(resource);
  const settings = resource.type.toLowerCase().endsWith('/containergroups') ? 'ipAddress' : 'dnsSettings';
  const name = settings === 'ipAddress' ? 'dnsNameLabel' : 'domainNameLabel';
  const label = (properties[settings] as Body | undefined)?.[name];
  return typeof label === 'string' && label !== '' ? label.toLowerCase() : undefined;
}

export function dnsNameOf(label: string, location: string): string {
  return `${label}.${location}.cloudapp.azure.com`;
}

/** Types whose names are host names, and so unique in all of Azure, with the error of their provider. */
export const UNIQUE_NAMES: Record<string, { code: string; message: (name: string) => string; status: number }> = {
  'microsoft.storage/storageaccounts': {
    status: 409,
    code: 'StorageAccountAlreadyTaken',
    message: (name) => `The storage account named ${name} is already taken.`,
  },
  'microsoft.dbforpostgresql/flexibleservers': {
    status: 409,
    code: 'ServerNameAlreadyExists',
    message: (name) => `Specified server name '${name}' is already used.`,
  },
  'microsoft.dbformysql/flexibleservers': {
    status: 409,
    code: 'ServerNameAlreadyExists',
    message: (name) => `Specified server name '${name}' is already used.`,
  },
  'microsoft.web/sites': {
    status: 409,
    code: 'Conflict',
    message: (name) => `Website with given name ${name} already exists.`,
  },
  'microsoft.keyvault/vaults': {
    status: 409,
    code: 'VaultAlreadyExists',
    message: (name) => `The vault name '${name}' is already in use. Vault names are globally unique.`,
  },
};

function addressOf(id: string): string {
  return `20.${[1, 2, 3].map((part) => 1 + stableNumber(`${id} ${part}`, 254)).join('.')}`;
}

const SERVER_STATES: Record<PowerState, string> = {
  running: 'Ready',
  stopped: 'Stopped',
  deallocated: 'Stopped',
  starting: 'Starting',
  stopping: 'Stopping',
  deallocating: 'Stopping',
};

/** How services say in their properties whether they run. Machines say it in their instance view instead. */
export function powerProperties({ type, power }: Pick<Resource, 'type' | 'power'>): Body {
  if (power === undefined) return {};
  const runs = power === 'running' || power === 'starting' ? 'Running' : 'Stopped';
  switch (type.toLowerCase()) {
    case 'microsoft.dbforpostgresql/flexibleservers':
    case 'microsoft.dbformysql/flexibleservers':
      return { state: SERVER_STATES[power] };
    case 'microsoft.web/sites':
      return { state: runs };
    case 'microsoft.containerservice/managedclusters':
      return { powerState: { code: runs } };
    case 'microsoft.containerinstance/containergroups':
      return { instanceView: { state: runs, events: [] } };
    default:
      return {};
  }
}
