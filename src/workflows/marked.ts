/** Something at Microsoft that bears the mark of a subscription of the marketplace: as friendly name, as name or as tag. */
export interface Marked {
  subscriptionId: number;
  /** The Microsoft customer who has it, which is the tenant. */
  customerId: string;
  what: 'partner subscription' | 'resource group' | 'Azure subscription';
  /** Of a resource group: that of its Azure subscription, a slash and its name. */
  id: string;
  /** In Microsoft's words. */
  status: string;
  /** Whether it is there and charged for ever, to the end of a term that does not renew, or no longer. */
  goesOn: 'yes' | 'to-its-end' | 'no';
}
