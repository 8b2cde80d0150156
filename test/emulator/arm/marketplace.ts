import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { type Api, type Fields, objectIn, type Request } from './api.ts';
import type { Books } from './books.ts';
import { isSameText, keyOf, subscriptionScope } from './ids.ts';
import type { Images } from './images.ts';
import type { State, Terms } from './model.ts';
import type { Registrations } from './providers.ts';
import { missingRegistration, refuse } from './refusals.ts';
import type { Switches } from './switches.ts';

export interface MarketplaceParts {
  api: Api;
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  images: Images;
  registrations: Registrations;
}

export interface Marketplace {
  /** Whether the terms of a plan can only be accepted in the portal, as those of private offers. */
  requirePortal(publisher: string, offer: string, plan: string, on: boolean): void;
  reset(): void;
}

const PROVIDER = '/subscriptions/:subscriptionId/providers/Microsoft.MarketplaceOrdering';
const CURRENT = `${PROVIDER}/offerTypes/virtualmachine/publishers/:publisher/offers/:offer/plans/:plan/agreements/current`;
const AGREEMENT = `${PROVIDER}/agreements/:publisher/offers/:offer/plans/:plan`;

const rule = (action: string) => ({
  namespace: 'Microsoft.MarketplaceOrdering',
  action: `Microsoft.MarketplaceOrdering/${action}`,
  scope: ({ subscriptionId }: Record<string, string>) => subscriptionScope(subscriptionId!),
});

/**
 * Terms of Marketplace images, accepted once per subscription and plan.
 *
 * @see https://learn.microsoft.com/rest/api/marketplaceordering/marketplace-agreements
 */
