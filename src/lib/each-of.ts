/**
 * Works on every item, `atOnce` of them at the same time, taking the next one only when there is a free hand. After a failure no further
 * item is begun; it rejects with the first failure once nothing is under way any more.
 */
export async function eachOf<T>(
  items: AsyncIterable<T> | Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const source = fromAny(items);

  async function hand(): Promise<void> {
    try {
      while (failures.length === 0) {
        const { value, done } = await source.next();
        if (done) return;
        await work(value);
      }
    } catch (error) {
      failures.push(error);
    }
  }

  await Promise.all(Array.from({ length: atOnce }, hand));
  await source.return(undefined);
  if (failures.length > 0) throw failures[0];
}

async function* fromAny<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void> {
  yield* items;
}
