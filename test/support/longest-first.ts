import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What waits much and computes little goes first, so that the rest fills its waits and no processor is idle at the end. */
const FIRST = ['/test/integration/faults/', '/test/integration/'];

/** Orders test files without knowing how long they took before, as on a fresh clone. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification) => {
      const place = FIRST.findIndex((folder) => moduleId.includes(folder));
      return place === -1 ? FIRST.length : place;
    };
    return bySize.toSorted((one, other) => rank(one) - rank(other));
  }
}
