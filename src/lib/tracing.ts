/** What a span is about. No query, no body, nothing of a person. */
export type SpanFacts = Record<string, string | number | undefined>;

export interface SpanOptions {
  name: string;
  /** `server`: a request to us, `producer` and `consumer`: the two ends of the queue, `client`: a call to an upstream. */
  kind?: 'internal' | 'server' | 'producer' | 'consumer' | 'client';
  facts?: SpanFacts;
  /** What it follows from, as `traceparent`; without it what it is within, if anything. https://www.w3.org/TR/trace-context/ */
  parent?: string | undefined;
  /** What else led to it, each as `traceparent`. */
  links?: string[];
  /** When it began, in milliseconds since the epoch, if not now. */
  startedAt?: number;
}

/** A piece of work, from its beginning to its end. */
export interface Span {
  /** Its place in the trace, for whoever carries it on elsewhere. */
  traceparent: string;
  /** Does work within it: spans that begin in there belong to it. */
  run<T>(work: () => T): T;
  end(ending?: { facts?: SpanFacts; errorCode?: string | undefined }): void;
}

/** Follows work across processes. */
export interface Tracing {
  begin(options: SpanOptions): Span;
  /** Does work in a span of its own, which what it throws ends too. */
  within<T>(options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** The span that this very work is done in, as `traceparent`. */
  current(): string | undefined;
  /** Sends what is not sent yet. */
  flush(): Promise<void>;
}
