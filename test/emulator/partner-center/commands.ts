import type { EmulatorServer } from '../core/server.ts';
import type { createControls } from './controls.ts';
import type { createInspections } from './inspections.ts';

/** Everything that can be done to the emulator, or asked of it, besides the API. */
export type Controls = ReturnType<typeof createControls> & ReturnType<typeof createInspections>;

/** Names of the arguments of each control, in order, as a command gets them in one JSON object. */
const ARGUMENTS = {
  acceptAttestation: ['attestationId'],
  acceptAllAttestations: ['on'],
  expireAttestation: ['attestationId'],
  signDirectly: ['customerId', 'signed'],
  requireReacceptance: ['customerId'],
  setVetting: ['customerId', 'status'],
  lockCustomer: ['customerId', 'locked'],
  setQualification: ['customerId', 'qualification', 'vettingStatus'],
  addExistingTenant: ['tenant'],
  acceptRelationship: ['domain', 'options'],
  takeDomain: ['domain'],
  answerAddressWith: ['status', 'times'],
  setOrderDelayMs: ['delayMs'],
  forceOrderOutcome: ['outcome', 'times'],
  settleOrder: ['orderId', 'status'],
  holdCheckouts: ['on'],
  setSwitches: ['values'],
  switches: [],
  retireSku: ['productId', 'skuId'],
  setSkuBounds: ['productId', 'skuId', 'bounds'],
  rotateAvailabilities: [],
  suspendByMicrosoft: ['subscriptionId', 'reason'],
  clearSuspension: ['subscriptionId'],
  cancelByHand: ['subscriptionId'],
  changeQuantityByHand: ['subscriptionId', 'seats'],
  changeItemByHand: ['subscriptionId', 'item'],
  moveByHand: ['subscriptionId', 'offer'],
  setAutoRenewByHand: ['subscriptionId', 'on'],
  addEntitlement: ['planId', 'facts'],
  setMachineCostPerHour: ['entitlementId', 'cost'],
  reportFraud: ['entitlementId'],
  billed: ['subscriptionId', 'at'],
  deliverNow: [],
  deliveries: [],
  webhook: [],
  customers: [],
  subscriptions: [],
  orders: [],
  carts: [],
  attestations: [],
  agreements: [],
  entitlements: [],
  books: [],
} satisfies Record<keyof Controls, string[]>;

/** Registers every control as a command of the server, e.g. `POST /_emulator/setVetting {"customerId":…,"status":…}`. */
export function registerCommands(server: EmulatorServer, controls: Controls): void {
  for (const [name, parameters] of Object.entries(ARGUMENTS)) {
    const control = controls[name as keyof Controls] as (...args: unknown[]) => unknown;
    server.command(name, (args: Record<string, unknown>) => control(...parameters.map((parameter) => args[parameter])));
  }
}
