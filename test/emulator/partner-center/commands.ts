import type { Arguments, EmulatorServer } from '../core/server.ts';
import type { createControls } from './controls.ts';
import type { createInspections } from './inspections.ts';

/** Everything that can be done to the emulator, or asked of it, besides the API. */
export type Controls = ReturnType<typeof createControls> & ReturnType<typeof createInspections>;

/** The arguments of each control, in order, as a command gets them in one JSON object. */
const ARGUMENTS = {
  acceptAttestation: { attestationId: 'text' },
  acceptAllAttestations: { on: 'flag' },
  expireAttestation: { attestationId: 'text' },
  signDirectly: { customerId: 'text', signed: 'flag' },
  requireReacceptance: { customerId: 'text' },
  setVetting: { customerId: 'text', status: 'text or null' },
  lockCustomer: { customerId: 'text', locked: 'flag' },
  setQualification: { customerId: 'text', qualification: 'text', vettingStatus: 'text' },
  addExistingTenant: { tenant: { domain: 'text', companyName: 'text', country: 'text' } },
  acceptRelationship: { domain: 'text', options: 'object?' },
  takeDomain: { domain: 'text' },
  answerAddressWith: { status: 'text', times: 'number?' },
  setOrderDelayMs: { delayMs: 'number' },
  forceOrderOutcome: { outcome: 'text', times: 'number?' },
  settleOrder: { orderId: 'text', status: 'text' },
  holdCheckouts: { on: 'flag' },
  setSwitches: { values: 'object' },
  switches: {},
  retireSku: { productId: 'text', skuId: 'text' },
  setSkuBounds: { productId: 'text', skuId: 'text', bounds: 'object' },
  rotateAvailabilities: {},
  suspendByMicrosoft: { subscriptionId: 'text', reason: 'text' },
  clearSuspension: { subscriptionId: 'text' },
  cancelByHand: { subscriptionId: 'text' },
  changeQuantityByHand: { subscriptionId: 'text', seats: 'number' },
  changeItemByHand: { subscriptionId: 'text', item: 'object' },
  moveByHand: { subscriptionId: 'text', offer: 'text' },
  setAutoRenewByHand: { subscriptionId: 'text', on: 'flag' },
  addEntitlement: { planId: 'text', facts: 'object?' },
  setMachineCostPerHour: { entitlementId: 'text', cost: 'number' },
  reportFraud: { entitlementId: 'text' },
  billed: { subscriptionId: 'text', at: 'number?' },
  deliverNow: {},
  deliveries: {},
  webhook: {},
  customers: {},
  subscriptions: {},
  orders: {},
  carts: {},
  attestations: {},
  agreements: {},
  entitlements: {},
  books: {},
} satisfies Record<keyof Controls, Arguments>;

/** Registers every control as a command of the server, e.g. `POST /_emulator/setVetting {"customerId":…,"status":…}`. */
export function registerCommands(server: EmulatorServer, controls: Controls): void {
  for (const [name, takes] of Object.entries(ARGUMENTS)) {
    const control = controls[name as keyof Controls] as (...args: unknown[]) => unknown;
    const run = (args: Record<string, unknown>) => control(...Object.keys(takes).map((argument) => args[argument]));
    server.command(name, run, takes);
  }
}
