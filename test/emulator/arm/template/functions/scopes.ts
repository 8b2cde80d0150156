import type { Environment } from '../environment.ts';
import { type BuiltIns, define, integerAt, stringAt } from './built-in.ts';

/**
 * Functions that tell where and what is being deployed.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-scope
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-deployment
 */
export const SCOPE_FUNCTIONS: BuiltIns = {
  deployer: define(0, 0, ({ env }) => ({
    objectId: env.scope.tenantId,
    tenantId: env.scope.tenantId,
    userPrincipalName: '',
  })),
  deployment: define(0, 0, ({ env }) => ({
    name: env.scope.deploymentName,
    properties: { template: env.template, mode: 'Incremental', provisioningState: 'Accepted' },
  })),
  environment: define(0, 0, () => AZURE_CLOUD),
  pickZones: define(3, 5, (call) => {
    const count = call.args.length > 3 ? integerAt(call, 3) : 1;
    stringAt(call, 0);
    return ['1', '2', '3'].slice(0, count);
  }),
  resourceGroup: define(0, 0, ({ env }) => resourceGroup(env)),
  subscription: define(0, 0, ({ env }) => ({
    id: `/subscriptions/${env.scope.subscriptionId}`,
    authorizationSource: 'RoleBased',
    managedByTenants: [],
    subscriptionId: env.scope.subscriptionId,
    tenantId: env.scope.tenantId,
    displayName: env.scope.subscriptionName,
    state: 'Enabled',
  })),
  tenant: define(0, 0, ({ env }) => ({
    id: `/tenants/${env.scope.tenantId}`,
    tenantId: env.scope.tenantId,
    tenantCategory: 'Home',
  })),
};

function resourceGroup({ scope }: Environment): object {
  const { name, location, tags } = scope.resourceGroup;
  return {
    id: `/subscriptions/${scope.subscriptionId}/resourceGroups/${name}`,
    name,
    type: 'Microsoft.Resources/resourceGroups',
    location,
    tags,
    properties: { provisioningState: 'Succeeded' },
  };
}

const AZURE_CLOUD = {
  name: 'AzureCloud',
  gallery: 'https://gallery.azure.com/',
  graph: 'https://graph.windows.net/',
  portal: 'https://portal.azure.com',
  graphAudience: 'https://graph.windows.net/',
  activeDirectoryDataLake: 'https://datalake.azure.net/',
  batch: 'https://batch.core.windows.net/',
  media: 'https://rest.media.azure.net',
  sqlManagement: 'https://management.core.windows.net:8443/',
  vmImageAliasDoc:
    'https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json',
  resourceManager: 'https://management.azure.com/',
  authentication: {
    loginEndpoint: 'https://login.microsoftonline.com/',
    audiences: ['https://management.core.windows.net/', 'https://management.azure.com/'],
    tenant: 'common',
    identityProvider: 'AAD',
  },
  suffixes: {
    acrLoginServer: '.azurecr.io',
    azureDatalakeAnalyticsCatalogAndJob: 'azuredatalakeanalytics.net',
    azureDatalakeStoreFileSystem: 'azuredatalakestore.net',
    azureFrontDoorEndpointSuffix: 'azurefd.net',
    keyvaultDns: '.vault.azure.net',
    sqlServerHostname: '.database.windows.net',
    storage: 'core.windows.net',
  },
};
