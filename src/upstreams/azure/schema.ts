import { z } from 'zod';
import { compact } from '../../lib/compact.ts';

/** For what only describes: unreadable counts as absent. */
function descriptive<S extends z.ZodType>(schema: S) {
  return schema.nullish().catch(undefined);
}

const Tags = z
  .record(z.string(), z.string())
  .nullish()
  .transform((tags) => tags ?? {});

export const SubscriptionRead = z
  .object({ state: z.string().min(1), displayName: descriptive(z.string()) })
  .transform((subscription) => compact(subscription));

export const Location = z
  .object({ name: z.string().min(1), displayName: descriptive(z.string()) })
  .transform(({ name, displayName }) => ({ name, displayName: displayName ?? name }));

export const Provider = z.object({ registrationState: z.string().min(1) });

export const Group = z
  .object({
    name: z.string().min(1),
    location: z.string().min(1),
    tags: Tags,
    properties: z.object({ provisioningState: z.string().min(1) }),
  })
  .transform(({ properties, ...group }) => ({ ...group, provisioningState: properties.provisioningState }));

export const Named = z.object({ name: z.string().min(1) });

export const Resource = z
  .object({
    id: z.string().min(1),
    type: z.string().min(1),
    name: z.string().min(1),
    location: descriptive(z.string()),
  })
  .transform((resource) => compact(resource));

/** Secure outputs have no value. */
const Output = z
  .object({ type: z.string(), value: z.unknown().optional() })
  .transform(({ type, value }) => ({ type, value }));

/** A deployment in a list. */
export const DeploymentName = z.object({ name: z.string() });

/** `provisioningState` is never missing from a deployment: what lacks it is something else. */
export const Deployment = z.object({
  properties: z.object({
    provisioningState: z.string().min(1),
    outputs: z
      .record(z.string(), Output)
      .nullish()
      .transform((outputs) => outputs ?? {}),
    outputResources: z
      .array(z.object({ id: z.string() }))
      .nullish()
      .catch(undefined),
    error: z.unknown().optional(),
  }),
});

/** What one step of a deployment did. `statusCode` is the name of an HTTP status. */
export const Operation = z.object({
  properties: z.object({
    provisioningState: descriptive(z.string()),
    statusCode: descriptive(z.string()),
    targetResource: descriptive(z.object({ id: descriptive(z.string()), resourceType: descriptive(z.string()) })),
    statusMessage: z.unknown().optional(),
  }),
});

export const Validated = z.object({
  error: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).nullish(),
});

export const WhatIfResult = z.object({
  status: z.string().min(1),
  error: z.unknown().optional(),
  properties: z
    .object({
      changes: z
        .array(z.object({ resourceId: z.string(), changeType: z.string() }))
        .nullish()
        .transform((changes) => changes ?? []),
    })
    .nullish(),
});

/** States of an alias: `Accepted`, `Succeeded`, `Failed`. https://learn.microsoft.com/rest/api/subscription/alias/get */
export const Alias = z
  .object({
    properties: z.object({ subscriptionId: descriptive(z.string().min(1)), provisioningState: z.string().min(1) }),
  })
  .transform(({ properties: { subscriptionId, provisioningState } }, context) => {
    const word = provisioningState.toLowerCase();
    if (word === 'failed' || word === 'canceled') return { state: 'failed' as const };
    if (word !== 'succeeded') return { state: 'creating' as const };
    if (subscriptionId) return { state: 'created' as const, subscriptionId };
    context.addIssue({ code: 'custom', message: 'no subscription' });
    return z.NEVER;
  });

export const BillingAccount = z.object({
  name: z.string().min(1),
  properties: z.object({ agreementType: descriptive(z.string()) }),
});

export const ImageVersion = z.object({
  name: z.string().min(1),
  plan: z.object({ publisher: z.string().min(1), product: z.string().min(1), name: z.string().min(1) }).nullish(),
  imageDeprecationStatus: descriptive(z.object({ imageState: descriptive(z.string()) })),
  osDiskImage: descriptive(z.object({ operatingSystem: z.enum(['Linux', 'Windows']) })),
});

/** As it came, for it is sent back whole. */
export const Terms = z.looseObject({ properties: z.looseObject({ accepted: z.boolean().nullish() }) });

export const InstanceView = z.object({
  statuses: z
    .array(z.object({ code: descriptive(z.string()) }))
    .nullish()
    .transform((statuses) => statuses ?? []),
});
