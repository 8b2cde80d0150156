import { CustomerError } from '../../lib/errors.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import { type Buyer, readBuyer } from '../buyer.ts';
import type { Checks } from '../checks.ts';
import type { Fulfillment } from '../fulfillment.ts';
import { isRefusedSandbox, type PlanSettings } from '../plan-operation.ts';
import type { CustomerDirectory, Records } from '../record.ts';
import { readSelling, type Selling } from '../selling.ts';
import { refuseWrongAddress } from '../steps/ensure-customer.ts';
import { existingTenant, findNamedCustomer } from '../steps/named-tenant.ts';
import { composeNewCustomer } from '../steps/new-customer.ts';
import { readDomainWish } from '../steps/tenant-domain.ts';
import type { ProposedOrder } from '../validate-order.ts';
import { findCatalogItem, refuseOutOfBounds } from './catalog-item.ts';
import { type LicenseOrder, type LicenseSettings, readLicenseOrder, readSeats } from './parameters.ts';
import { hasEnded, offerOf } from './partner-subscription.ts';
import { findPlanChange } from './transition.ts';

export interface ValidateLicenseOrderParts extends PlanSettings {
  cloudesire: Pick<Cloudesire, 'catalogue' | 'customers'>;
  partnerCenter: Pick<PartnerCenter, 'catalog' | 'customers' | 'subscriptions'>;
  directory: Pick<CustomerDirectory, 'find' | 'ownerOf'>;
  records: Pick<Records, 'get'>;
  license: LicenseSettings;
  privateCustomers: 'refuse' | 'allow';
}
