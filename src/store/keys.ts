/** Every key that the connector keeps in Redis; BullMQ's own keys stand beside them under the same prefix. */
export type Keys = ReturnType<typeof createKeys>;

/** The keys under `prefix`. Writes touch several of them at once. */
export function createKeys(prefix: string) {
  return {
    /** The highest fence that was handed out for a subscription. */
    fence: (subscriptionId: number) => `${prefix}:fence:${subscriptionId}`,
    journal: (runId: string) => `${prefix}:journal:${runId}`,
    record: (subscriptionId: number) => `${prefix}:record:${subscriptionId}`,
    /** Sorted set of all recorded subscription ids by their `since`. */
    records: `${prefix}:records`,
    /** Hash of subscription id → how it stands, as counted. */
    kinds: `${prefix}:kinds`,
    /** Hash of how a record may stand → how many do. */
    tallies: `${prefix}:tallies`,
    /** Hash of subscription id → what it costs although it was ended. */
    exposedCosts: `${prefix}:exposed-costs`,
    /** Sorted set of the subscription ids that wait for their customer, by since when. */
    customersTurn: (turn: string) => `${prefix}:customers-turn:${turn}`,
    /** The last sweep that came to its end. */
    lastSweep: `${prefix}:last-sweep`,
    /** ISO date on which it was last seen to that what has ended does not renew. */
    exposuresSeen: `${prefix}:exposures-seen`,
    /** Set of the subscription ids of which operations want a look. */
    askedLooks: `${prefix}:asked-looks`,
    /** Set of the subscription ids that operations want to be tried again. */
    askedRetries: `${prefix}:asked-retries`,
    /** Exists once what had ended before anything was recorded has been looked for. */
    endedListed: `${prefix}:ended-listed`,
    /** How far the records are known to be all that there are; absent after a loss. */
    recordsExtent: `${prefix}:records-extent`,
    /** What a person has to clear up before the records can be whole again. */
    recordsShortfall: `${prefix}:records-shortfall`,
    /** Who rebuilds the records at this moment. */
    rebuildClaim: `${prefix}:rebuild-claim`,
    /** Hash of subscription id → what operations have decided about it. */
    interventions: `${prefix}:interventions`,
    /** Stream of what operations have changed. */
    audit: `${prefix}:audit`,
    /** List of what led to the next look at a subscription. */
    traces: (subscriptionId: number) => `${prefix}:traces:${subscriptionId}`,
    timeline: (subscriptionId: number) => `${prefix}:timeline:${subscriptionId}`,
    /** List of the last calls that were made for a subscription. */
    calls: (subscriptionId: number) => `${prefix}:calls:${subscriptionId}`,
    customer: (owner: string) => `${prefix}:customer:${owner}`,
    /** Owner of a Partner Center customer; ids compare without regard to case. */
    customerOwner: (customerId: string) => `${prefix}:customer-owner:${customerId.toLowerCase()}`,
    /** Set of the domains under which an owner's customer may have been created. */
    customerAttempts: (owner: string) => `${prefix}:customer-attempts:${owner}`,
    /** Owner for whom a domain is meant. */
    reservedDomain: (domain: string) => `${prefix}:reserved-domain:${domain}`,
    customerClaim: (owner: string) => `${prefix}:customer-claim:${owner}`,
    /** The cart with which a customer's Azure plan is bought. */
    azurePlanCart: (customerId: string) => `${prefix}:azure-plan-cart:${customerId.toLowerCase()}`,
    /** Hash of billing period → cost of a deployment. */
    costs: (subscriptionId: number) => `${prefix}:costs:${subscriptionId}`,
    /** A template by the SHA-256 of its content. */
    template: (sha256: string) => `${prefix}:template:${sha256}`,
    /** Hash of partner subscription id → subscription id. */
    partnerSubscriptions: `${prefix}:partner-subscriptions`,
    refreshToken: `${prefix}:refresh-token`,
    /** Sorted set of the digests in quarantine by the last time each was seen. */
    quarantine: `${prefix}:quarantine`,
    quarantined: (digest: string) => `${prefix}:quarantine:${digest}`,
    budget: (budget: string) => `${prefix}:budget:${budget}`,
    budgetPause: (budget: string) => `${prefix}:budget-pause:${budget}`,
    /** Sorted set of those who wait for a call, by their place. */
    budgetLine: (budget: string) => `${prefix}:budget-line:${budget}`,
    /** Sorted set of the same by the instant at which they were told to come back. */
    budgetBack: (budget: string) => `${prefix}:budget-back:${budget}`,
    /** Hash of what experience says of a budget. */
    budgetLearned: (budget: string) => `${prefix}:budget-learned:${budget}`,
    /** Sorted set of the budgets by when a call, or a place in their line, was last given. */
    budgets: `${prefix}:budgets`,
    /** Hash that exists while an upstream is out. */
    circuit: (upstream: string) => `${prefix}:circuit:${upstream}`,
    /** Sorted set of different failures of an upstream since its last answer, by their first instant. */
    circuitFailures: (upstream: string) => `${prefix}:circuit-failures:${upstream}`,
    /** Sorted set of the workers by the instant at which each was seen last. */
    workers: `${prefix}:workers`,
    /** Written by the health check only. */
    probe: `${prefix}:probe`,
  };
}
