import type { Links, ParameterFlaw, Params, Texts } from './texts.ts';

const parameterFlaws: Texts['parameterFlaws'] = {
  missing: () => 'a value is needed',
  allowed: ({ allowed = '' }) => `possible values are ${allowed}`,
  length: ({ min = '', max = '' }) => `it must be ${limits(min, max)} characters long`,
  items: ({ min = '', max = '' }) => `the list must have ${limits(min, max)} entries`,
  range: ({ min = '', max = '' }) => `it must be a whole number, ${limits(min, max)}`,
  number: () => 'it must be a whole number, written in digits only',
  'yes-no': () => 'it must be true or false',
  list: () => 'it must be a list in JSON, in square brackets',
  object: () => 'it must be an object in JSON, in braces',
  characters: () => 'it contains characters that cannot be used, such as line breaks, or is too long',
  bracket: () => 'it must not begin with a square bracket',
  'dns-label': () =>
    'it must have 3 to 63 letters, digits or hyphens, begin with a letter and end with a letter or a digit',
};

export const en: Texts = {
  license: {
    'new-tenant': ({ admin }) =>
      `Your Microsoft licences are ready. We have set up a Microsoft organisation for your company. Open the link "${admin}" of this subscription and sign in with the user name and the password shown under credentials. At the first sign-in you choose a password of your own. Then add your users and assign the licences to them.`,
    'password-lost': ({ admin }) =>
      `Your Microsoft licences are ready. We have set up a Microsoft organisation for your company. The administrator account is shown under credentials; its first password could not be delivered. Please contact our support to receive a new one. Then open the link "${admin}" of this subscription, add your users and assign the licences to them.`,
    'existing-tenant': ({ admin }) =>
      `Your Microsoft licences are ready and have been added to your company's Microsoft organisation. Open the link "${admin}" of this subscription, sign in with your administrator account and assign the licences to your users.`,
  },
  azure: {
    ready:
      'Your environment in Microsoft Azure is ready. Its addresses are among the links of this subscription; user names, passwords and other details are among its credentials. Passwords are shown only there: please keep them in a safe place.',
    newTenant:
      'We created a Microsoft organisation for your company. The user name and the first password of its administrator are among the credentials; you choose a password of your own when you sign in for the first time.',
    access: {
      none: 'The environment is administered for you. It cannot be opened in the Azure portal with an account of your company; if you need that, please contact our support.',
      reader:
        'The administrators of your Microsoft organisation can look at the environment in the Azure portal, but not change it.',
      contributor:
        'The administrators of your Microsoft organisation can change the environment in the Azure portal. Whatever they add or enlarge there is charged to your company.',
      owner:
        'The administrators of your Microsoft organisation have full control of the environment in the Azure portal and can let others in. Whatever they add or enlarge there is charged to your company.',
    },
  },
  agreement: {
    order: agreement(
      'One step is left for you: please accept the Microsoft Customer Agreement.',
      'Delivery then goes on by itself.',
    ),
    change: agreement(
      'Microsoft asks your company to accept the Microsoft Customer Agreement before it changes your subscription, even if you have accepted it in the past.',
      'Your change is then carried out by itself; until then your subscription stays as it is.',
    ),
    renewal: agreement(
      'Microsoft asks your company to accept the Microsoft Customer Agreement before your subscription can be renewed, even if you have accepted it in the past.',
      'The renewal is then arranged by itself; until then your subscription stays as it is.',
    ),
    return: agreement(
      'Microsoft asks your company to accept the Microsoft Customer Agreement before your licences can be used again, even if you have accepted it in the past.',
      'Your licences then come back by themselves.',
    ),
  },
  invitation: ({ invitation }) =>
    `One step is left for you: your Microsoft organisation has to accept us as its reseller. Please have an administrator of that organisation open the link "${invitation}" of this subscription, sign in and accept. Delivery then goes on by itself. If you would rather have a new organisation, please contact our support.`,
  underWay:
    'Thank you, nothing is left for you to do: your order is being carried out. This usually takes a few minutes; where Microsoft reviews a company first, it can take several days. As soon as your product is ready, you will read here how to use it. A link that you have already used for this order is no longer needed.',
  nextTerm: {
    seats: ({ seats, date }) =>
      `Your subscription will go on with ${licences(seats)} from its next renewal${date && `, after ${date}`}. Microsoft does not take licences back before that, so until then you can use all those that you have now. Please decide in time which users are to keep theirs.`,
    plan: ({ seats, date }) =>
      `Your subscription will go on with the new plan and ${licences(seats)} from its next renewal${date && `, after ${date}`}. Microsoft does not allow this change before that; until then you keep the plan that you have now.`,
    afterTrial: ({ seats, date }) =>
      `Your trial goes on until its end${date && ` on ${date}`}. After that your subscription continues by itself with ${licences(seats)}; until then you can use all those of the trial. Please decide in time which users are to keep theirs.`,
  },
  newTerm: {
    renewed: ({ seats, admin }) =>
      `Your subscription has been renewed, with the change that you asked for: it now has ${licences(seats)}. ${checkLicences(admin)}`,
    afterTrial: ({ seats, admin }) =>
      `Your trial is over and your subscription goes on: it now has ${licences(seats)}. ${checkLicences(admin)}`,
  },
  seatsNotPossible: ({ seats = '', min = '', max = '' }) =>
    `The number of licences could not be changed, and your subscription stays as it is: Microsoft sells this product with ${bounds(min, max)} in one subscription, and you asked for ${counted(seats)}. Please choose a possible number in the marketplace; if you need more, order the product once more, as a subscription of its own.`,
  endpoints: {
    admin: 'Microsoft 365 admin center',
    passwordReset: 'Reset your password',
    documentation: 'Microsoft 365 administration guide',
    agreement: 'Accept the Microsoft Customer Agreement',
    invitation: 'Accept us as your Microsoft reseller',
    application: 'Your application',
    azureManaged: 'Microsoft Azure (administered for you)',
    azurePortal: 'Your environment in the Azure portal',
  },
  credentials: {
    userName: 'User name of the administrator',
    password: 'First password; you change it at the first sign-in',
    generated: 'Made for this environment; please change it when you use it for the first time',
  },
  fields: {
    companyName: 'company name',
    email: 'e-mail address',
    firstName: 'first name',
    lastName: 'last name',
    addressLine: 'street and number',
    city: 'city',
    country: 'country',
    postalCode: 'postal code',
    state: 'province or state',
    phoneNumber: 'phone number',
    registrationNumber: 'business registration or tax number',
  },
  failures: {
    'customer.data-missing': ({ fields: missing = '' }: Params) =>
      `Your order could not be completed yet, because Microsoft requires data that are missing in your profile: ${missing}. Please add them in the marketplace, to your own profile or to that of your company. Delivery then goes on by itself; there is no need to order again.`,
    'customer.data-refused': ({ fields: refused = '' }: Params) =>
      `Your order could not be completed yet, because Microsoft did not accept data of your profile: ${refused}. Please correct them in the marketplace, in your own profile or in that of your company. Delivery then goes on by itself; there is no need to order again.`,
    'customer.company-required': () =>
      'Your order could not be completed yet, because Microsoft products are sold to companies only and your account has no company. Please add your company to your profile in the marketplace. Delivery then goes on by itself; there is no need to order again.',
    'customer.tenant-of-another': () =>
      'Your order could not be completed yet, because the Microsoft organisation that you named belongs to another customer. Please contact our support, or order again without naming an organisation.',
    'customer.not-allowed': () =>
      'Your order could not be completed, because Microsoft has reviewed your company and does not sell to it. Our support has been informed; please contact them to learn what can be done. Ordering again does not help before that.',
    'order.quantity-invalid': ({ seats = '' }: Params) =>
      `Your order could not be carried out, because ${seats ? amount(seats) : 'the quantity ordered'} is not a possible number of licences. Please change the number of licences, or contact our support.`,
    'order.quantity-out-of-bounds': ({ seats = '', min = '', max = '' }: Params) =>
      `Your order could not be carried out, because Microsoft sells this product with ${bounds(min, max)} and you ordered ${counted(seats)}. Please change the number of licences, or contact our support.`,
    'order.term-end-not-allowed': () =>
      'Your order could not be carried out, because Microsoft does not allow your licences to end on the day that you chose. Nothing was bought. Please order again and choose one of the days offered, or none for a whole term, or contact our support.',
    'order.dns-name-taken': ({ parameter = '' }: Params) =>
      `Your order could not be completed, because the name that you chose for "${parameter}" is already used by somebody else in this region. Please contact our support with another name, or order again with another name.`,
    'operation.deadline': () =>
      'Your order could not be completed, because a technical problem has lasted too long. You do not have to do anything, and need not order again: our support has been informed and will take care of it.',
    'order.parameter-invalid': (params: Params) =>
      `Your order could not be completed yet, because of the value that you chose for ${parameterOf(params)}: ${ruleOf(params)}. Please correct it in the marketplace, or contact our support if you cannot change it there. Delivery then goes on by itself; there is no need to order again.`,
    other: () =>
      'Your order could not be completed. Our support has been informed and will take care of it; please contact them if you need the product urgently.',
  },
  objections: {
    'plan.not-available': () =>
      'This product cannot be ordered at the moment. Please try again later, or contact our support if you need it soon.',
    'plan.change-not-possible': () =>
      'Microsoft does not allow your subscription to change to this plan, neither now nor at its renewal. Please choose another plan, or order this one as a subscription of its own.',
    'offer.not-sold': () =>
      'Microsoft does not sell this product in your country with this duration and billing period. Please choose another plan, or contact our support.',
    'order.sandbox': () => 'Test orders are not accepted for this product. Please place an ordinary order.',
    'order.seats-missing': () =>
      'Please choose how many licences you need. If you cannot choose a number, contact our support.',
    'order.quantity-invalid': ({ seats = '' }) =>
      `${amount(seats)} is not a possible number of licences. Please enter a whole number, at least 1; if you need very many licences, contact our support.`,
    'order.quantity-out-of-bounds': ({ seats = '', min = '', max = '' }) =>
      `Microsoft sells this product with ${bounds(min, max)}, and you chose ${counted(seats)}. Please change the number of licences.`,
    'order.term-end-not-allowed': () =>
      'Microsoft does not allow, or no longer allows, your licences to end on the day that you chose. Please choose one of the days offered, or leave the field empty for a whole term.',
    'customer.company-required': () =>
      'Microsoft products are sold to companies only, and your account has no company. Please add your company to your profile in the marketplace, then order again.',
    'customer.data-missing': ({ fields: missing = '' }) =>
      `Microsoft requires data that are missing in your profile: ${missing}. Please add them in the marketplace, to your own profile or to that of your company, then order again.`,
    'customer.data-refused': ({ fields: refused = '' }) =>
      `Microsoft does not accept data of your profile: ${refused}. Please check them in the marketplace, in your own profile or in that of your company, then order again.`,
    'customer.domain-unusable': () =>
      'The name that you entered for your Microsoft organisation cannot be used. Please enter 3 to 27 letters and digits that begin with a letter, or the domain of the organisation that your company has already.',
    'customer.domain-taken': ({ name = '', free = '' }) =>
      `The name "${name}" that you entered for your Microsoft organisation is already taken. Please choose another one${free && `, for example "${free}"`}.`,
    'customer.tenant-of-another': () =>
      'The Microsoft organisation that you named belongs to another customer. Please enter the domain of your own company, or a new name.',
    'trial.used': () =>
      'Your company has had this trial already, or owns the product. Microsoft grants each trial only once; please order the product itself.',
    'trial.seats-fixed': () =>
      'Microsoft has fixed the number of licences of a trial; it cannot be changed. If you need more licences, please order the product itself.',
    'order.parameter-invalid': (params) => `Please check the value of ${parameterOf(params)}: ${ruleOf(params)}.`,
  },
  choices: {
    existingOrganisation: 'your existing Microsoft organisation',
    sharedTermEnd: ({ date }) => `${date}, together with licences that you have already`,
    monthlyTermEnd: ({ date }) => `${date}, at the end of the month`,
  },
  parameterFlaws,
};

