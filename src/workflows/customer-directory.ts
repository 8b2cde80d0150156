import type { Lane } from '../engine/journal.ts';

/** The Microsoft customer that belongs to a marketplace company (or private buyer). */
export interface KnownCustomer {
  customerId: string;
  domain: string;
  /** First administrator of a tenant that we created: name, and the password sealed until it was handed over. */
  administrator?: { userName: string; sealedPassword?: string };
  /** The Microsoft Customer Agreement is known to be accepted. */
  agreed?: boolean;
  /** ISO instant at which that was last learned. */
  agreedAt?: string;
}

/** Which company has which Microsoft customer. Creating one is the privilege of the subscription that claimed it. */
export interface CustomerDirectory {
  find(owner: string): Promise<KnownCustomer | undefined>;
  /** Whose Microsoft customer it is, as far as we know. */
  ownerOf(customerId: string): Promise<string | undefined>;
  /** Claims the creation for this subscription; answers who holds the claim (oneself: the claim is ours). */
  claim(owner: string, subscriptionId: number): Promise<number>;
  /** Takes a claim from a subscription that no longer works on it. False when the claim had changed hands meanwhile. */
  takeOver(owner: string, from: number, to: number): Promise<boolean>;
  save(lane: Lane, owner: string, customer: KnownCustomer): Promise<void>;
  /** Reserves a domain for the owner; false when another owner has it. */
  reserveDomain(domain: string, owner: string): Promise<boolean>;
  /** Notes, just before the call, that the creation of a customer with this domain is sent. Kept until a customer is saved. */
  noteAttempt(owner: string, domain: string): Promise<void>;
  /** Domains for which a creation was sent, by whichever subscription of the owner. */
  attempts(owner: string): Promise<string[]>;
  /** Takes note that nothing came of the creation with this domain. */
  forgetAttempt(owner: string, domain: string): Promise<void>;
  /** Gives a claim of the lane's subscription back, if it has one. */
  release(lane: Lane, owner: string): Promise<void>;
  /** The cart with which the Azure plan of this customer is bought, if one was made. */
  azurePlanCart(customerId: string): Promise<string | undefined>;
  /** Shares a cart with all orders of the customer, unless another one was shared meanwhile; answers which one it is. */
  shareAzurePlanCart(customerId: string, cart: { instead: string | undefined; cartId: string }): Promise<string>;
}
