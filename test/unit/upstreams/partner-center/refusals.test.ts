import { describe, expect, it } from 'vitest';
import {
  AttentionError,
  ConnectorError,
  CustomerError,
  PermanentError,
  RetryableError,
} from '../../../../src/lib/errors.ts';
import { createReport } from '../../../../src/report/report.ts';
import { en } from '../../../../src/report/texts/en.ts';
import type { Cloudesire } from '../../../../src/upstreams/cloudesire/client.ts';
import { cartLineError } from '../../../../src/upstreams/partner-center/errors.ts';
import { CUSTOMER, EFFECT, refused, startPartnerCenter } from './partner.ts';

/*
 * The refusals of Partner Center that can occur in the connector's flows: what Microsoft's documentation demands, what they mean for us,
 * what operations read, what the customer reads.
 *
 * spec   R: repeat unchanged later. F: correct the request or the data. S: a success, once checked. M: a person must act. N: never.
 *        A code that the documentation does not give is written as 0. `cart`: the error of a line inside a cart that was made.
 * we     retry: repeated by itself, and reported as failed only after the deadline. attention: operations are told, the order stays
 *        PENDING, and it is tried again by itself. customer, permanent: an order for which nothing is bought yet is reported FAILED; of what
 *        is in service operations are told. success: the call takes it for an answer.
 * ops    words of the message to operations that say what is done about it, by them or by itself.
 * reads  what the customer of a failed order reads, see below; `–`: nothing, for it is not failed.
 * why    why we deviate from the letter, or who handles it before it gets that far.
 *
 * https://learn.microsoft.com/partner-center/developer/error-codes
 */
