import type { ReactNode } from 'react';

// Drawn for this product on a grid of 24, strokes only.
const shapes = {
  live: <><path d="M4 10v4M8 7v10M12 4v16M16 7v10M20 10v4" /></>,
  calls: <><path d="M4 6h16M4 12h10M4 18h7" /><circle cx="18" cy="16" r="3" /><path d="m20.2 18.2 1.8 1.8" /></>,
  queues: <><circle cx="5.5" cy="12" r="2.5" /><circle cx="12" cy="12" r="2.5" /><path d="M17 8.5 20.500 12 17 15.500" /></>,
  system: <><rect x="3" y="4" width="18" height="7" rx="2" /><rect x="3" y="13" width="18" height="7" rx="2" /><path d="M7 7.500h.01M7 16.500h.01M11 7.500h6M11 16.500h6" /></>,
  settings: <><path d="M4 7h9M19 7h1M4 17h3M13 17h7" /><circle cx="16" cy="7" r="2.5" /><circle cx="10" cy="17" r="2.5" /></>,
  sun: <><circle cx="12" cy="12" r="4" /><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.400M5.6 18.4 7 17M17 7l1.4-1.4" /></>,
  moon: <path d="M20 14.500A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500Z" />,
  half: <><circle cx="12" cy="12" r="8.5" /><path d="M12 3.500v17a8.5 8.5 0 0 0 0-17Z" fill="currentColor" stroke="none" /></>,
  globe: <><circle cx="12" cy="12" r="8.5" /><path d="M3.5 12h17M12 3.500c5 5 5 12 0 17M12 3.500c-5 5-5 12 0 17" /></>,
  user: <><circle cx="12" cy="8.5" r="3.5" /><path d="M5 20c.5-4 3.5-6 7-6s6.5 2 7 6" /></>,
  search: <><circle cx="11" cy="11" r="6.5" /><path d="m16 16 4.5 4.5" /></>,
  in: <path d="M18 6 7 17M7 9v8h8" />,
  out: <path d="M6 18 17 7M9 7h8v8" />,
  hangup: <path d="M3.5 14.500c-.4-1.7.2-3 1.6-3.7 4.4-2.2 9.4-2.2 13.8 0 1.4.7 2 2 1.6 3.700l-.1.500c-.1.5-.6.8-1.1.7l-3-.7c-.4-.1-.7-.4-.8-.9l-.2-1.700c-2.2-.6-4.4-.6-6.6 0l-.2 1.700c-.1.5-.4.8-.8.900l-3 .7c-.5.1-1-.2-1.1-.7Z" />,
  back: <path d="M15 5 8 12l7 7" />,
  close: <path d="M6 6l12 12M18 6 6 18" />,
  down: <path d="M6 9l6 6 6-6" />,
  up: <path d="M6 15l6-6 6 6" />,
  play: <path d="M8 5.500v13l10.5-6.500Z" fill="currentColor" />,
  pause: <path d="M8.5 5.500v13M15.5 5.500v13" strokeWidth="3.2" />,
  rewind: <><path d="M4.5 12a7.5 7.5 0 1 0 2.6-5.7" /><path d="M7.5 2.800v4h4" /></>,
  ahead: <><path d="M19.5 12a7.5 7.5 0 1 1-2.6-5.7" /><path d="M16.5 2.800v4h-4" /></>,
  download: <path d="M12 4v11M7 11l5 5 5-5M5 20h14" />,
  copy: <><rect x="8" y="8" width="12" height="12" rx="2" /><path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2" /></>,
  disc: <><circle cx="12" cy="12" r="8" /><circle cx="12" cy="12" r="2.5" fill="currentColor" /></>,
  discOff: <><path d="M6.300 6.300a8 8 0 0 0 11.400 11.400M9 4.600A8 8 0 0 1 19.400 15M4 4l16 16" /></>,
  gap: <path d="M4 12h3M10.5 12h3M17 12h3" />,
  lock: <><rect x="5" y="11" width="14" height="9" rx="2" /><path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3" /></>,
  keyboard: <><rect x="2.5" y="6" width="19" height="12" rx="2" /><path d="M6.5 10h.01M10 10h.01M14 10h.01M17.5 10h.01M8 14h8" /></>,
  eye: <><path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z" /><circle cx="12" cy="12" r="2.8" /></>,
  exit: <path d="M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4M6 12h9" />,
  heart: <path d="M12 20C7.300 16.500 4 13.300 4 9.300 4 6.800 6 5 8.200 5c1.600 0 3 .8 3.800 2.200C12.800 5.800 14.200 5 15.800 5 18 5 20 6.800 20 9.300c0 4-3.300 7.200-8 10.700Z" />,
  phone: <path d="M6.500 4h2.800l1.400 4-2 1.500a11 11 0 0 0 5.800 5.800l1.500-2 4 1.400v2.800a2 2 0 0 1-2.100 2C10.600 19 5 13.400 4.500 6.100A2 2 0 0 1 6.500 4Z" />,
  mic: <><rect x="9" y="3.500" width="6" height="11" rx="3" /><path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3" /></>,
  micOff: <><path d="M15 10.500v-4a3 3 0 0 0-5.800-1M9 9.500v2a3 3 0 0 0 4.500 2.600" /><path d="M5.500 11.500a6.500 6.500 0 0 0 10.300 5.300M18.500 11.500c0 .9-.2 1.700-.5 2.500M12 18v3M4 4l16 16" /></>,
  keypad: <g fill="currentColor" stroke="none"><circle cx="6" cy="5" r="1.600" /><circle cx="12" cy="5" r="1.600" /><circle cx="18" cy="5" r="1.600" /><circle cx="6" cy="11" r="1.600" /><circle cx="12" cy="11" r="1.600" /><circle cx="18" cy="11" r="1.600" /><circle cx="6" cy="17" r="1.600" /><circle cx="12" cy="17" r="1.600" /><circle cx="18" cy="17" r="1.600" /></g>,
  transfer: <><path d="M4 8h14M14 4l4 4-4 4" /><path d="M20 16H9M12.500 12.500 9 16l3.500 3.500" /></>,
  headset: <><path d="M4.500 15v-3a7.500 7.500 0 0 1 15 0v3" /><rect x="3" y="13.500" width="4" height="6" rx="1.800" /><rect x="17" y="13.500" width="4" height="6" rx="1.800" /></>,
  speaker: <><path d="M4 9.500v5h3.500l4.500 4v-13l-4.500 4Z" /><path d="M15.500 9a4 4 0 0 1 0 6M18 6.500a7.500 7.500 0 0 1 0 11" /></>,
  speakerOff: <><path d="M4 9.500v5h3.500l4.500 4v-13l-4.500 4Z" /><path d="m16 9.500 5 5M21 9.500l-5 5" /></>,
  park: <><rect x="4" y="4" width="16" height="16" rx="4" /><path d="M9.500 16.500v-9h3.200a2.700 2.700 0 0 1 0 5.400H9.500" /></>,
  merge: <><path d="M4 5c6 0 8 7 16 7M4 19c6 0 8-7 16-7" /><path d="m17 9 3 3-3 3" /></>,
  more: <g fill="currentColor" stroke="none"><circle cx="5.5" cy="12" r="1.800" /><circle cx="12" cy="12" r="1.800" /><circle cx="18.5" cy="12" r="1.800" /></g>,
  team: <><circle cx="8.500" cy="9" r="3" /><circle cx="16.500" cy="10" r="2.400" /><path d="M3 19c.4-3.400 2.500-5 5.500-5s5.100 1.600 5.500 5M16 14.600c2.700-.1 4.500 1.300 5 4.400" /></>,
  contacts: <><rect x="5" y="3.500" width="15" height="17" rx="2" /><circle cx="12.500" cy="9.500" r="2.300" /><path d="M8.500 16.500c.4-2.300 2-3.400 4-3.400s3.600 1.100 4 3.400M3 8h3.500M3 12h3.500M3 16h3.500" /></>,
  clip: <path d="m19.500 11.500-7.800 7.800a4.600 4.600 0 0 1-6.500-6.500l8.300-8.300a3.100 3.100 0 0 1 4.400 4.400l-8.300 8.300a1.550 1.550 0 0 1-2.200-2.200l7.300-7.300" />,
  inbox: <path d="M4 13.500 6.500 5h11L20 13.500V18a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 18ZM4 13.500h4.500l1.500 2.500h4l1.500-2.500H20" />,
  ticket: <><path d="M4 7.500h16v3a1.800 1.800 0 0 0 0 3.500v3H4v-3a1.800 1.800 0 0 0 0-3.500Z" /><path d="M14 8v1.500M14 11.500v1.500M14 15v1.500" /></>,
  book: <path d="M12 6.500C10 5 7 4.500 4 5v13c3-.5 6 0 8 1.500M12 6.500c2-1.500 5-2 8-1.500v13c-3-.5-6 0-8 1.500V6.500Z" />,
  bot: <><rect x="4.500" y="8" width="15" height="11" rx="3" /><path d="M12 8V4.500M9.500 16h5M2.500 12v3M21.500 12v3" /><circle cx="9" cy="12.500" r=".8" /><circle cx="15" cy="12.500" r=".8" /><circle cx="12" cy="4" r="1" /></>,
  chart: <path d="M4 4v16h16M8.500 16v-4M13 16V8M17.500 16v-6" />,
  shield: <><path d="M12 3.500 5 6v5.500c0 4.300 3 7.300 7 9 4-1.700 7-4.700 7-9V6Z" /><path d="m9 12 2.200 2.200L15.200 10" /></>,
  pen: <path d="m4.500 19.500 1-4.500L16 4.500a2.100 2.100 0 0 1 3 3L8.500 18.500ZM14 6.500l3.500 3.500" />,
  bell: <path d="M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15ZM10 20.500a2.200 2.200 0 0 0 4 0" />,
  words: <><path d="M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2Z" /></>,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

/** Icon is decoration: whoever uses it gives the words. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false" className="icon">
      {shapes[name]}
    </svg>
  );
}

/** Mark is the brand: a heart that holds a voice. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false" className="mark">
      <path d="M16 28.200C9.2 23.3 3 18 3 11.4 3 7.2 6.2 4.2 10 4.200c2.5 0 4.7 1.3 6 3.4 1.3-2.1 3.5-3.4 6-3.4 3.8 0 7 3 7 7.2 0 6.6-6.2 11.9-13 16.800Z" fill="var(--brand)" />
      <g stroke="var(--on-brand)" strokeWidth="2.2" strokeLinecap="round">
        <path d="M8.6 12.200v2.6" />
        <path d="M12.3 10v7" />
        <path d="M16 12.400v6.2" />
        <path d="M19.7 9.600v8" />
        <path d="M23.4 12.200v2.6" />
      </g>
    </svg>
  );
}
