/** A type of resource: where it is offered; `global` ones need no location. */
export interface ResourceType {
  name: string;
  global?: boolean;
}

export interface Provider {
  namespace: string;
  types: ResourceType[];
  /** Needs no registration in a subscription. */
  free?: boolean;
  versions: string[];
}

export const LOCATIONS: Record<string, string> = {
  westeurope: 'West Europe',
  northeurope: 'North Europe',
  italynorth: 'Italy North',
  germanywestcentral: 'Germany West Central',
  francecentral: 'France Central',
  switzerlandnorth: 'Switzerland North',
  swedencentral: 'Sweden Central',
  uksouth: 'UK South',
  eastus: 'East US',
  eastus2: 'East US 2',
  westus2: 'West US 2',
};

const types = (...names: string[]): ResourceType[] => names.map((name) => ({ name }));
const global = (...names: string[]): ResourceType[] => names.map((name) => ({ name, global: true }));

const RESOURCES_VERSIONS =
  '2026-06-01 2025-04-01 2025-03-01 2024-11-01 2024-07-01 2024-03-01 2023-07-01 2022-12-01 2022-09-01 2021-04-01 2021-01-01 2020-10-01 2020-06-01 2019-10-01 2018-05-01'.split(
    ' ',
  );
const COMPUTE_VERSIONS =
  '2026-04-01 2025-04-01 2024-11-01 2024-07-01 2024-03-01 2023-09-01 2023-07-01 2023-03-01 2022-11-01 2022-08-01 2021-07-01 2021-03-01'.split(
    ' ',
  );
const NETWORK_VERSIONS =
  '2025-05-01 2025-01-01 2024-10-01 2024-07-01 2024-05-01 2024-03-01 2024-01-01 2023-11-01 2023-09-01 2023-06-01 2023-04-01 2022-07-01 2021-08-01 2020-06-01 2018-05-01 2018-09-01 2024-06-01 2023-07-01-preview'.split(
    ' ',
  );