const TABLE = `
HTTP | codes                              | spec | we        | ops                                            | reads               | why

Authentication
401  | 400 800001 0                       | M    | attention | registered in Partner Center's app management  | –                   | after the token was renewed once
401  | 900420                             | F    | attention | registered in Partner Center's app management  | –                   |
401  | 900421                             | M    | attention | connector sign-in                              | –                   |
403  | 900329                             | F    | attention | set PARTNER_CENTER_REFRESH_TOKEN               | –                   |
403  | 900308 900150 2032                 | M    | attention | give it the role of an admin agent             | –                   |
403  | 900309 90000                       | M    | attention | check the Conditional Access policies          | –                   |
400  | 900127                             | N    | permanent | check PARTNER_CENTER_BASE_URL                  | not-completed       |

Customer
400  | 600002 600049 600050               | F    | customer  | the customer is asked for it                   | registration-number |
400  | 600051                             | F    | customer  | the customer is asked for it                   | phone-number        |
403  | 600006                             | M    | attention | give it the role of an admin agent             | –                   |
404  | 60003                              | F    | attention | restore the reseller relationship              | –                   | of a new customer awaited: ensure-customer.ts
403  | 20002 900159                       | M    | attention | restore the reseller relationship              | –                   | of a new customer awaited: ensure-customer.ts
403  | 800073 800074                      | R    | retry     | under account verification how far it is       | –                   |
403  | 800075 900416                      | M    | attention | see the account verification                   | –                   |
400  | 900118                             | F    | attention | restore the reseller relationship              | –                   |
404  | 600074                             | S    | success   |                                                | –                   | customers.vettingStatus: none

Agreement
403  | 13605                              | F    | attention | have the customer accept it                    | –                   | asks the customer first: purchase.ts, with-agreement.ts
400  | 600061                             | S    | success   |                                                | –                   | agreements.confirm: exists
403  | 900123 900124                      | M    | attention | sign it                                        | –                   |

Catalogue, cart, order
404  | 400013 400018 400019               | F    | attention | check the offer of the plan                    | –                   | resolved anew in a new cart: purchase.ts
403  | 400030 400036                      | F    | attention | check the segment of the plan                  | –                   |
403  | 2030                               | M    | attention | check where the plan may be sold               | –                   |
403  | 2006 2085 2091 800020 800028       | M    | attention | ask the support of Partner Center              | –                   |
400  | 800070 800086 20000                | M    | attention | check where the plan may be sold               | –                   |
400  | 800004 800009                      | F    | attention | check the offer of the plan                    | –                   | resolved anew in a new cart: purchase.ts
400  | 800021 900142                      | F    | attention | check the offer of the plan                    | –                   |
400  | 800010 800017                      | M    | attention | offer the customer another plan                | –                   |
404  | 800008                             | F    | attention | a new one is needed                            | –                   | made by itself: purchase.ts
400  | 800065                             | S    | retry     | its order is looked for                        | –                   | a success only once the order is found: purchase.ts
409  | 800064 800060                      | R    | retry     | its outcome is looked for                      | –                   |
409  | 800014                             | R    | retry     | An adjustment of the order is pending          | –                   |
409  | 900112 900113                      | –    | retry     | Something else is in progress there            | –                   | an upgrade of the customer's Azure is on its way
409  | 900114                             | –    | attention | settle it with the support of Partner Center   | –                   | it has failed
cart | 10000 10013                        | F    | attention | of the plan                                    | –                   |
cart | 10001                              | F    | retry     | it is looked up anew                           | –                   | in a new cart: purchase.ts
cart | 10002                              | M    | attention | have Microsoft raise it                        | –                   |
cart | 10003                              | M    | attention | offer the customer another plan                | –                   |
cart | 10004                              | F    | attention | check RESELLER_PARTNER_IDS                     | –                   |
cart | 10009                              | F    | attention | clean it up                                    | –                   |
cart | 10015                              | F    | attention | correct the limits of the plan                 | –                   |
cart | 10016 10017                        | F    | attention | with another day                               | –                   |
cart | 10018 10019                        | F    | attention | have the customer order more of them           | –                   |
cart | 400041                             | F    | attention | have them order it first                       | –                   |
cart | 500600                             | F    | attention | give the plan a current offer                  | –                   |
400  | 900203 900206                      | F    | attention | report it to the developers                    | –                   |
400  | 900169                             | F    | attention | check the market of the plan                   | –                   |
400  | 900242 900244 900245 900246        | F    | attention | with another day                               | –                   |
400  | 900275 2002                        | F    | attention | correct the limits of the plan                 | –                   | the bounds are checked, and told the customer, before: catalog-item.ts
403  | 800067 800088 800089               | F    | attention | correct the limits of the plan                 | –                   |
403  | 800066 800068                      | M    | attention | end some that are not needed                   | –                   |
400  | 900419                             | M    | attention | end some that are not needed                   | –                   |
400  | 800018 900116                      | F    | attention | clean it up                                    | –                   |
403  | 900322                             | N    | permanent | order it in production                         | not-completed       |
403  | 900121 800023                      | M    | attention | have Microsoft raise it                        | –                   |
400  | 800025                             | M    | attention | have Microsoft raise it                        | –                   |
400  | 800022 800024 800026 800062        | M    | attention | ask the support of Partner Center              | –                   |
403  | 800069                             | M    | attention | ask the support of Partner Center              | –                   |
403  | 800039 900149                      | M    | attention | see Partner Center                             | –                   |
404  | 800015 2072                        | F    | attention | correct RESELLER_PARTNER_IDS                   | –                   |
400  | 800016 900154 2200 2201 2204       | F    | attention | correct RESELLER_PARTNER_IDS                   | –                   |
400  | 2203                               | M    | attention | have its administrator sign it                 | –                   |
400  | 900128 900129 900318               | F    | attention | order these for the customer first             | –                   |
404  | 20000                              | R    | retry     | not shown yet, which may take 15 minutes       | –                   |
500  | 800003 800005 900192               | R    | retry     | ask the support of Partner Center              | –                   |
500  | 800031 800083 800084 800087        | –    | retry     | ask the support of Partner Center              | –                   | internal problems of a purchase

Subscription
404  | 20003                              | F    | attention | the record names a wrong one                   | –                   |
400  | 2055                               | F    | retry     | it is read anew                                | –                   | each try reads the resource first: subscriptions.update
412  | 2055                               | F    | retry     | it is read anew                                | –                   | each try reads the resource first: subscriptions.update
400  | 2001 800091                        | F    | attention | resume it first                                | –                   |
400  | 800090 900214 900257               | F    | permanent | scheduled for the renewal                      | not-completed       | does that: change-seats.ts
400  | 900117 900213                      | F    | permanent | by switching renewal off                       | not-completed       | does that: deprovision.ts
400  | 2011 900279                        | N    | permanent | has to be bought anew                          | not-completed       |
400  | 900277 900280                      | R    | retry     | until Microsoft has processed that             | –                   |
409  | 900278                             | R    | retry     | pending on it, for up to 24 hours              | –                   |
409  | 800082                             | R    | retry     | not ready for changes yet                      | –                   |
409  | 27009 0                            | R    | retry     | Something else is in progress there            | –                   |
400  | 800081                             | R    | retry     | has not activated it yet                       | –                   |
400  | 800093                             | N    | permanent | has to be bought anew                          | not-completed       |
400  | 800095                             | N    | permanent | other seats have to be bought separately       | not-completed       |
403  | 800027                             | –    | permanent | other seats have to be bought separately       | not-completed       | the same, as refused for an item of an order
400  | 800096                             | N    | permanent | it can only be ended with its term             | not-completed       |
400  | 800097                             | N    | permanent | another one can only be scheduled              | not-completed       |
400  | 800098                             | N    | permanent | only the support of Partner Center             | not-completed       |
500  | 800094                             | R    | retry     | ask the support of Partner Center              | –                   |
400  | 900311                             | M    | attention | ask the support of Partner Center              | –                   |
400  | 2054                               | F    | attention | must be changed in Partner Center              | –                   |
400  | 800107                             | F    | attention | check whether the plan                         | –                   |
400  | 800121 800122                      | F    | attention | check duration and billing period              | –                   |
400  | 900236 900258 900259 900260        | F    | attention | it must be another one                         | –                   |
400  | 900261                             | F    | attention | it goes on when it is                          | –                   |
400  | 900267 900268 900269 900270        | F    | attention | check duration and billing period              | –                   |
403  | 900115                             | F    | attention | cancel them first                              | –                   |
403  | 900263                             | F    | attention | must be changed in Partner Center              | –                   |
404  | 800111                             | F    | attention | look for it in Partner Center                  | –                   |
400  | 900307                             | F    | attention | report it to the developers                    | –                   |

Generic
400  | 800002 3000 2000 900126            | F    | attention | report it to the developers                    | –                   |
408  | 0                                  | R    | retry     | ask the support of Partner Center              | –                   |
500  | 0                                  | R    | retry     | ask the support of Partner Center              | –                   |
502  | 0                                  | R    | retry     | ask the support of Partner Center              | –                   |
503  | 0                                  | R    | retry     | ask the support of Partner Center              | –                   |
504  | 0                                  | R    | retry     | ask the support of Partner Center              | –                   |
429  | 0                                  | R    | retry     | is sent again in                               | –                   |
417  | 800036                             | N    | permanent | report it to the developers                    | not-completed       |
501  | 0                                  | N    | permanent | report it to the developers                    | not-completed       |
400  | 123456                             | –    | attention | look the code up                               | –                   | unknown, and money is involved
`;

