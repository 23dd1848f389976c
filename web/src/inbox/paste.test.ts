import { describe, expect, it } from 'vitest';
import { filesOf } from './paste';

const picture = new File(['x'], 'image.png', { type: 'image/png' });
const clipboard = (types: string[], ...files: File[]) => ({ types, files: files as unknown as FileList });

describe('a clipboard', () => {
  it('has the picture of a screen or of a page', () => {
    expect(filesOf(clipboard(['Files'], picture))).toEqual([picture]);
    expect(filesOf(clipboard(['text/html', 'Files'], picture))).toEqual([picture]);
  });
  it('is words where a table was copied, whatever picture of it lies beside them', () => {
    expect(filesOf(clipboard(['text/plain', 'text/html', 'Files'], picture))).toEqual([]);
    expect(filesOf(clipboard(['text/plain']))).toEqual([]);
  });
});
