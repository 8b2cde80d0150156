/** What a resource is for, so that a person sees at a glance what a template will create. */
export type Role = 'application' | 'data' | 'network' | 'dns' | 'other';

/** The first that fits. */
const ROLES: [Role, RegExp][] = [
  ['dns', /^microsoft\.(network\/(private)?dns|network\/trafficmanager|domainregistration\/)/i],
  ['network', /^microsoft\.(network|cdn)\//i],
  [
    'data',
    /^microsoft\.(dbfor\w+|sql|documentdb|cache|storage|synapse|kusto|datafactory|netapp|search|databricks|azuredata|compute\/(disks|snapshots))(\/|$)/i,
  ],
  [
    'application',
    /^microsoft\.(compute|web|app|containerservice|containerinstance|containerregistry|appplatform|servicefabric|logic|batch|apimanagement|signalrservice|redhatopenshift|desktopvirtualization|cognitiveservices|machinelearningservices)\//i,
  ],
];

/**
 * What an order must not create, and why. The connector acts as owner of the customer's Azure subscription, so a template
 * could otherwise hand out that power, run programs with it, outlive the order, or buy.
 *
 * Identities that Azure keeps for a single resource (`"identity": { "type": "SystemAssigned" }`) are no resources of their
 * own, begin without any rights and end with it: they are allowed.
 */
const FORBIDDEN: [type: RegExp, why: string][] = [
  [/^microsoft\.authorization\//i, 'it changes who may do what, or locks resources against their removal'],
  [/\/providers\/(\S+\/)?(role|policy|lock|denyassign)/i, 'it changes who may do what, or locks resources'],
  [/^microsoft\.managedidentity\//i, 'it creates an identity that others can use'],
  [/^microsoft\.(managedservices|management|blueprint)\//i, 'it gives others power over the subscription'],
  [/^microsoft\.resources\/(deploymentscripts|deploymentstacks)/i, 'it runs what nobody has checked'],
  [/^microsoft\.(resources\/(resourcegroups|subscriptions)|subscription\/)/i, 'it reaches beyond the resource group'],
  [
    /^microsoft\.(billing|billingbenefits|capacity|saas|marketplaceordering)\//i,
    'it buys, or accepts terms in the name of the customer',
  ],
];

/** A provider of Azure, and at least one type. */
const RESOURCE_TYPE = /^[a-z][\w-]*(\.[\w-]+)+(\/[\w.-]+)+$/i;

export function isResourceType(type: string): boolean {
  return RESOURCE_TYPE.test(type);
}

export function roleOf(type: string): Role {
  return ROLES.find(([, pattern]) => pattern.test(type))?.[0] ?? 'other';
}

/** Why a template must not create resources of a type; `undefined` when it may. */
export function whyForbidden(type: string): string | undefined {
  return FORBIDDEN.find(([pattern]) => pattern.test(type))?.[1];
}
