import { useCallback, useState } from 'react';

/** Widths of the panels, px: four steps each, kept in this browser. */
export const widths = { work: [220, 260, 320, 400], context: [300, 360, 430, 520] } as const;
export type Panel = keyof typeof widths;

const keyOf = (panel: Panel) => `tingxin.desk.${panel}`;

/** stepOf reads a kept step; what is none is the second one. */
export function stepOf(kept: string | null): number {
  const step = Number(kept ?? Number.NaN);
  return Number.isInteger(step) && step >= 0 && step < 4 ? step : 1;
}

/** useWidth is the width of a panel and how to change it by a step. */
export function useWidth(panel: Panel) {
  const [step, setStep] = useState(() => stepOf(localStorage.getItem(keyOf(panel))));
  const move = useCallback(
    (by: number) =>
      setStep((old) => {
        const next = Math.max(0, Math.min(3, old + by));
        localStorage.setItem(keyOf(panel), String(next));
        return next;
      }),
    [panel],
  );
  return { width: widths[panel][step] ?? widths[panel][1], step, move };
}
