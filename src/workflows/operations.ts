/** The kinds of CSP product, as Cloudesire writes them in `cspProductType`. */
export const PRODUCT_TYPES = ['license', 'azure', 'arm'] as const;
export type ProductType = (typeof PRODUCT_TYPES)[number];

/** What a subscription can need. `report` tells the marketplace again what is already true at Microsoft, `note-renewal`
 * what has become true there with the new term. `set-term-end` puts on order again what is to happen at the end of the term.
 * `reconfigure` deploys again with what the customer entered since. */
export type Operation =
  | 'provision'
  | 'report'
  | 'change-seats'
  | 'change-plan'
  | 'reconfigure'
  | 'convert-trial'
  | 'renew'
  | 'set-term-end'
  | 'note-renewal'
  | 'suspend'
  | 'resume'
  | 'deprovision';

/** Hears how long things took, to count them. Times in milliseconds, waits included. */
export interface Measures {
  step(measured: { productType: ProductType; step: string; durationMs: number }): void;
  /** `refused`: the customer was told what to supply. */
  operation(measured: {
    productType: ProductType;
    operation: Operation;
    outcome: 'done' | 'failed' | 'refused';
    durationMs: number;
  }): void;
}
