/** Which subscription a partner subscription was bought for, since Partner Center names only its own. */
export interface PartnerSubscriptionIndex {
  /** Harmless when repeated; the last owner noted counts. */
  note(partnerSubscriptionId: string, subscriptionId: number): Promise<void>;
  /** `undefined` when none was noted: the partner subscription is not ours. */
  ownerOf(partnerSubscriptionId: string): Promise<number | undefined>;
}
