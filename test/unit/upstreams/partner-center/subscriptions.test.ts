import { describe, expect, it } from 'vitest';
import { AttentionError, PermanentError, WithheldError } from '../../../../src/lib/errors.ts';
import type { ScheduledAction } from '../../../../src/upstreams/partner-center/schema.ts';
import type { SubscriptionChange } from '../../../../src/upstreams/partner-center/subscriptions.ts';
import { exchange, replyOf } from '../fixtures.ts';
import { CUSTOMER, EFFECT, refused, startPartnerCenter } from './partner.ts';

const ID = 'e2a4c7d1-0b5f-4c3a-8d92-6f1e7b3a9c54';
const PATH = `/v1/customers/${CUSTOMER}/subscriptions/${ID}`;
const licence = exchange('get-subscriptions', 'get-subscription').response.body as Record<string, unknown>;

/** A subscription that takes any change, and the body that it was changed with. */
async function changeOf(change: SubscriptionChange, resource = licence) {
  const { subscriptions, received } = await startPartnerCenter(({ method, body }) => ({
    json: method === 'GET' ? resource : JSON.parse(body),
  }));
  const changed = await subscriptions.update(CUSTOMER, ID, change, EFFECT);
  const patch = received[1];
  return { changed, patch, sent: JSON.parse(patch?.body ?? '') as Record<string, unknown>, received };
}

describe('reading', () => {
  it('lists and finds, and knows what does not exist', async () => {
    const { subscriptions, received } = await startPartnerCenter((_, n) =>
      n === 0 ? { json: { items: [licence] } } : n === 1 ? { json: licence } : refused(404, 20003),
    );
    expect(await subscriptions.list(CUSTOMER)).toMatchObject([{ id: ID }]);
    expect(await subscriptions.get(CUSTOMER, ID)).toMatchObject({ id: ID, quantity: 10 });
    expect(await subscriptions.get(CUSTOMER, ID)).toBeUndefined();
    expect(received[1]?.path).toBe(PATH);
  });
});

