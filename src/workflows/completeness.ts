/** `new`: nothing had been delivered yet when the store was first used; `whole`: everything delivered is recorded. */
export type Extent = 'new' | 'whole';

/** Whether the records are all that there are. Until that is known nothing is decided on them. */
export interface Completeness {
  /** `undefined` when it is not known, as after a loss of the store. */
  extent(): Promise<Extent | undefined>;
  note(extent: Extent | undefined): Promise<void>;
  /** Why the last rebuild did not make them whole, for the person who has to clear that up; forgotten once an extent is noted. */
  shortfall(): Promise<string | undefined>;
  noteShortfall(text: string): Promise<void>;
  /** Takes the rebuilding of the records for so long; false when somebody else has it. */
  claim(holder: string, forMs: number): Promise<boolean>;
  /** Keeps it for so long from now; false when it was lost. */
  prolong(holder: string, forMs: number): Promise<boolean>;
  release(holder: string): Promise<void>;
}