/** What the customer of a failed order reads: the text in the catalogue, and its words. */
const READS: Record<string, { text: string; en: string; it: string }> = {
  'registration-number': {
    text: 'customer.data-refused',
    en: 'Microsoft did not accept data of your profile: business registration or tax number. Please correct them',
    it: 'Microsoft non ha accettato alcuni dati del tuo profilo: partita IVA o numero di iscrizione al registro delle imprese. Correggili',
  },
  'phone-number': {
    text: 'customer.data-refused',
    en: 'Microsoft did not accept data of your profile: phone number. Please correct them',
    it: 'Microsoft non ha accettato alcuni dati del tuo profilo: numero di telefono. Correggili',
  },
  'not-completed': {
    text: 'other',
    en: 'Your order could not be completed. Our support has been informed and will take care of it',
    it: 'Non è stato possibile completare il tuo ordine. La nostra assistenza ne è già informata e se ne occuperà',
  },
};

/** What each letter of the documentation means for us. What deviates says why. */
const MEANT: Record<string, Meaning[]> = {
  R: ['retry'],
  F: ['attention', 'customer'],
  S: ['success'],
  M: ['attention'],
  N: ['permanent'],
};

/** Statuses and codes after which nobody can say what has happened. */
const UNCLEAR = new Set(['408', '500', '502', '503', '504', '800065', '123456']);

