/** What a visitor's browser remembers of one site; in memory only where storage is refused. */
export class Memory {
  private readonly lost = new Map<string, string>();

  constructor(private readonly prefix: string) {}

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what was written under a key is known to who reads it
  read<T>(key: string): T | undefined {
    let text: string | null | undefined;
    try {
      text = localStorage.getItem(this.prefix + key);
    } catch {
      text = this.lost.get(key);
    }
    try {
      return text ? (JSON.parse(text) as T) : undefined;
    } catch {
      return undefined;
    }
  }

  write(key: string, value: unknown): void {
    const text = JSON.stringify(value);
    try {
      if (value === undefined) localStorage.removeItem(this.prefix + key);
      else localStorage.setItem(this.prefix + key, text);
    } catch {
      if (value === undefined) this.lost.delete(key);
      else this.lost.set(key, text);
    }
  }
}