describe('a change', () => {
  it('sends the whole resource as it was read, with that one field changed', async () => {
    const { changed, patch, sent, received } = await changeOf({ quantity: 15 });
    expect(received.map(({ method, path }) => [method, path])).toEqual([
      ['GET', PATH],
      ['PATCH', PATH],
    ]);
    expect(sent).toEqual({ ...licence, quantity: 15 });
    expect(patch?.headers['ms-requestid']).toBe(EFFECT.requestId);
    const ofRead = received[0]?.headers['ms-requestid'];
    expect(ofRead).toEqual(expect.any(String));
    expect(ofRead).not.toBe(EFFECT.requestId);
    expect(changed).toMatchObject({ id: ID, quantity: 15 });
  });

  it('sends back what it does not know, nulls included', async () => {
    const resource = { ...licence, novelty: { deep: [1, null] }, nothing: null };
    expect((await changeOf({ friendlyName: 'x' }, resource)).sent).toEqual({ ...resource, friendlyName: 'x' });
  });

  it('sends nothing back that was no partner subscription', async () => {
    const { subscriptions, received } = await startPartnerCenter(() => ({ json: { status: 'maintenance' } }));
    await expect(subscriptions.update(CUSTOMER, ID, { quantity: 15 }, EFFECT)).rejects.toMatchObject({
      code: 'partner-center.malformed',
    });
    expect(received.map(({ method }) => method)).toEqual(['GET']);
  });

  it('replaces a field that the resource spells differently, instead of adding another', async () => {
    const { quantity, ...rest } = licence;
    expect((await changeOf({ quantity: 15 }, { ...rest, Quantity: quantity })).sent).toEqual({ ...rest, quantity: 15 });
  });

  it('ends a term: renewal off and cancellation scheduled, in one request', async () => {
    const scheduledActions = [{ scheduleType: 'TermEnd', actionType: 'Cancel' }];
    const { sent, changed } = await changeOf({ autoRenewEnabled: false, scheduledActions });
    expect(sent).toEqual({ ...licence, autoRenewEnabled: false, scheduledActions });
    expect(changed).toMatchObject({ autoRenewEnabled: false, scheduledActions });
  });

  it('removes a schedule', async () => {
    expect((await changeOf({ scheduledActions: null })).sent).toMatchObject({ scheduledActions: null });
  });

  it('schedules fewer seats for the renewal', async () => {
    const { request, response } = exchange('schedule-changes', 'schedule-renew-to-new-term');
    const body = request.body as { scheduledActions: ScheduledAction[] };
    const { scheduledActions, ...resource } = response.body as Record<string, unknown>;
    expect(scheduledActions).toEqual(body.scheduledActions);
    const { sent, changed } = await changeOf({ scheduledActions: body.scheduledActions }, resource);
    expect(sent).toEqual(body);
    expect(changed?.scheduledActions).toEqual(body.scheduledActions);
  });

  it('sends a schedule in one form only: the new one takes the place of one in the other form', async () => {
    const actions = [{ scheduleType: 'TermEnd', actionType: 'Cancel' }];
    const instructions = { quantity: 8 };
    const classic = { ...licence, ScheduledNextTermInstructions: instructions };
    expect((await changeOf({ autoRenewEnabled: false, scheduledActions: actions }, classic)).sent).toEqual({
      ...licence,
      autoRenewEnabled: false,
      scheduledActions: actions,
    });
    const recent = { ...licence, scheduledActions: actions };
    expect((await changeOf({ scheduledNextTermInstructions: instructions }, recent)).sent).toEqual({
      ...licence,
      scheduledNextTermInstructions: instructions,
    });
  });

  it('that does not concern the schedule sends it back as it was', async () => {
    const scheduledNextTermInstructions = { quantity: 8, product: { promotionId: null } };
    const scheduledActions = [{ scheduleType: 'TermEnd', actionType: 'RenewToNewTerm', novelty: 1 }];
    const resource = { ...licence, scheduledNextTermInstructions, scheduledActions };
    expect((await changeOf({ quantity: 15 }, resource)).sent).toEqual({ ...resource, quantity: 15 });
    expect((await changeOf({ scheduledActions: null }, resource)).sent).toEqual({
      ...resource,
      scheduledActions: null,
    });
  });

  it('names the version that it changes only where there is one', async () => {
    expect((await changeOf({ quantity: 15 })).patch?.headers).not.toHaveProperty('if-match');
    expect(
      (await changeOf({ quantity: 15 }, { ...licence, attributes: { etag: '' } })).patch?.headers,
    ).not.toHaveProperty('if-match');
    expect(
      (await changeOf({ quantity: 15 }, { ...licence, attributes: { etag: 'e7' } })).patch?.headers['if-match'],
    ).toBe('"e7"');
    expect(
      (await changeOf({ quantity: 15 }, { ...licence, attributes: { etag: '"e7"' } })).patch?.headers['if-match'],
    ).toBe('"e7"');
  });

  it('may be accepted before it is made', async () => {
    const { subscriptions } = await startPartnerCenter(({ method }) =>
      method === 'GET' ? { json: licence } : replyOf(exchange('change-quantity', 'increase-slow')),
    );
    expect(await subscriptions.update(CUSTOMER, ID, { quantity: 15 }, EFFECT)).toBeUndefined();
  });

  it.each([
    ['cancel-subscription', 'cancel-late', '900117'],
    ['cancel-subscription', 'cancel-late-hours', '900213'],
    ['change-quantity', 'decrease-late', '800090'],
  ])('%s, %s: is refused for good once the window has closed', async (file, name, code) => {
    const { subscriptions } = await startPartnerCenter(({ method }) =>
      method === 'GET' ? { json: licence } : replyOf(exchange(file, name)),
    );
    const error = await subscriptions
      .update(CUSTOMER, ID, { status: 'deleted' }, EFFECT)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: `partner-center.${code}`, effect: 'none', facts: { upstreamCode: code } });
  });

  it('is only told of in a dry run', async () => {
    const { subscriptions, received } = await startPartnerCenter(() => ({ json: licence }), { readOnly: true });
    const error = await subscriptions
      .update(CUSTOMER, ID, { status: 'deleted' }, EFFECT)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WithheldError);
    expect(error).toMatchObject({ message: `would send PATCH ${PATH}` });
    expect(received.map(({ method }) => method)).toEqual(['GET']);
  });
});

