import type { EmulatorServer } from '../core/server.ts';
import type { BuyingControls } from './buying-controls.ts';
import type { CatalogueControls, Fields } from './catalogue-controls.ts';
import type { EventControls, EventSettings, RawEvent } from './event-controls.ts';
import type { MarketplaceCalls } from './marketplace-calls.ts';
import type { DeploymentStatus } from './model.ts';
import type { NewOrder } from './ordering.ts';
import { isObject } from './reports.ts';
import type { Switches } from './switches.ts';

type Args = Record<string, unknown>;

export interface CommandParts {
  server: EmulatorServer;
  buying: BuyingControls;
  eventing: EventControls;
  catalogue: CatalogueControls;
  calls: Pick<MarketplaceCalls, 'validateOrder' | 'parameterValues' | 'readMetric'>;
  administration: {
    switches(): Switches;
    setSwitches(changes: Partial<Switches>): Switches;
    expireLoginTokens(): void;
    books(): unknown;
    secrets(): string[];
    reset(options?: { firstSubscriptionId?: number }): void;
  };
}

/** Offers every control function under its own name to callers of other languages, with named arguments. */
export function addCommands({ server, buying, eventing, catalogue, calls, administration }: CommandParts): void {
  const add = (name: string, run: (args: Args) => unknown) => server.command(name, run);
  const payment = (args: Args) => (args.paid === undefined ? {} : { paid: flag(args, 'paid') });
  const subscription = (args: Args) => whole(args, 'subscription');

  add('placeOrder', (args) => {
    whole(args, 'plan');
    whole(args, 'buyer');
    return { subscription: buying.placeOrder(args as unknown as NewOrder) };
  });
  add('pay', (args) => ({ invoices: buying.pay(subscription(args)) }));
  add('expirePayment', (args) => buying.expirePayment(subscription(args)));
  add('approve', (args) => buying.approve(subscription(args)));
  add('reject', (args) => buying.reject(subscription(args)));
  add('renew', (args) => ({ order: buying.renew(subscription(args), payment(args)) }));
  add('changePlan', (args) => buying.changePlan(subscription(args), whole(args, 'plan'), payment(args)));
  add('changeQuantity', (args) => buying.changeQuantity(subscription(args), whole(args, 'licenses'), payment(args)));
  add('convertTrial', (args) => ({ order: buying.convertTrial(subscription(args), payment(args)) }));
  add('terminate', (args) => ({ order: buying.terminate(subscription(args)) }));
  add('switchAutoRenew', (args) => buying.switchAutoRenew(subscription(args), flag(args, 'autoRenew')));
  add('stop', (args) => buying.stop(subscription(args)));
  add('resume', (args) => buying.resume(subscription(args)));
  add('overrideStatus', (args) => buying.overrideStatus(subscription(args), text(args, 'status') as DeploymentStatus));
  add('overrideOrder', ({ subscription: _id, ...order }) => buying.overrideOrder(Number(_id), order));
  add('changeParameters', (args) => buying.changeParameters(subscription(args), texts(args, 'values')));
  add('subscription', (args) => buying.subscription(whole(args, 'id')));
  add('subscriptions', () => buying.subscriptions());
  add('whenStatus', (args) => {
    const wanted = args.status as DeploymentStatus | DeploymentStatus[];
    return buying.whenStatus(whole(args, 'id'), wanted, args.withinRealMs as number | undefined);
  });

  add('whenBooked', ({ withinRealMs, ...wanted }) => buying.whenBooked(wanted, withinRealMs as number | undefined));

  add('configureEvents', (args) => eventing.configureEvents(args as EventSettings));
  add('setDeliveryTarget', (args) => {
    const secret = args.secret === undefined ? {} : { secret: text(args, 'secret') };
    return eventing.setDeliveryTarget({ endpoint: text(args, 'endpoint'), ...secret });
  });
  add('configureCallbacks', (args) => eventing.configureCallbacks(args));
  add('sendTestEvent', (args) => ({ event: eventing.sendTestEvent(args) }));
  add('sendEvent', (args) => eventing.sendEvent(args as RawEvent));
  add('repeatEvent', (args) => eventing.repeatEvent(whole(args, 'event'), args.times as number | undefined));
  add('holdEvents', () => eventing.holdEvents());
  add('releaseEvents', (args) => eventing.releaseEvents(args));
  add('dropEvents', (args) => eventing.dropEvents(whole(args, 'count')));
  add('redeliver', async () => ({ delivered: await eventing.redeliver() }));
  add('whenEventsIdle', () => eventing.whenEventsIdle());
  add('events', () => eventing.events());

  add('putPlanMetadata', (args) => catalogue.putPlanMetadata(whole(args, 'plan'), texts(args, 'values')));
  add('deletePlanMetadata', (args) => catalogue.deletePlanMetadata(whole(args, 'plan'), text(args, 'key')));
  add('putSubscriptionMetadata', (args) =>
    catalogue.putSubscriptionMetadata(whole(args, 'subscription'), texts(args, 'values')),
  );
  add('putProductMetadata', (args) => catalogue.putProductMetadata(whole(args, 'product'), texts(args, 'values')));
  add('deleteProductMetadata', (args) => catalogue.deleteProductMetadata(whole(args, 'product'), text(args, 'key')));
  add('putPlan', (args) => catalogue.putPlan(whole(args, 'id'), fields(args), args.like as number | undefined));
  add('putProduct', (args) => catalogue.putProduct(whole(args, 'id'), fields(args)));
  add('putBuyer', (args) => catalogue.putBuyer(whole(args, 'id'), fields(args)));
  add('putCompany', (args) => catalogue.putCompany(whole(args, 'id'), fields(args)));

  add('validateOrder', (args) => calls.validateOrder(args));
  add('parameterValues', (args) => calls.parameterValues(args));
  add('readMetric', (args) => calls.readMetric({ url: text(args, 'url'), subscription: whole(args, 'subscription') }));

  add('switches', () => administration.switches());
  add('setSwitches', (args) => administration.setSwitches(args as Partial<Switches>));
  add('expireLoginTokens', () => administration.expireLoginTokens());
  add('books', () => administration.books());
  add('secrets', () => administration.secrets());
  add('reset', (args) => administration.reset(args));
}

function whole(args: Args, name: string): number {
  const value = args[name];
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new Error(`${name} is a whole number.`);
  return value;
}

function text(args: Args, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new Error(`${name} is a text.`);
  return value;
}

function flag(args: Args, name: string): boolean {
  const value = args[name];
  if (typeof value !== 'boolean') throw new Error(`${name} is true or false.`);
  return value;
}

function fields(args: Args): Fields {
  if (!isObject(args.fields)) throw new Error('fields is an object.');
  return args.fields;
}

function texts(args: Args, name: string): Record<string, string> {
  const value = args[name];
  if (!isObject(value) || Object.values(value).some((entry) => typeof entry !== 'string')) {
    throw new Error(`${name} is a map of text to text.`);
  }
  return value as Record<string, string>;
}
