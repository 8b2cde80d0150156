/**
 * Lays rows out below their headings, in columns as wide as their widest cell; the last one is not padded. What is missing
 * shows as `–`, line breaks and other control characters as blanks.
 */
export function table(headings: string[], rows: (string | number | undefined)[][]): string {
  const lines = [headings, ...rows].map((row) => row.map(cell));
  const widths = headings.map((_heading, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((text, column) => text.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** A foreign text must not be able to move the cursor of a terminal. */
function cell(value: string | number | undefined): string {
  return plain(String(value ?? '–'));
}

/** A text as a terminal shows it, with a blank for everything that would steer it. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** What a page of a list leaves out, as a last line; empty when it shows everything. */
export function restOf(total: number, { page, pageSize }: { page: number; pageSize: number }): string {
  const pages = Math.ceil(total / pageSize);
  return pages > 1 ? `page ${page} of ${pages}, ${total} in all\n` : '';
}
