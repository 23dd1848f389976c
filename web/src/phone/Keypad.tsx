import { useTranslation } from 'react-i18next';
import { key as sound } from './sound';

const rows = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'] as const;
const letters: Record<string, string> = { '2': 'ABC', '3': 'DEF', '4': 'GHI', '5': 'JKL', '6': 'MNO', '7': 'PQRS', '8': 'TUV', '9': 'WXYZ', '0': '+' };
const names: Record<string, string> = { '*': 'star', '#': 'hash' };

/** Keypad is the twelve keys of a telephone. Typing them does the same while one of them has the focus. */
export function Keypad({ onKey, label }: { onKey: (key: string) => void; label: string }) {
  const { t } = useTranslation();
  const press = (key: string) => {
    sound(key);
    onKey(key);
  };
  return (
    <div
      className="keypad"
      role="group"
      aria-label={label}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || !(rows as readonly string[]).includes(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
        press(event.key);
      }}
    >
      {rows.map((key) => (
        <button key={key} type="button" onClick={() => press(key)}>
          <span aria-hidden={key in names}>{key}</span>
          {names[key] && <span className="hidden">{t(`desk.key.${names[key]}`)}</span>}
          <small aria-hidden="true">{letters[key] ?? ''}</small>
        </button>
      ))}
    </div>
  );
}
