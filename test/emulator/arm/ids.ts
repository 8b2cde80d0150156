import { createHash } from 'node:crypto';

/** The parts of a resource id: type and name with all their segments, e.g. `Microsoft.Compute/virtualMachines/extensions`. */
export interface ResourceId {
  subscriptionId: string;
  group?: string;
  type: string;
  name: string;
}

const SUBSCRIPTION = /^\/subscriptions\/([^/]+)/i;
const GROUP = /^\/subscriptions\/[^/]+\/resourcegroups\/([^/]+)/i;

/** Azure compares ids without regard to case: what maps are keyed by. */
export function keyOf(id: string): string {
  return id.toLowerCase();
}

export function isSameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

export function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

export function subscriptionScope(subscriptionId: string): string {
  return `/subscriptions/${subscriptionId}`;
}

export function groupId(subscriptionId: string, group: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${group}`;
}

export function subscriptionOf(id: string): string | undefined {
  return SUBSCRIPTION.exec(id)?.[1];
}

export function groupOf(id: string): string | undefined {
  return GROUP.exec(id)?.[1];
}

/** Whether an id names the scope itself or something below it. */
export function isWithin(id: string, scope: string): boolean {
  const [inner, outer] = [keyOf(id), keyOf(scope).replace(/\/$/, '')];
  return inner === outer || inner.startsWith(`${outer}/`);
}

/** Reads the id of a resource; undefined for anything else, such as the id of a group. */
export function parseResourceId(id: string): ResourceId | undefined {
  const at = id.toLowerCase().lastIndexOf('/providers/');
  const subscriptionId = subscriptionOf(id);
  if (at < 0 || subscriptionId === undefined) return undefined;
  const [namespace, ...rest] = id.slice(at + '/providers/'.length).split('/');
  if (namespace === undefined || rest.length === 0 || rest.length % 2 !== 0) return undefined;
  const types = rest.filter((_, index) => index % 2 === 0);
  const names = rest.filter((_, index) => index % 2 === 1);
  const group = groupOf(id);
  return {
    subscriptionId,
    ...(group === undefined ? {} : { group }),
    type: [namespace, ...types].join('/'),
    name: names.join('/'),
  };
}

/** A GUID that is always the same for the same texts. */
export function stableGuid(...texts: string[]): string {
  const hex = createHash('sha256').update(texts.join('\n').toLowerCase()).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A whole number from 0 up to `below` that is always the same for the same text. */
export function stableNumber(text: string, below: number): number {
  return createHash('sha256').update(text.toLowerCase()).digest().readUInt32BE(0) % below;
}