type Meaning = 'retry' | 'attention' | 'customer' | 'permanent' | 'success';
type PartnerCenter = Awaited<ReturnType<typeof startPartnerCenter>>;

/** Codes that only one call can get. Any other is answered to a purchase. */
const CALLS: Record<string, (partnerCenter: PartnerCenter) => Promise<unknown>> = {
  '600074': ({ customers }) => customers.vettingStatus(CUSTOMER),
  '600061': ({ agreements }) => agreements.createFromAttestation(CUSTOMER, 'a-1', EFFECT),
};

const ROWS = TABLE.split('\n')
  .filter((line) => /^(\d{3}|cart) /.test(line))
  .flatMap((line) => {
    const [status = '', codes = '', spec = '', we, ops = '', reads = '', why = ''] = line
      .split('|')
      .map((cell) => cell.trim());
    return codes.split(' ').map((code) => ({ status, code, spec, we: we as Meaning, ops, reads, why }));
  });

async function refusedOf({ status, code }: { status: string; code: string }): Promise<ConnectorError | undefined> {
  if (status === 'cart') return cartLineError({ code, description: '' });
  const partnerCenter = await startPartnerCenter(() =>
    code === '0' ? { status: Number(status) } : refused(Number(status), Number(code)),
  );
  const purchase = () => partnerCenter.carts.create(CUSTOMER, { lineItems: [] }, EFFECT);
  try {
    await (CALLS[code]?.(partnerCenter) ?? purchase());
    return undefined;
  } catch (error) {
    if (error instanceof ConnectorError) return error;
    throw error;
  }
}

function meaningOf(error: ConnectorError | undefined): Meaning {
  if (!error) return 'success';
  if (error instanceof RetryableError) return 'retry';
  if (error instanceof CustomerError) return 'customer';
  if (error instanceof PermanentError) return 'permanent';
  expect(error).toBeInstanceOf(AttentionError);
  return 'attention';
}

/** The instructions of an order that failed for this reason. */
async function readsOf({ code, params }: ConnectorError): Promise<Record<string, string>> {
  let told: Record<string, string> = {};
  const subscriptions = {
    get: async () => ({ deploymentStatus: 'FAILED' }),
    setInstructions: async (_id: number, texts: Record<string, string>) => {
      told = texts;
    },
  } as unknown as Cloudesire['subscriptions'];
  await createReport({ cloudesire: { subscriptions }, languages: ['en', 'it'] }).failed(50010, { code, params });
  return told;
}

describe('a refusal by Partner Center', () => {
  it.each(ROWS)('$status $code means $we', async ({ status, code, spec, we, ops, reads, why }) => {
    const error = await refusedOf({ status, code });
    expect(meaningOf(error)).toBe(we);
    expect(error?.message ?? '').toContain(ops);
    if (!MEANT[spec]?.includes(we)) expect(why, 'what deviates says why').not.toBe('');

    const isTold = error instanceof CustomerError || error instanceof PermanentError;
    expect(isTold).toBe(reads !== '–');
    if (!isTold) return;
    const { text = '', en: english = '', it: italian = '' } = READS[reads] ?? {};
    expect(error.code in en.failures ? error.code : 'other').toBe(text);
    const told = await readsOf(error);
    expect(told.en).toContain(english);
    expect(told.it).toContain(italian);
  });

  it('is decided by status and code, each of which stands in the table once', () => {
    const keys = ROWS.map(({ status, code }) => `${status} ${code}`);
    expect(keys.filter((key, n) => keys.indexOf(key) !== n)).toEqual([]);
    expect(ROWS.length).toBeGreaterThan(150);
  });

  // Of everything that Microsoft refuses nothing has happened, unless another request may have done it.
  it.each(ROWS.filter(({ we }) => we !== 'success'))(
    '$status $code says what has happened',
    async ({ status, code }) => {
      const error = await refusedOf({ status, code });
      const isConflict = status === '409' && code !== '900114';
      const mayHaveHappened = isConflict || UNCLEAR.has(status) || UNCLEAR.has(code);
      expect(error?.effect).toBe(mayHaveHappened ? 'unknown' : 'none');
    },
  );
});
