import type { Events } from './events.ts';
import type { MetadataAccess } from './metadata-routes.ts';
import { type Company, idOf, type Plan, type Product, type User } from './model.ts';
import { refusal } from './refusal.ts';
import { pick, type State } from './state.ts';

/** Fields to set; `null` removes one. */
export type Fields = Record<string, unknown>;

export type CatalogueControls = ReturnType<typeof createCatalogueControls>;

/** Returns the controls that change people, companies and catalogue. Each returns the resource as it stands afterwards. */
export function createCatalogueControls(parts: { state: State; events: Events; metadata: MetadataAccess }) {
  const { state, events, metadata } = parts;

  return {
    /** Merges into the integration metadata of a plan. */
    putPlanMetadata(plan: number, values: Record<string, string>): Record<string, string> {
      return metadata.put(pick(state.plans, 'ProductVersion', plan).self, values);
    },

    deletePlanMetadata(plan: number, key: string): void {
      metadata.remove(pick(state.plans, 'ProductVersion', plan).self, key);
    },

    putProductMetadata(product: number, values: Record<string, string>): Record<string, string> {
      return metadata.put(pick(state.products, 'Product', product).self, values);
    },

    deleteProductMetadata(product: number, key: string): void {
      metadata.remove(pick(state.products, 'Product', product).self, key);
    },

    /** Changes a plan, or adds one that starts as a copy of the plan `like`, its metadata included. */
    putPlan(id: number, fields: Fields, like?: number): Plan {
      const known = state.plans.get(id);
      const base = known ?? (like === undefined ? undefined : pick(state.plans, 'ProductVersion', like));
      if (base === undefined) throw refusal(400, 'A new plan needs the plan that it is like');
      const self = `productVersion/${id}`;
      const plan = merged<Plan>(base, {
        identifier: known?.identifier ?? `${base.identifier}-${id}`,
        ...fields,
        id,
        self,
      });
      state.plans.set(id, plan);
      if (known === undefined) {
        state.metadata.set(self, { ...state.metadata.get(base.self) });
        pick(state.products, 'Product', idOf(plan.product)).productVersion.push({ url: self });
      }
      events.emit({ entity: 'ProductVersion', id, type: known === undefined ? 'CREATED' : 'MODIFIED' });
      return structuredClone(plan);
    },

    /** Merges into the metadata of a subscription, as its customer can. */
    putSubscriptionMetadata(subscription: number, values: Record<string, string>): Record<string, string> {
      return metadata.put(`subscription/${subscription}`, values);
    },

    putProduct(id: number, fields: Fields): Product {
      const product = merged<Product>(pick(state.products, 'Product', id), { ...fields, id });
      state.products.set(id, product);
      return structuredClone(product);
    },

    /** Changes a customer, or adds one. An address is set as a whole. */
    putBuyer(id: number, fields: Fields): User {
      const known = state.users.get(id);
      const base = known ?? {
        id,
        self: `user/${id}`,
        userName: `customer-${id}`,
        userRole: 'ROLE_USER',
        email: `customer-${id}@mail.example`,
        enabled: true,
        metadata: { url: `user/${id}/metadata` },
      };
      const user = merged<User>(base, { ...fields, id });
      state.users.set(id, user);
      events.emit({ entity: 'User', id, type: known === undefined ? 'CREATED' : 'MODIFIED' });
      return structuredClone(user);
    },

    /** Changes a customer's company, or adds one. An address is set as a whole. */
    putCompany(id: number, fields: Fields): Company {
      const base = state.userCompanies.get(id) ?? {
        id,
        self: `userCompany/${id}`,
        name: `Company ${id}`,
        enabled: true,
      };
      const company = merged<Company>(base, { ...fields, id });
      state.userCompanies.set(id, company);
      return structuredClone(company);
    },
  };
}

function merged<Item>(base: object, fields: Fields): Item {
  const item: Record<string, unknown> = { ...structuredClone(base), ...structuredClone(fields) };
  for (const [field, value] of Object.entries(item)) if (value === null) delete item[field];
  return item as Item;
}
