import { readFileSync } from 'node:fs';
import type { Clock } from '../core/clock.ts';
import type {
  BillingItem,
  BookEntry,
  Company,
  ConfigurationParameter,
  Invoice,
  Order,
  Plan,
  Product,
  Reseller,
  Subscription,
  SubscriptionType,
  User,
} from './model.ts';
import { idOf } from './model.ts';
import { notFound } from './refusal.ts';

/** How somebody signs in: a password, and the one permanent token that a user can have. */
export interface Account {
  user: number;
  password: string;
  permanentToken?: string;
}

const FIRST_IDS = {
  subscription: 50_010,
  order: 61_010,
  invoice: 70_010,
  event: 880_121,
  endpoint: 8_801,
  deploymentStatus: 88_901,
  product: 240,
  plan: 2_401,
  billingItem: 903,
  billingItemValue: 3_103,
  configurationParameter: 706,
};
export type IdKind = keyof typeof FIRST_IDS;

/** The records of the marketplace. Everything lives in memory and starts anew from the seed. */
export interface State {
  users: Map<number, User>;
  userCompanies: Map<number, Company>;
  companies: Map<number, Company>;
  resellers: Map<number, Reseller>;
  products: Map<number, Product>;
  plans: Map<number, Plan>;
  billingItems: Map<number, BillingItem>;
  configurationParameters: Map<number, ConfigurationParameter>;
  /** By path of the resource, e.g. `productVersion/2101`. */
  metadata: Map<string, Record<string, string>>;
  platformEndpoints: Array<{ url: string; secret?: string }>;
  accounts: Map<number, Account>;
  subscriptions: Map<number, Subscription>;
  orders: Map<number, Order>;
  invoices: Map<number, Invoice>;
  books: BookEntry[];
  countryCodes: string[];
  nextId(kind: IdKind): number;
  note(what: string, details: Omit<Partial<BookEntry>, 'seq' | 'at' | 'what'>): void;
  /** Calls back with every new line of the books, until the function that it returns is called. */
  onNote(listener: (entry: BookEntry) => void): () => void;
  reset(firstSubscriptionId?: number): void;
}

const SEEDED_TEMPLATE_ORIGIN = 'https://templates.nordlicht.example';

/**
 * Returns the records as the seed has them: people, companies and catalogue, and no subscription. Templates that the seed
 * names stand at `templateOrigin`, if there is one.
 */
export function createState(clock: Clock, templateOrigin = SEEDED_TEMPLATE_ORIGIN): State {
  const lastIds = new Map<IdKind, number>();
  const listeners = new Set<(entry: BookEntry) => void>();

  const state: State = {
    users: new Map(),
    userCompanies: new Map(),
    companies: new Map(),
    resellers: new Map(),
    products: new Map(),
    plans: new Map(),
    billingItems: new Map(),
    configurationParameters: new Map(),
    metadata: new Map(),
    platformEndpoints: [],
    accounts: new Map(),
    subscriptions: new Map(),
    orders: new Map(),
    invoices: new Map(),
    books: [],
    countryCodes: readSeed<string[]>('country-codes'),

    nextId(kind) {
      const id = (lastIds.get(kind) ?? FIRST_IDS[kind] - 1) + 1;
      lastIds.set(kind, id);
      return id;
    },

    note(what, details) {
      const at = new Date(clock.now()).toISOString();
      const entry = { seq: state.books.length + 1, at, what, ...details };
      state.books.push(entry);
      for (const listener of listeners) listener(entry);
    },

    onNote(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    reset(firstSubscriptionId = FIRST_IDS.subscription) {
      lastIds.clear();
      lastIds.set('subscription', firstSubscriptionId - 1);
      fill(state.users, readSeed<User[]>('users'));
      fill(state.userCompanies, readSeed<Company[]>('user-companies'));
      fill(state.companies, readSeed<Company[]>('companies'));
      fill(state.resellers, readSeed<Reseller[]>('resellers'));
      fill(state.products, readSeed<Product[]>('products'));
      fill(state.plans, readSeed<Plan[]>('plans'));
      fill(state.billingItems, readSeed<BillingItem[]>('billing-items'));
      fill(state.configurationParameters, readSeed<ConfigurationParameter[]>('configuration-parameters'));
      state.metadata.clear();
      for (const [path, map] of Object.entries(readSeed<Record<string, Record<string, string>>>('metadata'))) {
        const texts = Object.entries(map).map(([key, text]) => [
          key,
          text.replace(SEEDED_TEMPLATE_ORIGIN, templateOrigin),
        ]);
        state.metadata.set(path, Object.fromEntries(texts));
      }
      state.accounts.clear();
      for (const account of readSeed<Account[]>('accounts')) state.accounts.set(account.user, account);
      state.platformEndpoints = [];
      state.subscriptions.clear();
      state.orders.clear();
      state.invoices.clear();
      state.books = [];
    },
  };
  state.reset();
  return state;
}

/** The record with this id. @throws {Refusal} 404 when there is none */
export function pick<Item>(map: Map<number, Item>, kind: string, id: number | string): Item {
  const item = map.get(Number(id));
  if (item === undefined) throw notFound(kind, id);
  return item;
}

/** The parameters that a plan asks the customer for. */
export function parametersOf(state: State, plan: Plan): ConfigurationParameter[] {
  return plan.configurationParameters.map((reference) =>
    pick(state.configurationParameters, 'ConfigurationParameter', idOf(reference)),
  );
}

/** The name of a subscription that nobody named. */
export function defaultName(product: Product, plan: Plan, type: SubscriptionType): string {
  return `${product.name} - ${plan.name}${type === 'NORMAL' ? '' : ` (${type.toLowerCase()})`}`;
}

/** The extra resource that a plan sells, licences for instance, when it sells one. */
export function billingItemOf(state: State, plan: Plan): BillingItem | undefined {
  const value = plan.billingItemValues[0];
  return value === undefined ? undefined : pick(state.billingItems, 'BillingItem', idOf(value.item));
}

function fill<Item extends { id: number }>(map: Map<number, Item>, items: Item[]): void {
  map.clear();
  for (const item of items) map.set(item.id, item);
}

function readSeed<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`./seed/${name}.json`, import.meta.url), 'utf8')) as Content;
}
