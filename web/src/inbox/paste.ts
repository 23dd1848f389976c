/** filesOf are the pictures and files of a clipboard; none when it has words, of which programs of offices put a picture beside them. */
export const filesOf = (data: Pick<DataTransfer, 'types' | 'files'>): File[] => (data.types.includes('text/plain') ? [] : [...data.files]);
