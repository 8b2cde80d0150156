import type { CustomerCode } from '../../lib/errors.ts';

/** A datum that the customer can be asked for. */
export type AskedField =
  | 'companyName'
  | 'email'
  | 'firstName'
  | 'lastName'
  | 'addressLine'
  | 'city'
  | 'country'
  | 'postalCode'
  | 'state'
  | 'phoneNumber'
  | 'registrationNumber';

/** How the customer gets in: with a first password of a tenant made for them, without one because it was lost, or as before. */
export type Access = 'new-tenant' | 'password-lost' | 'existing-tenant';

/** What the agreement is needed for: an order, a change or the renewal of what is in service, or its return after a suspension. */
export type AgreementNeed = 'order' | 'change' | 'renewal' | 'return';

/** What is on order for the next term: other seats, another plan, or the licence that follows a trial. */
export type NextTermChange = 'seats' | 'plan' | 'afterTrial';

/** What is wrong with the value that a customer entered for a parameter. */
export type ParameterFlaw =
  | 'missing'
  | 'allowed'
  | 'length'
  | 'items'
  | 'range'
  | 'number'
  | 'yes-no'
  | 'list'
  | 'object'
  | 'characters'
  | 'bracket'
  | 'dns-label';

/** What the customer may do in Azure with what was deployed for them. */
export type AzureAccess = 'none' | 'reader' | 'contributor' | 'owner';

/** Why an order is refused before it is taken. */
export type ObjectionCode =
  | 'plan.not-available'
  | 'plan.change-not-possible'
  | 'offer.not-sold'
  | 'order.sandbox'
  | 'order.seats-missing'
  | 'order.quantity-invalid'
  | 'order.quantity-out-of-bounds'
  | 'order.term-end-not-allowed'
  | 'customer.company-required'
  | 'customer.data-missing'
  | 'customer.data-refused'
  | 'customer.domain-unusable'
  | 'customer.domain-taken'
  | 'customer.tenant-of-another'
  | 'trial.used'
  | 'trial.seats-fixed'
  | 'order.parameter-invalid';

/** Failures of an order of which the customer is told in words of their own: what they can cure, and what is over without them. */
export type FailureCode = CustomerCode | 'customer.not-allowed' | 'operation.deadline';

/** Values that a text may need; never personal data. */
export type Params = Record<string, string>;

/** The links that texts name, as the marketplace shows them: in its first language, whatever that of the text. */
export type Links = Pick<Texts['endpoints'], 'admin' | 'agreement' | 'invitation'>;

/**
 * Everything that a customer reads, in one language. Plain text: the marketplace forbids links in instructions, so addresses go
 * into endpoints, and each text stays far below its 4096 characters.
 */
export interface Texts {
  license: Record<Access, (links: Links) => string>;
  /** Of a deployment: that it is there, of a tenant that was made with it, and who can reach it in Azure. */
  azure: { ready: string; newTenant: string; access: Record<AzureAccess, string> };
  agreement: Record<AgreementNeed, (links: Links) => string>;
  invitation(links: Links): string;
  /** The customer has done their part, and what is left may take Microsoft days. */
  underWay: string;
  /** Changes that take effect later; `date` in the form of the language, or empty. */
  nextTerm: Record<NextTermChange, (params: { seats: number; date: string }) => string>;
  /** What was on order for the next term has come about. */
  newTerm: Record<'renewed' | 'afterTrial', (params: { seats: number } & Links) => string>;
  /** A number of licences that one subscription cannot have was asked for, of what is in service. */
  seatsNotPossible(params: Params): string;
  endpoints: {
    admin: string;
    passwordReset: string;
    documentation: string;
    agreement: string;
    invitation: string;
    application: string;
    azureManaged: string;
    azurePortal: string;
  };
  credentials: { userName: string; password: string; generated: string };
  fields: Record<AskedField, string>;
  /** Why an order failed and what to do next; `other` for every code without a text of its own. */
  failures: Record<FailureCode | 'other', (params: Params) => string>;
  /** Why an order is not taken, and what the customer can do about it. */
  objections: Record<ObjectionCode, (params: Params) => string>;
  /** What stands beside the values of a parameter that a customer may choose. */
  choices: {
    existingOrganisation: string;
    /** A day on which the licences may end: with others of the customer, or with a month. */
    sharedTermEnd(params: { date: string }): string;
    monthlyTermEnd(params: { date: string }): string;
  };
  /** The rule that a value must follow, as a part of a sentence; `allowed` lists values, `min` and `max` are counts. */
  parameterFlaws: Record<ParameterFlaw, (params: Params) => string>;
}
