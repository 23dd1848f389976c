import { useEffect, useState, useSyncExternalStore } from 'react';

/** Which microphone and which output to use; '' is the system's own choice. */
export interface Choice {
  readonly input: string;
  readonly output: string;
}

const remembered = 'tingxin.devices';
const listeners = new Set<() => void>();

function stored(): Choice {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(remembered) ?? '{}');
    const { input, output } = value as Partial<Record<keyof Choice, unknown>>;
    return { input: typeof input === 'string' ? input : '', output: typeof output === 'string' ? output : '' };
  } catch {
    return { input: '', output: '' };
  }
}

let choice = stored();

export const chosen = (): Choice => choice;

/** choose switches, and remembers the choice in this browser. */
export function choose(next: Partial<Choice>): void {
  choice = { ...choice, ...next };
  localStorage.setItem(remembered, JSON.stringify(choice));
  for (const listener of listeners) listener();
}

export function onChoice(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useChosen = (): Choice => useSyncExternalStore(onChoice, chosen);

/** usable says whether this page gets a microphone at all: browsers give it to secure pages only. */
export const usable = (): boolean => window.isSecureContext && 'mediaDevices' in navigator;

/** microphone opens the chosen microphone, or any when that is gone. */
export async function microphone(): Promise<MediaStream> {
  const common = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  if (!choice.input) return navigator.mediaDevices.getUserMedia({ audio: common });
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { ...common, deviceId: { exact: choice.input } } });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotAllowedError') throw error;
    return navigator.mediaDevices.getUserMedia({ audio: common });
  }
}

export interface Devices {
  inputs: MediaDeviceInfo[];
  outputs: MediaDeviceInfo[];
}

/** useDevices lists what is plugged in. Names are known only after a microphone was allowed: `again` changes then. */
export function useDevices(again: unknown): Devices {
  const [devices, setDevices] = useState<Devices>({ inputs: [], outputs: [] });
  useEffect(() => {
    if (!usable()) return;
    let wanted = true;
    const look = () =>
      void navigator.mediaDevices.enumerateDevices().then((all) => {
        // The two made-up entries repeat a device that is listed by itself.
        const of = (kind: MediaDeviceKind) => all.filter((d) => d.kind === kind && d.deviceId && d.deviceId !== 'default' && d.deviceId !== 'communications');
        if (wanted) setDevices({ inputs: of('audioinput'), outputs: of('audiooutput') });
      });
    look();
    navigator.mediaDevices.addEventListener('devicechange', look);
    return () => {
      wanted = false;
      navigator.mediaDevices.removeEventListener('devicechange', look);
    };
  }, [again]);
  return devices;
}

/** useLevel is the loudness of a stream, 0 to 1, about 12 times a second. */
export function useLevel(stream: MediaStream | null): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    if (!stream) return;
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      setLevel(loudness(samples));
    }, 80);
    return () => {
      clearInterval(timer);
      setLevel(0);
      void context.close();
    };
  }, [stream]);
  return level;
}

/** loudness maps -60 dB to 0 and full scale to 1. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const s of samples) sum += s * s;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, 1 + db / 60));
}
