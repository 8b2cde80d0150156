import type { Lane } from '../engine/journal.ts';

/** One line in the story of a subscription. */
export interface TimelineEntry {
  at: string;
  kind: 'event' | 'look' | 'call' | 'decision' | 'step' | 'wait' | 'error' | 'report' | 'operator';
  text: string;
  [fact: string]: unknown;
}

export interface Timeline {
  /** What a look has to tell; fenced by its lane. */
  add(lane: Lane, entry: TimelineEntry): Promise<void>;
  /** What others did, who hold no lane. */
  note(subscriptionId: number, entry: TimelineEntry): Promise<void>;
  /** What is heard of a subscription that may turn out not to be ours: what is told of such a one alone is forgotten after a day. */
  hear(subscriptionId: number, entry: TimelineEntry): Promise<void>;
  /** A call to an upstream. Only the last of them are kept, apart from the rest, so that many calls push nothing else out. */
  noteCall(subscriptionId: number, entry: TimelineEntry): Promise<void>;
  /** All of it, newest first. */
  read(subscriptionId: number): Promise<TimelineEntry[]>;
}