export function defineMarketplace(parts: MarketplaceParts): Marketplace {
  const { api, clock, state, switches, books, images, registrations } = parts;
  const portalOnly = new Set<string>();

  function termsOf({ params, subscription }: Request): Terms {
    if (!registrations.isRegistered(subscription, 'Microsoft.MarketplaceOrdering')) {
      throw missingRegistration('Microsoft.MarketplaceOrdering');
    }
    const { publisher, offer, plan } = params as { publisher: string; offer: string; plan: string };
    const image = images
      .list()
      .find(
        (one) =>
          one.plan !== undefined &&
          isSameText(one.plan.publisher, publisher) &&
          isSameText(one.plan.product, offer) &&
          isSameText(one.plan.name, plan),
      );
    if (image === undefined) {
      throw refuse(
        404,
        'NotFound',
        `The offer with publisher '${publisher}', offer '${offer}' and plan '${plan}' was not found.`,
      );
    }
    const key = keyOf(`${subscription.id} ${publisher} ${offer} ${plan}`);
    const known = state.terms.get(key);
    if (known !== undefined) return known;
    const terms: Terms = {
      subscriptionId: subscription.id,
      publisher: image.plan!.publisher,
      offer: image.plan!.product,
      plan: image.plan!.name,
      signature: createHash('sha512').update(key).digest('hex').toUpperCase().slice(0, 64),
      retrievedAt: clock.now(),
      accepted: false,
      effectiveAt: Number.POSITIVE_INFINITY,
    };
    state.terms.set(key, terms);
    return terms;
  }

  function accept(terms: Terms, { cause, principal }: Request): void {
    if (portalOnly.has(keyOf(`${terms.publisher} ${terms.offer} ${terms.plan}`))) {
      throw refuse(
        400,
        'BadRequest',
        'You must accept the legal terms through the Azure portal (http://go.microsoft.com/fwlink/?LinkId=534873). ' +
          `Correlation Id: '${cause.correlationId ?? ''}'.`,
      );
    }
    if (terms.accepted) return;
    terms.accepted = true;
    terms.signedAt = clock.now();
    delete terms.cancelledAt;
    terms.effectiveAt = clock.now() + switches.termsEffectiveAfterMs;
    terms.acceptedBy = principal.objectId;
    const { subscriptionId, publisher, offer, plan, signature } = terms;
    books.write('terms accepted', cause, { subscriptionId, publisher, offer, plan, signature });
  }

  api.define('GET', CURRENT, rule('offertypes/publishers/offers/plans/agreements/read'), (request) => ({
    status: 200,
    body: viewTerms(termsOf(request), request),
  }));

  api.define('PUT', CURRENT, rule('offertypes/publishers/offers/plans/agreements/write'), (request) => {
    const terms = termsOf(request);
    const properties = objectIn(request.fields(), 'properties');
    if (!isComplete(properties)) throw refuse(404, 'NotFound', 'The terms to be accepted could not be found.');
    if (properties.signature !== terms.signature) {
      throw refuse(400, 'BadRequest', 'The signature of the terms is not valid.');
    }
    if (properties.accepted === true) accept(terms, request);
    return { status: 200, body: viewTerms(terms, request) };
  });

  api.define('POST', `${AGREEMENT}/sign`, rule('agreements/offers/plans/sign/action'), (request) => {
    const terms = termsOf(request);
    accept(terms, request);
    return { status: 200, body: viewAgreement(terms) };
  });

  api.define('POST', `${AGREEMENT}/cancel`, rule('agreements/offers/plans/cancel/action'), (request) => {
    const terms = termsOf(request);
    terms.accepted = false;
    terms.cancelledAt = clock.now();
    const { subscriptionId, publisher, offer, plan } = terms;
    books.write('terms cancelled', request.cause, { subscriptionId, publisher, offer, plan });
    return { status: 200, body: viewAgreement(terms) };
  });

  api.define('GET', AGREEMENT, rule('agreements/offers/plans/read'), (request) => ({
    status: 200,
    body: viewAgreement(termsOf(request)),
  }));

  api.define('GET', `${PROVIDER}/agreements`, rule('agreements/read'), ({ subscription }) => ({
    status: 200,
    body: [...state.terms.values()]
      .filter((terms) => terms.subscriptionId === subscription.id && terms.signedAt !== undefined)
      .map(viewAgreement),
  }));

  function viewTerms(terms: Terms, { query }: Request): object {
    const { subscriptionId, publisher, offer, plan, signature, retrievedAt, accepted } = terms;
    const looksRefused = switches.termsAlwaysLookRefused.includes(query.get('api-version') ?? '');
    return {
      id:
        `/subscriptions/${subscriptionId}/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/` +
        `${publisher}/offers/${offer}/plans/${plan}/agreements/current`,
      name: plan,
      type: 'Microsoft.MarketplaceOrdering/offertypes',
      properties: {
        publisher,
        product: offer,
        plan,
        licenseTextLink: `https://mpcprodsa.blob.core.windows.net/legalterms/EMULATED_${publisher}_LICENSE.txt`,
        privacyPolicyLink: `https://www.${publisher.toLowerCase()}.example/privacy`,
        marketplaceTermsLink: 'https://mpcprodsa.blob.core.windows.net/marketplaceterms/EMULATED_MARKETPLACE_TERMS.txt',
        retrieveDatetime: printTime(retrievedAt),
        signature,
        accepted: accepted && !looksRefused,
      },
    };
  }

  return {
    requirePortal(publisher, offer, plan, on) {
      const key = keyOf(`${publisher} ${offer} ${plan}`);
      if (on) portalOnly.add(key);
      else portalOnly.delete(key);
    },
    reset: () => portalOnly.clear(),
  };
}

function isComplete(properties: Fields): boolean {
  return ['licenseTextLink', 'privacyPolicyLink', 'retrieveDatetime', 'signature'].every(
    (name) => properties[name] !== undefined,
  );
}

function viewAgreement({ subscriptionId, publisher, offer, plan, signedAt, cancelledAt, accepted }: Terms): object {
  return {
    id: `/subscriptions/${subscriptionId}/providers/Microsoft.MarketplaceOrdering/agreements/${publisher}/offers/${offer}/plans/${plan}`,
    name: plan,
    type: 'Microsoft.MarketplaceOrdering/agreements',
    properties: {
      publisher,
      offer,
      ...(signedAt === undefined ? {} : { signDate: printTime(signedAt) }),
      ...(cancelledAt === undefined ? {} : { cancelDate: printTime(cancelledAt) }),
      state: accepted ? 'Active' : 'Canceled',
    },
  };
}

function printTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '0000Z');
}
