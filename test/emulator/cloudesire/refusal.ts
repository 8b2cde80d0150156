export interface Problem {
  error: string;
  key?: string;
  extraFields?: Record<string, string>;
}

/** What the platform will not do. Becomes the error body of an API call, or the sentence of a refused control. */
export class Refusal extends Error {
  readonly status: number;
  readonly problems: Problem[];

  constructor(status: number, ...problems: Problem[]) {
    super(problems.map(({ error }) => error).join('; '));
    this.name = 'Refusal';
    this.status = status;
    this.problems = problems;
  }
}

/** A refusal with one text. */
export function refusal(status: number, error: string, key?: string): Refusal {
  return new Refusal(status, { error, ...(key === undefined ? {} : { key }) });
}

export function notFound(kind: string, id: string | number): Refusal {
  return new Refusal(404, {
    key: 'resource-not-found',
    error: `${kind} ${id} not found`,
    extraFields: { id: String(id) },
  });
}

export function accessDenied(): Refusal {
  return refusal(403, 'Access denied', 'access-denied');
}

export function wrongSize(min: number, max: number): Problem {
  return {
    key: 'wrong.size.%max%.%min%',
    error: `Size must be between ${min} and ${max}`,
    extraFields: { max: String(max), min: String(min) },
  };
}

export function tooHigh(max: number): Problem {
  return {
    key: 'must.be.lower.than.or.equal.to.%max%',
    error: `Must be lower than or equal to ${max}`,
    extraFields: { max: String(max) },
  };
}

export function tooLow(min: number): Problem {
  return {
    key: 'must.be.greater.than.or.equal.to.%min%',
    error: `Must be greater than or equal to ${min}`,
    extraFields: { min: String(min) },
  };
}

/** The key of an error that was given none: the slug of its text, `You can't bill for it!` → `you-cant-bill-for-it`. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/['’]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}