/** The resource providers that the emulator knows, with the types that may stand in a template. */
export const PROVIDERS: Provider[] = [
  {
    namespace: 'Microsoft.Compute',
    types: types(
      'virtualMachines',
      'virtualMachines/extensions',
      'virtualMachineScaleSets',
      'availabilitySets',
      'disks',
      'images',
      'snapshots',
      'sshPublicKeys',
      'proximityPlacementGroups',
    ),
    versions: COMPUTE_VERSIONS,
  },
  {
    namespace: 'Microsoft.Network',
    types: [
      ...types(
        'virtualNetworks',
        'virtualNetworks/subnets',
        'publicIPAddresses',
        'networkInterfaces',
        'networkSecurityGroups',
        'networkSecurityGroups/securityRules',
        'loadBalancers',
        'applicationGateways',
        'natGateways',
        'routeTables',
        'privateEndpoints',
        'bastionHosts',
      ),
      ...global(
        'dnsZones',
        ...['A', 'AAAA', 'CNAME', 'MX', 'TXT', 'NS'].map((record) => `dnsZones/${record}`),
        'privateDnsZones',
        'privateDnsZones/A',
        'privateDnsZones/virtualNetworkLinks',
        'trafficManagerProfiles',
      ),
    ],
    versions: NETWORK_VERSIONS,
  },
  {
    namespace: 'Microsoft.Storage',
    types: types('storageAccounts', 'storageAccounts/blobServices', 'storageAccounts/blobServices/containers'),
    versions: ['2025-01-01', '2024-01-01', '2023-05-01', '2023-01-01', '2022-09-01', '2021-09-01', '2019-06-01'],
  },
  {
    namespace: 'Microsoft.DBforPostgreSQL',
    types: types(
      'flexibleServers',
      'flexibleServers/databases',
      'flexibleServers/firewallRules',
      'flexibleServers/configurations',
    ),
    versions: ['2024-08-01', '2023-12-01-preview', '2023-03-01-preview', '2022-12-01', '2021-06-01'],
  },
  {
    namespace: 'Microsoft.DBforMySQL',
    types: types('flexibleServers', 'flexibleServers/databases', 'flexibleServers/firewallRules'),
    versions: ['2024-12-30', '2023-12-30', '2023-06-30', '2022-01-01', '2021-05-01'],
  },
  {
    namespace: 'Microsoft.ContainerService',
    types: types('managedClusters', 'managedClusters/agentPools'),
    versions: ['2025-05-01', '2024-09-01', '2024-05-01', '2024-01-01', '2023-08-01'],
  },
  {
    namespace: 'Microsoft.ContainerInstance',
    types: types('containerGroups'),
    versions: ['2024-05-01-preview', '2023-05-01', '2021-10-01'],
  },
  {
    namespace: 'Microsoft.Web',
    types: types('sites', 'sites/config', 'serverfarms', 'certificates'),
    versions: ['2024-04-01', '2023-12-01', '2023-01-01', '2022-09-01', '2022-03-01', '2021-02-01'],
  },
  {
    namespace: 'Microsoft.KeyVault',
    types: types('vaults', 'vaults/secrets'),
    versions: ['2024-11-01', '2023-07-01', '2022-07-01', '2021-10-01', '2019-09-01'],
  },
  {
    namespace: 'Microsoft.ManagedIdentity',
    types: types('userAssignedIdentities'),
    versions: ['2023-01-31', '2018-11-30'],
  },
  {
    namespace: 'Microsoft.OperationalInsights',
    types: types('workspaces'),
    versions: ['2025-02-01', '2023-09-01', '2022-10-01', '2021-06-01'],
  },
  {
    namespace: 'Microsoft.Insights',
    types: types('components', 'diagnosticSettings', 'actionGroups'),
    versions: ['2023-01-01', '2021-05-01-preview', '2020-02-02'],
  },
  {
    namespace: 'Microsoft.RecoveryServices',
    types: types('vaults'),
    versions: ['2024-10-01', '2023-06-01', '2022-10-01'],
  },
  {
    namespace: 'Microsoft.MarketplaceOrdering',
    types: types('agreements', 'offertypes'),
    versions: ['2021-01-01', '2015-06-01'],
  },
  {
    namespace: 'Microsoft.Authorization',
    free: true,
    types: global('roleAssignments', 'locks', 'policyAssignments'),
    versions: ['2022-04-01', '2020-10-01-preview', '2020-05-01', '2018-01-01-preview', '2016-09-01', '2015-07-01'],
  },
  {
    namespace: 'Microsoft.Resources',
    free: true,
    types: global('deployments', 'resourceGroups', 'tags', 'deploymentScripts', 'subscriptions'),
    versions: RESOURCES_VERSIONS,
  },
  {
    namespace: 'Microsoft.Subscription',
    free: true,
    types: global('aliases'),
    versions: ['2024-08-01-preview', '2021-10-01', '2020-09-01'],
  },
  {
    namespace: 'Microsoft.Billing',
    free: true,
    types: global('billingAccounts'),
    versions: ['2024-04-01', '2020-05-01', '2019-10-01-preview'],
  },
  {
    namespace: 'Microsoft.Consumption',
    free: true,
    types: global('budgets'),
    versions: ['2024-08-01', '2023-11-01', '2021-10-01', '2019-10-01'],
  },
  {
    namespace: 'Microsoft.CostManagement',
    free: true,
    types: global('query'),
    versions: ['2025-03-01', '2024-08-01', '2023-11-01', '2022-10-01', '2021-10-01'],
  },
];

export function findProvider(namespace: string): Provider | undefined {
  return PROVIDERS.find((provider) => provider.namespace.toLowerCase() === namespace.toLowerCase());
}

/** Finds a type by its full name, e.g. `Microsoft.Compute/virtualMachines/extensions`. */
export function findType(fullName: string): ResourceType | undefined {
  const [namespace = '', ...rest] = fullName.split('/');
  const wanted = rest.join('/').toLowerCase();
  return findProvider(namespace)?.types.find(({ name }) => name.toLowerCase() === wanted);
}

export function isApiVersion(namespace: string, version: string): boolean {
  return findProvider(namespace)?.versions.includes(version.toLowerCase()) ?? /^\d{4}-\d\d-\d\d/.test(version);
}

/** The short name of a region, which may be written as `West Europe` too; undefined for one that does not exist. */
export function findLocation(text: string): string | undefined {
  const wanted = text.replaceAll(' ', '').toLowerCase();
  return wanted in LOCATIONS ? wanted : undefined;
}