describe('transitions', () => {
  const target = {
    toCatalogItemId: 'CFQ7TTC0XC33:0001:CFQ7TTC0XD44',
    quantity: 12,
    transitionType: 'transition_only',
    termDuration: 'P1Y',
    billingCycle: 'monthly',
  };

  it.each(['immediate', 'scheduled'] as const)(
    'tell what can be moved to (%s), and what is against it',
    async (type) => {
      const { subscriptions, received } = await startPartnerCenter((_, n) =>
        replyOf(exchange('transitions', n === 0 ? 'eligibilities-immediate' : 'eligibilities-none')),
      );
      expect(await subscriptions.transitionEligibilities(CUSTOMER, ID, type)).toEqual([
        {
          catalogItemId: 'CFQ7TTC0XC33:0001:CFQ7TTC0XD44',
          title: 'Sample Workspace Premium',
          quantity: 12,
          eligibilities: [
            { isEligible: true, transitionType: 'transition_only', errors: [] },
            {
              isEligible: false,
              transitionType: 'transition_with_license_transfer',
              errors: [
                {
                  code: '3',
                  description: 'Subscription cannot be transitioned because there are conflicting services.',
                },
              ],
            },
          ],
        },
      ]);
      expect(await subscriptions.transitionEligibilities(CUSTOMER, ID, type)).toEqual([]);
      expect(received[0]).toMatchObject({ path: `${PATH}/transitionEligibilities`, query: { eligibilityType: type } });
    },
  );

  it('begin with exactly what was asked for, under the key of the effect', async () => {
    const { subscriptions, received } = await startPartnerCenter(() =>
      replyOf(exchange('transitions', 'transition-full')),
    );
    expect(await subscriptions.transition(CUSTOMER, ID, target, EFFECT)).toEqual({
      operationId: '47b5fd48-35a1-5e70-85d2-4d44bfa21638',
      toCatalogItemId: target.toCatalogItemId,
      toSubscriptionId: ID,
      quantity: 12,
      events: [{ name: 'Conversion', status: 'started', timestamp: '2026-11-02T08:15:11.044Z', errors: [] }],
    });
    expect(received[0]).toMatchObject({ method: 'POST', path: `${PATH}/transitions` });
    expect(received[0]?.headers['ms-requestid']).toBe(EFFECT.requestId);
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(target);
  });

  it('name the other partner subscription that fewer seats make', async () => {
    const { subscriptions } = await startPartnerCenter(() => replyOf(exchange('transitions', 'transition-partial')));
    const toSubscriptionId = '4f8d2b60-7a1c-4e95-b0d3-c6e9a1f57382';
    expect(await subscriptions.transition(CUSTOMER, ID, target, EFFECT)).toMatchObject({ toSubscriptionId });
  });

  it('whose answer names no operation may have begun', async () => {
    const { subscriptions } = await startPartnerCenter(() => ({ json: { Events: [] } }));
    await expect(subscriptions.transition(CUSTOMER, ID, target, EFFECT)).rejects.toMatchObject({
      code: 'partner-center.malformed',
      effect: 'unknown',
    });
  });

  it.each([
    ['transition-bad-target', '900258'],
    ['transition-shorter-term', '900267'],
  ])('%s: are refused without having begun', async (name, code) => {
    const { subscriptions } = await startPartnerCenter(() => replyOf(exchange('transitions', name)));
    const error = await subscriptions.transition(CUSTOMER, ID, target, EFFECT).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({ code: `partner-center.${code}`, effect: 'none' });
  });

  it('are followed, all or one, in each form that the history has', async () => {
    const recorded = exchange('transitions', 'transitions-history');
    const { items } = recorded.response.body as { items: unknown[] };
    const bodies = [{ items }, { transition: items }, items];
    const { subscriptions, received } = await startPartnerCenter((_, n) => ({ json: bodies[n] }));
    const operationId = '47b5fd48-35a1-5e70-85d2-4d44bfa21638';
    for (const wanted of [operationId, undefined, undefined]) {
      const [found, ...others] = await subscriptions.transitions(CUSTOMER, ID, wanted);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ operationId, toSubscriptionId: ID });
      expect(found?.events.map(({ name, status }) => `${name} ${status}`)).toEqual([
        'Conversion started',
        'Conversion completed',
      ]);
    }
    expect(received.map(({ path, query }) => [path, query])).toEqual([
      [`${PATH}/transitions`, { operationId }],
      [`${PATH}/transitions`, {}],
      [`${PATH}/transitions`, {}],
    ]);
  });
});

describe('ends of a first term', () => {
  it('come from all pages, each once, and say whether others end then', async () => {
    const recorded = exchange('schedule-changes', 'custom-term-end-dates');
    const { subscriptions, received } = await startPartnerCenter((_, n) =>
      n === 0
        ? { ...replyOf(recorded), headers: { 'MS-ContinuationToken': 'second' } }
        : { json: { items: [{ allowedCustomTermEndDate: '2027-09-30T00:00:00' }] } },
    );
    expect(await subscriptions.customTermEndDates(CUSTOMER, 'P1Y')).toEqual([
      { date: '2027-08-31', isShared: true },
      { date: '2027-09-30', isShared: false },
    ]);
    expect(received.map(({ path, query, headers }) => [path, query, headers['ms-continuationtoken']])).toEqual([
      [`/v1/customers/${CUSTOMER}/subscriptions/customTermEndDates`, { term_duration: 'P1Y' }, undefined],
      [`/v1/customers/${CUSTOMER}/subscriptions/customTermEndDates`, { term_duration: 'P1Y' }, 'second'],
    ]);
  });
});
