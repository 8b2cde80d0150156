/** The three kinds of CSP product, as Cloudesire writes them in `cspProductType`. */
export type ProductType = 'license' | 'azure' | 'arm';

/** What a subscription can need. */
export type Operation = 'provision' | 'deprovision';
