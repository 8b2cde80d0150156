import { once } from '../../lib/once.ts';

/**
 * The packages of the Azure SDK, loaded at the first use: they cost half a second and some 60 MB, which a process that never
 * talks to Azure shall not pay. They are loaded one after another, because loading two at once can fail with
 * `ERR_REQUIRE_ESM_RACE_CONDITION`.
 *
 * @see https://github.com/Azure/azure-sdk-for-js
 */
export const loadSdk = once(async () => {
  const { getClient } = await import('@azure-rest/core-client');
  const { DeploymentsClient } = await import('@azure/arm-resourcesdeployments');
  const { ResourceManagementClient } = await import('@azure/arm-resources');
  const { ComputeManagementClient } = await import('@azure/arm-compute');
  const { ClientSecretCredential } = await import('@azure/identity');
  const { ConfidentialClientApplication } = await import('@azure/msal-node');
  return {
    getClient,
    DeploymentsClient,
    ResourceManagementClient,
    ComputeManagementClient,
    ClientSecretCredential,
    ConfidentialClientApplication,
  };
});

export type Sdk = Awaited<ReturnType<typeof loadSdk>>;
