/** Letters, as in `customers` or `resourceGroups`; the version of an API; a namespace of Azure. Everything else names something. */
const WORD = /^([A-Za-z$]{1,40}|v\d+(\.\d+)?|Microsoft\.[A-Za-z.]{1,60})$/;

/** A path with `{id}` in place of each segment that names something: it says what kind of call it was, and of nobody. */
export function patternOf(path: string): string {
  return path
    .split('/')
    .map((segment) => (segment === '' || WORD.test(segment) ? segment : '{id}'))
    .join('/');
}
