import type { Arguments, EmulatorServer } from '../core/server.ts';
import type { Controls } from './controls.ts';

/** The arguments of each control, which a command gets in one JSON object. */
const ARGUMENTS = {
  switches: {},
  setSwitches: {},
  finishOperations: {},
  failResource: { kind: 'text', resource: 'text?', at: 'text?', error: 'object?', times: 'number?' },
  clearFailures: {},
  failAliases: { times: 'number?' },
  throttleAliases: { times: 'number?', retryAfterS: 'number?' },
  deleteAliasByHand: { alias: 'text' },
  forgetPrincipals: { times: 'number?' },
  challengeTokens: {},
  removeForeignPrincipal: { subscription: 'text' },
  setSubscriptionState: { subscription: 'text', to: 'text' },
  registerProviders: { subscription: 'text', namespaces: 'list' },
  lock: { scope: 'text', name: 'text?', level: 'text?' },
  unlock: { scope: 'text' },
  blockDeletion: { resource: 'text', on: 'flag?' },
  images: {},
  putImage: { publisher: 'text', offer: 'text', sku: 'text', versions: 'list', os: 'text', locations: 'list?' },
  removeImage: { publisher: 'text', offer: 'text', sku: 'text' },
  requirePortal: { publisher: 'text', offer: 'text', plan: 'text', on: 'flag?' },
  restrictSize: { size: 'text', location: 'text', reasonCode: 'text?' },
  allowSize: { size: 'text' },
  setQuota: { name: 'text', limit: 'number', subscriptionId: 'text?', location: 'text?' },
  failStarts: { resource: 'text', times: 'number?', error: 'object?' },
  powerByHand: { resource: 'text', action: 'text' },
  deleteByHand: { resource: 'text' },
  deleteGroupByHand: { group: 'text' },
  putResource: { id: 'text', body: 'object' },
  subscriptions: {},
  groups: {},
  resources: {},
  roleAssignments: {},
  aliases: {},
  terms: {},
  locks: {},
  powerHistory: { resource: 'text' },
  deploymentHistory: { group: 'text?' },
  leftovers: { group: 'text?', tag: 'text?', value: 'text?' },
  books: {},
} satisfies Record<keyof Controls, Arguments>;

/** Registers every control as a command of the server, e.g. `POST /_emulator/allowSize {"size":"Standard_B2s"}`. */
export function registerCommands(server: EmulatorServer, controls: Controls): void {
  for (const [name, takes] of Object.entries(ARGUMENTS)) {
    server.command(name, controls[name as keyof Controls] as (args: never) => unknown, takes);
  }
}
