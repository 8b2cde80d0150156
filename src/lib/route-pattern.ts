/**
 * Letters, as in `customers` or `directSignedMicrosoftCustomerAgreementStatus`; the version of an API; a namespace of Azure; what Entra ID
 * has in its paths. Everything else names something.
 */
const WORD = /^([A-Za-z$]{1,50}|v\d+(\.\d+)?|Microsoft\.[A-Za-z.]{1,60}|oauth2|\.well-known|openid-configuration)$/;

/** A path with `{id}` in place of each segment that names something: it says what kind of call it was, and of nobody. */
export function patternOf(path: string): string {
  return path
    .split('/')
    .map((segment) => (segment === '' || WORD.test(segment) ? segment : '{id}'))
    .join('/');
}
