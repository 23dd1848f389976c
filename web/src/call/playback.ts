/** What the player shows. */
export interface PlaybackState {
  playing: boolean;
  rate: number;
  failed: boolean;
}

export const speeds = [0.75, 1, 1.25, 1.5, 2] as const;

/**
 * Playback owns one audio element. The browser fetches the recording in ranges
 * when it is first played; nothing is decoded as a whole.
 */
export class Playback {
  readonly audio: HTMLAudioElement;
  private state: PlaybackState = { playing: false, rate: 1, failed: false };
  private readonly listeners = new Set<() => void>();
  private readonly clocks = new Set<(ms: number) => unknown>();
  private frame = 0;
  /** Where to begin, while the browser has not loaded anything that it could seek in. */
  private wanted: number | null = null;

  constructor(
    source: string,
    private readonly duration: number,
  ) {
    const audio = new Audio();
    audio.preload = 'none';
    audio.src = source;
    audio.preservesPitch = true;
    this.audio = audio;
    audio.addEventListener('play', () => this.changed({ playing: true, failed: false }));
    audio.addEventListener('pause', () => this.changed({ playing: false }));
    audio.addEventListener('ended', () => this.changed({ playing: false }));
    audio.addEventListener('error', () => this.changed({ playing: false, failed: true }));
    audio.addEventListener('seeked', () => this.tick());
    audio.addEventListener('timeupdate', () => this.tick());
    audio.addEventListener('loadedmetadata', () => {
      if (this.wanted !== null) audio.currentTime = this.wanted / 1000;
      this.wanted = null;
    });
  }

  readonly get = (): PlaybackState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** onTime is called with the position in ms, per frame while playing. */
  onTime(clock: (ms: number) => unknown): () => boolean {
    this.clocks.add(clock);
    clock(this.position());
    return () => this.clocks.delete(clock);
  }

  position(): number {
    return this.wanted ?? this.audio.currentTime * 1000;
  }

  seek(ms: number): void {
    const to = Math.min(Math.max(ms, 0), this.duration);
    if (this.audio.readyState >= HTMLMediaElement.HAVE_METADATA) this.audio.currentTime = to / 1000;
    else this.wanted = to;
    this.tick();
  }

  skip(ms: number): void {
    this.seek(this.position() + ms);
  }

  play(from?: number): void {
    if (from !== undefined) this.seek(from);
    // A failure comes as the error event too.
    this.audio.play().catch(() => undefined);
  }

  toggle(): void {
    if (this.state.playing) this.audio.pause();
    else this.play(this.position() >= this.duration - 50 ? 0 : undefined);
  }

  setRate(rate: number): void {
    this.audio.defaultPlaybackRate = rate;
    this.audio.playbackRate = rate;
    this.changed({ rate });
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.audio.pause();
    this.audio.removeAttribute('src');
    this.audio.load();
  }

  private changed(part: Partial<PlaybackState>): void {
    this.state = { ...this.state, ...part };
    for (const listener of this.listeners) listener();
    cancelAnimationFrame(this.frame);
    if (this.state.playing) this.frame = requestAnimationFrame(this.run);
    else this.tick();
  }

  private readonly run = (): void => {
    this.tick();
    if (this.state.playing) this.frame = requestAnimationFrame(this.run);
  };

  private tick(): void {
    const at = this.position();
    for (const clock of this.clocks) clock(at);
  }
}