function agreement(why: string, outcome: string): (links: Links) => string {
  return ({ agreement: link }) =>
    `${why} Open the link "${link}" of this subscription, read the agreement and accept it in the name of your company. ${outcome} The link is valid for a few days; if it expires, you will find a new one here.`;
}

function checkLicences(admin: string): string {
  return `Please check under the link "${admin}" of this subscription that everybody who needs a licence has one.`;
}

function licences(seats: number): string {
  return seats === 1 ? 'one licence' : `${amount(seats)} licences`;
}

/** As above, where the word has just been said. */
function counted(seats: string): string {
  return seats === '1' ? 'one' : amount(seats);
}

/** `1,000.5`. */
function amount(number: number | string): string {
  return new Intl.NumberFormat('en-GB').format(Number(number));
}

/** `1 to 300 licences`, `exactly 25 licences`, or `at least 5 licences`. */
function bounds(min: string, max: string): string {
  if (!max) return `at least ${licences(Number(min))}`;
  return min === max ? `exactly ${licences(Number(min))}` : `${amount(min)} to ${amount(max)} licences`;
}

/** `1 to 300`, `exactly 8`, `at least 5` or `at most 20`. */
function limits(min: string, max: string): string {
  if (!max) return `at least ${min}`;
  if (!min) return `at most ${max}`;
  return min === max ? `exactly ${min}` : `${min} to ${max}`;
}

function parameterOf({ parameter = '' }: Params): string {
  return parameter ? `"${parameter}"` : 'the configuration of the product';
}

function ruleOf(params: Params): string {
  const { reason = '' } = params;
  return Object.hasOwn(parameterFlaws, reason)
    ? parameterFlaws[reason as ParameterFlaw](params)
    : 'it cannot be used for this product';
}
